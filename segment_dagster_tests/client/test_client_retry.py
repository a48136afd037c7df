"""When to ask again: what the server says about it, its limits, and the end of all waiting."""

import logging
import threading
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from segment_dagster.client import Meter, SegmentClient
from segment_dagster.client.errors import (
    ApiError,
    RateLimitedError,
    ServerError,
    TokenError,
    TransientError,
    UnreachableError,
)
from segment_dagster.client.retry import LIMITED_ATTEMPTS, MAX_BACKOFF, MAX_LIMITED, RetryBudget, wait_retry_after
from segment_dagster.client.retry_after import retry_after_seconds
from segment_dagster.config import ApiSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Fault, running
from segment_dagster.endpoints import CATALOGUE
from segment_dagster_tests.transient_faults import TRANSIENT_FAULTS

SOURCES = next(endpoint for endpoint in CATALOGUE if endpoint.name == "sources")


def delay_of(body=None, status=429, **headers):
    """What a refusal with this body and these headers asks to wait."""
    sent = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return retry_after_seconds(sent, body, rate_limit=status == 429, now=utc_now())


def in_seconds(seconds):
    return formatdate(time.time() + seconds, usegmt=True)


def body(told):
    return {"errors": [{"type": "too-many-requests", "data": {"msBeforeNext": told}}]}


def unreachable():
    return UnreachableError("sources", "/sources", "host", "ConnectionError")


def limited(delay=None):
    failure = RateLimitedError("sources", "/sources", "")
    failure.delay = delay
    return failure


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("header", "seconds"), [("0", None), ("7", 7.0), (" 120 ", 120.0), ("0005", 5.0)])
def test_retry_after_in_seconds(header, seconds, status):
    assert delay_of(status=status, Retry_After=header) == seconds


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_a_date_without_a_zone_is_in_utc(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        told = delay_of(status=429, X_RateLimit_Reset=formatdate(time.time() + 30))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert told == pytest.approx(30, abs=5)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_as_a_date(status):
    delay = delay_of(status=status, Retry_After=in_seconds(1000))
    assert delay == pytest.approx(950, abs=50)


def test_a_date_that_is_past_is_no_wait():
    assert delay_of(Retry_After=in_seconds(-1000)) == 0
    assert delay_of(X_RateLimit_Reset=in_seconds(-1000)) == 0


def test_milliseconds_before_the_next_request():
    assert delay_of(body(250)) == 0.25
    assert delay_of(body(0)) == 0
    assert delay_of(body(1.5)) == 0.0015


def test_the_end_of_the_rate_limits_window():
    assert delay_of(X_RateLimit_Reset=in_seconds(1000)) == pytest.approx(950, abs=50)


def test_retry_after_counts_before_milliseconds_and_those_before_the_window():
    reset = in_seconds(1000)
    assert delay_of(body(250), Retry_After="7", X_RateLimit_Reset=reset) == 7
    assert delay_of(body(250), X_RateLimit_Reset=reset) == 0.25
    assert delay_of(body(250), Retry_After="soon", X_RateLimit_Reset=reset) == 0.25
    told = delay_of(body("soon"), Retry_After="soon", X_RateLimit_Reset=reset)
    assert told == pytest.approx(950, abs=50)


def test_only_a_rate_limit_is_asked_about_its_window():
    assert delay_of(body(250), status=500, X_RateLimit_Reset=in_seconds(1000)) is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "1e3",
        "\u00b2",
        "nan",
        "inf",
        "99 Foo 9999",
        "Mon, 99 Jan 2030 00:00:00 GMT",
        ",",
        "0x10",
    ],
)
def test_a_delay_that_makes_no_sense_is_none(header):
    assert delay_of(Retry_After=header, X_RateLimit_Reset=header) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        [],
        "text",
        {},
        {"errors": None},
        {"errors": {}},
        {"errors": ["text", None, {}]},
        {"errors": [{"data": None}, {"data": []}]},
        body(None),
        body("250"),
        body(True),
        body(-1),
        body([]),
    ],
    ids=str,
)
def test_milliseconds_that_make_no_sense_are_none(nonsense):
    assert delay_of(nonsense) is None


def test_the_first_error_that_tells_milliseconds_counts():
    told = {"errors": [{"type": "x"}, {"data": {"msBeforeNext": 500}}, {"data": {"msBeforeNext": 900}}]}
    assert delay_of(told) == 0.5


@property_settings(derandomize=True, database=None, deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_header_is_an_error(header):
    delay = delay_of(Retry_After=header, X_RateLimit_Reset=header)
    assert delay is None or delay >= 0


@property_settings(derandomize=True, database=None, deadline=None)
@given(
    st.integers(0, 40),
    st.sampled_from(["Jan", "Foo"]),
    st.integers(0, 99999),
    st.sampled_from(["GMT", "-0000", "+9999"]),
)
def test_no_date_is_an_error(day, month, year, zone):
    delay = delay_of(Retry_After=f"Mon, {day:02d} {month} {year:04d} 00:00:00 {zone}")
    assert delay is None or delay >= 0


def test_the_wait_is_what_the_server_tells_and_a_little_more():
    waits = {wait_retry_after(limited(7.0), 4, 1, 300) for _ in range(200)}
    assert 7 <= min(waits) < max(waits) <= 7.1


def test_a_told_wait_is_capped():
    assert wait_retry_after(limited(86_400.0), 1, 1, 300) == 300


def test_an_endless_wait_is_capped():
    assert wait_retry_after(limited(delay_of(Retry_After="9" * 400)), 1, 1, 300) == 300


@pytest.mark.parametrize("failure", [limited(), ServerError("s", "/s", 500, ""), unreachable()], ids=str)
def test_the_backoff_doubles_with_jitter_up_to_the_cap(failure):
    for attempt, longest in [(1, 2), (2, 4), (3, 8), (4, 16), (5, 20), (60, 20)]:
        waits = {wait_retry_after(failure, attempt, 2, 20) for _ in range(200)}
        assert longest / 2 <= min(waits) < max(waits) <= longest


def test_the_backoff_is_never_so_long_that_the_end_of_an_outage_is_missed():
    assert max(wait_retry_after(limited(), attempt, 1, 300) for attempt in (9, 60, 5000)) <= MAX_BACKOFF


def attempts_of(budget, failures, clock):
    """How many attempts there are of a request that fails so, and the seconds that they take."""
    for number, failure in enumerate(failures, 1):
        seconds = budget.next_wait(failure)
        assert budget.attempt == number
        if seconds is None:
            return number
        clock[0] += seconds
    return None


def budget(clock, seconds=300.0, limited_seconds=3600.0, attempts=None):
    return RetryBudget(
        backoff=1,
        max_wait=300,
        seconds=seconds,
        limited_seconds=limited_seconds,
        attempts=attempts,
        clock=lambda: clock[0],
    )


@pytest.mark.parametrize("failure", [limited(), ServerError("s", "/s", 500, ""), unreachable()], ids=str)
def test_an_outage_of_three_minutes_is_ridden_out_and_one_that_lasts_ends(failure):
    for outage, ends in [(180, None), (299, None), (10**9, 300)]:
        clock = [0.0]

        def failures(clock=clock, outage=outage):
            while clock[0] < outage:
                yield failure

        assert (attempts_of(budget(clock), failures(), clock) is None) is (ends is None)
        assert clock[0] == pytest.approx(ends) if ends else clock[0] < outage + MAX_BACKOFF


def test_a_failure_that_takes_longer_than_its_budget_is_tried_again():
    clock = [1000.0]
    failures = [ServerError("s", "/s", 500, "")] * 3
    assert attempts_of(budget(clock, seconds=0.1), failures, clock) == 2


def test_a_429_that_says_when_to_come_back_is_no_failure():
    clock = [0.0]
    assert attempts_of(budget(clock, seconds=10), [limited(30.0)] * 50, clock) is None
    assert clock[0] > 50 * 30
    # nor is one an end of those before it
    clock = [0.0]
    turns = [ServerError("s", "/s", 500, ""), limited(60.0)] * 20
    assert attempts_of(budget(clock, seconds=10), turns, clock) is None


def test_a_429_that_says_so_is_not_waited_for_for_ever():
    clock = [0.0]
    assert attempts_of(budget(clock), [limited(86_400.0)] * 2, clock) == 1
    assert clock[0] == 0, "a wait that is too long is not begun"
    assert attempts_of(budget(clock), [limited(60.0)] * 100, clock) == 60
    assert clock[0] == pytest.approx(3600, abs=60)
    assert attempts_of(budget(clock), [limited(0.001)] * 1000, clock) == MAX_LIMITED + 1


def test_what_another_attempt_cannot_overcome_is_not_tried_again():
    for failure in (TokenError("s", "/s", ""), UnreachableError("s", "/s", "h", "InvalidURL", retryable=False)):
        assert budget([0.0], attempts=20).next_wait(failure) is None


def test_attempts_that_a_user_has_set_end_a_request_and_no_time_does():
    for failure in (ServerError("s", "/s", 500, ""), TransientError("s", "/s", "x"), unreachable()):
        assert attempts_of(budget([0.0], seconds=1, attempts=20), [failure] * 30, [0.0]) == 20
    last = 5 + LIMITED_ATTEMPTS
    assert attempts_of(budget([0.0], attempts=5), [limited()] * 30, [0.0]) == last
    told = [limited(1.0)] * 30
    assert attempts_of(budget([0.0], attempts=5), [*told, *[unreachable()] * 30], [0.0]) == 30 + 5


@pytest.fixture
def by_time(monkeypatch):
    """What a user has who sets nothing: retries by time."""
    monkeypatch.delenv("RUNTIME__REQUEST_MAX_ATTEMPTS")


@pytest.mark.parametrize("kind", TRANSIENT_FAULTS)
def test_more_failures_in_a_row_than_dlt_has_attempts_cost_no_row(kind, emulator, by_time):
    emulator.faults.add(Fault(kind, "sources", times=9, value=TRANSIENT_FAULTS[kind]))
    meter = Meter()
    with SegmentClient(ApiSettings()) as client:
        found = [record for page in client.pages(SOURCES, meter=meter) for record in page.records]
    assert found == emulator.world.records("sources")
    assert meter.requests == 10


@pytest.mark.parametrize(
    ("kind", "error"), [("500", ServerError), ("reset", UnreachableError), ("429-bare", RateLimitedError)]
)
def test_an_outage_that_lasts_ends_after_the_seconds_that_are_set(kind, error, emulator, by_time, monkeypatch):
    monkeypatch.setenv("SEGMENT_RETRY_SECONDS", "0.3")
    emulator.faults.add(Fault(kind, "sources"))
    with SegmentClient(ApiSettings()) as client, pytest.raises(error) as caught:
        list(client.pages(SOURCES))
    assert emulator.stats.total > 5
    assert "So did every attempt" in str(caught.value) or "Nor did any other attempt" in str(caught.value)


def test_a_429_that_asks_for_a_day_is_told_at_once(emulator, by_time):
    emulator.faults.add(Fault("429-retry-after", "sources", value=86_400))
    with SegmentClient(ApiSettings()) as client, pytest.raises(RateLimitedError) as caught:
        list(client.pages(SOURCES))
    assert "met the rate limit (429), to come back in 24 h 0 min." in str(caught.value)
    assert "Run it again then." in str(caught.value)
    assert emulator.stats.total == 1


def test_attempts_that_end_in_another_fault_end_by_that(emulator):
    emulator.faults.add(Fault("429-bare", "sources", times=6), Fault("500", "sources", after=6))
    with SegmentClient(ApiSettings()) as client, pytest.raises(ServerError):
        list(client.pages(SOURCES))
    assert emulator.stats.total == 7


class Waiting(logging.Handler):
    """Tells when the client begins to wait for another attempt."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.begun = threading.Event()

    def emit(self, record):
        self.begun.set()


@pytest.fixture
def waiting():
    handler, logger = Waiting(), logging.getLogger("segment_dagster.client")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def test_closing_the_client_ends_a_wait_at_once(emulator, waiting):
    emulator.faults.add(Fault("429-retry-after", value=100))
    client, caught = SegmentClient(ApiSettings()), []

    def read():
        try:
            list(client.pages(SOURCES))
        except ApiError as error:
            caught.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert waiting.begun.wait(30)
    client.close()
    thread.join(30)
    assert not thread.is_alive()
    assert len(caught) == 1
    assert emulator.stats.total <= 2


def test_closing_the_client_ends_a_request_that_is_under_way(world):
    with running(world=world, minute=0.05, faults=[Fault("slow", value=600)]) as emulator:
        client, caught = SegmentClient(ApiSettings(token=emulator.token, base_url=emulator.url)), []

        def read():
            try:
                list(client.pages(SOURCES))
            except ApiError as error:
                caught.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        while not emulator.stats.most_open:
            thread.join(0.01)
        client.close()
        thread.join(30)
        assert not thread.is_alive()
    assert isinstance(caught[0], UnreachableError)


def test_the_end_of_the_block_closes_the_client(emulator):
    emulator.faults.add(Fault("500"))
    with SegmentClient(ApiSettings()) as client:
        pass
    with pytest.raises(UnreachableError):
        list(client.pages(SOURCES))
    assert emulator.stats.total <= 1, "a closed client does not try again"
