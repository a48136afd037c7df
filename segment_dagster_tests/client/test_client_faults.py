"""Faults: passing ones cost a repeated request and no row; lasting ones end in one line that a person can act on."""

import logging
from dataclasses import replace

import pytest

from segment_dagster.client import ApiError, Meter, SegmentClient
from segment_dagster.client.errors import (
    BodyError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    ShapeError,
    TokenError,
    UnreachableError,
)
from segment_dagster.client.retry import MAX_LIMITED
from segment_dagster.config import ApiSettings
from segment_dagster.emulator import KINDS, Fault, running
from segment_dagster.endpoints import CATALOGUE
from segment_dagster_tests.transient_faults import TRANSIENT_FAULTS

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
SOURCES = ROWS["sources"]
LASTING = [
    ("429-bare", RateLimitedError, "met the rate limit (429)", "Lower SEGMENT_REQUESTS_PER_MINUTE", 8),
    ("500", ServerError, "failed (500)", "Try again later", 5),
    ("503-html", ServerError, "failed (503)", "Try again later", 5),
    ("reset", UnreachableError, "got no whole answer from 127.0.0.1:", "Check the network", 5),
    ("truncated", UnreachableError, "got no whole answer from 127.0.0.1:", "Check the network", 5),
    ("bad-json", BodyError, "that are not JSON", "check that it is the API and not a web page", 5),
    ("empty-body", BodyError, "answered 0 bytes", "check that it is the API and not a web page", 5),
    ("renamed-key", ShapeError, "has no records at 'data.sources'", "Check SEGMENT_API_LAYOUT", 1),
    ("missing-feature", ForbiddenError, "lacks the permission 'Workspace Owner'", "leave this asset out", 1),
    ("forbidden", ForbiddenError, "lacks the permission 'Workspace Owner'", "Give the token that role", 1),
    ("not-found", NotFoundError, "found nothing (404)", "that of the 'public' layout", 1),
    ("revoked-token", TokenError, "the token is not valid (401)", "Check SEGMENT_API_TOKEN and SEGMENT_REGION", 1),
]
NO_FAULT_OF_THE_CLIENT = {
    "extra-field",
    "missing-field",
    "wrong-type",
    "wrong-total",
    "duplicate",
    "null-key",
    "orphan",
}
"""Faults of the records, which the client hands on as they are."""


def read(client, endpoint=SOURCES, values=None, meter=None):
    return [record for page in client.pages(endpoint, values, meter) for record in page.records]


def failing_read(client, endpoint=SOURCES):
    with pytest.raises(ApiError) as caught:
        read(client, endpoint)
    text = str(caught.value)
    assert text.splitlines() == [text], "an error is one line"
    assert client.settings.token not in text
    assert text.startswith(f"{endpoint.name}: GET ")
    assert caught.value.endpoint == endpoint.name
    return caught.value


def test_every_kind_of_fault_is_tried_here_or_in_the_tests_of_paging_and_rows():
    elsewhere = {"slow", "large", "endless", "repeated-cursor", "gone"}
    assert {*TRANSIENT_FAULTS, *(kind for kind, *_ in LASTING), *NO_FAULT_OF_THE_CLIENT, *elsewhere} == set(KINDS)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("after", [0, 3], ids=["first page", "fourth page"])
@pytest.mark.parametrize("kind", TRANSIENT_FAULTS)
def test_a_passing_fault_costs_no_row(kind, after, times, emulator):
    emulator.faults.add(Fault(kind, "sources", after=after, times=times, value=TRANSIENT_FAULTS[kind]))
    meter = Meter()
    with SegmentClient(ApiSettings(page_size=7)) as client:
        assert read(client, meter=meter) == emulator.world.records("sources")
    assert meter.requests == 6 + times
    assert meter.requests == emulator.stats.by_endpoint["sources"]
    assert meter.waited > 0


@pytest.fixture
def slow(world):
    """An emulator of its own: it counts an answer that came too late when the client is long in the next test."""
    with running(world=world, minute=0.05) as emulator:
        yield emulator


def test_a_slow_answer_is_asked_for_again(slow, client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.2")
    slow.faults.add(Fault("slow", "sources", times=1, value=60))
    meter = Meter()
    assert read(client_of(slow.url, token=slow.token), meter=meter) == slow.world.records("sources")
    assert meter.requests == 2


def test_answers_that_are_slow_for_ever_are_unreachable(slow, client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.1")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    slow.faults.add(Fault("slow", "sources", value=60))
    error = failing_read(client_of(slow.url, token=slow.token))
    assert isinstance(error, UnreachableError)
    assert "(ReadTimeout)" in str(error)


@pytest.mark.parametrize(
    ("kind", "error_class", "what", "remedy", "requests"), LASTING, ids=[row[0] for row in LASTING]
)
def test_a_lasting_fault_is_one_line_with_a_remedy(kind, error_class, what, remedy, requests, client, emulator):
    emulator.faults.add(Fault(kind, "sources"))
    error = failing_read(client)
    assert type(error) is error_class
    assert str(error).startswith("sources: GET /sources ")
    assert what in str(error)
    assert remedy in str(error)
    assert what in error.happened
    assert remedy not in error.happened
    assert emulator.stats.total == requests


@pytest.mark.parametrize("kind", ["429-retry-after", "429-ms-before-next", "429-reset"])
def test_a_rate_limit_that_never_ends_is_one_line(kind, emulator, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_RETRY_DELAY", "0.001")
    emulator.faults.add(Fault(kind, "sources", value=30))
    with SegmentClient(ApiSettings()) as client:
        error = failing_read(client)
    assert isinstance(error, RateLimitedError)
    assert 'Segment says: "You have made too many requests' in str(error)
    assert "Lower SEGMENT_REQUESTS_PER_MINUTE" in str(error)
    # each told when to come back, and none was a failure
    assert emulator.stats.total == MAX_LIMITED + 1


def test_attempts_are_as_many_as_dlts_setting_says(emulator, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "3")
    emulator.faults.add(Fault("500", "sources"))
    with SegmentClient(ApiSettings()) as client:
        failing_read(client)
    assert emulator.stats.total == 3


def test_a_renamed_key_names_the_keys_that_are_there(client, emulator):
    emulator.faults.add(Fault("renamed-key", "sources"))
    assert "data has no key 'sources'; its keys are: pagination, sourcesList." in str(failing_read(client))


def test_a_missing_feature_is_named(client, emulator):
    emulator.faults.add(Fault("missing-feature", "spaces"))
    error = failing_read(client, ROWS["spaces"])
    assert "was refused (403): the workspace's plan lacks the feature 'Spaces'" in str(error)
    assert 'Segment says: "The feature Spaces is not enabled for the workspace' in str(error)


def test_no_feature_is_named_where_the_endpoint_needs_none(client, emulator):
    emulator.faults.add(Fault("forbidden", "sources"))
    assert "feature" not in str(failing_read(client))


def test_a_missing_path_names_the_layout_in_use(emulator):
    emulator.faults.add(Fault("not-found", "sources"))
    with SegmentClient(ApiSettings(layout="versioned")) as client:
        error = failing_read(client)
    assert str(error).startswith("sources: GET /v1/sources found nothing (404)")
    assert "that of the 'versioned' layout: check SEGMENT_API_LAYOUT" in str(error)


def test_a_parent_that_is_gone_is_not_found(client, emulator):
    with pytest.raises(NotFoundError) as caught:
        read(client, ROWS["segments"], {"spaceId": "no/such space"})
    assert "GET /spaces/no%2Fsuch%20space/audiences found nothing" in str(caught.value)


def test_a_page_larger_than_the_api_allows_is_not_accepted(client, emulator):
    endpoint = replace(ROWS["segments"], page_size=900)
    (space, *_) = emulator.world.records("spaces")
    with pytest.raises(InvalidRequestError) as caught:
        read(client, endpoint, {"spaceId": space["id"]})
    text = str(caught.value)
    assert f"segments: GET /spaces/{space['id']}/audiences was not accepted (422)" in text
    assert "pagination.count must be between 1 and 200 (field pagination.count)" in text
    assert "SEGMENT_PAGE_SIZE" in text
    assert emulator.stats.total == 1


def test_a_token_revoked_half_way_ends_the_list(emulator):
    emulator.faults.add(Fault("revoked-token", "sources", after=2))
    with SegmentClient(ApiSettings(page_size=7)) as client:
        pages = client.pages(SOURCES)
        assert [len(next(pages).records) for _ in range(2)] == [7, 7]
        with pytest.raises(TokenError, match="Access Management > Tokens"):
            next(pages)
    assert emulator.stats.total == 3


def test_a_wrong_token_is_refused_without_being_shown(emulator, client_of):
    error = failing_read(client_of(emulator.url, token="Wr0ng-T0ken"))
    assert isinstance(error, TokenError)
    assert "Wr0ng-T0ken" not in str(error)
    assert emulator.stats.total == 1


def test_a_port_where_nobody_listens_is_unreachable(client_of):
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        error = failing_read(client_of(f"http://127.0.0.1:{port}"))
    assert isinstance(error, UnreachableError)
    assert f"got no whole answer from 127.0.0.1:{port} (ConnectionError)" in str(error)
    assert "Check the network, SEGMENT_REGION and SEGMENT_BASE_URL." in str(error)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "the body is a list"),
        (None, "the body is null"),
        ("text", "the body is text"),
        (3, "the body is a number"),
        (1.5, "the body is a number"),
        (True, "the body is true or false"),
        ({}, "the body has no key 'data'; its keys are: none"),
        ({"error": 1, "code": 2}, "the body has no key 'data'; its keys are: code, error"),
        ({"data": []}, "data is a list"),
        ({"data": {"sources": {}}}, "it is an object and not a list"),
        ({"data": {"sources": None}}, "it is null and not a list"),
        ({"data": {"sources": [{}, 7]}}, "a record is a number and not an object"),
        ({"data": {"sources": [["id"]]}}, "a record is a list and not an object"),
        ({"data": {"sources": [None]}}, "a record is null and not an object"),
    ],
    ids=str,
)
def test_json_without_records_is_told_from_an_empty_list(body, problem, scripted, client_of):
    api = scripted(body)
    error = failing_read(client_of(api.url))
    assert isinstance(error, ShapeError)
    assert f"has no records at 'data.sources': {problem}." in str(error)
    assert len(api.asked) == 1


def test_a_single_record_has_to_be_an_object(scripted, client_of):
    api = scripted({"data": {"workspace": []}})
    error = failing_read(client_of(api.url), ROWS["workspace"])
    assert "a record is a list and not an object" in str(error)


def test_at_most_twenty_keys_are_named(scripted, client_of):
    api = scripted({"data": {f"key{number:02d}": 1 for number in range(40)}})
    text = str(failing_read(client_of(api.url)))
    assert "key19" in text
    assert "key20" not in text


def test_keys_with_line_breaks_do_not_break_the_line(scripted, client_of):
    api = scripted({"data": {"a\nb": 1, "c\u2028d": 2}})
    failing_read(client_of(api.url))


def test_the_apis_own_words_are_quoted_without_the_token(scripted, reply, client_of):
    said = {"errors": [{"type": "forbidden", "message": "token\n a-token-of-mine \u2028 is bad", "field": "auth"}]}
    error = failing_read(client_of(scripted(reply(said, 403)).url))
    assert 'Segment says: "token [token] is bad (field auth)".' in str(error)


def test_the_apis_own_words_are_cut(scripted, reply, client_of):
    error = failing_read(client_of(scripted(reply({"errors": [{"message": "word " * 500}]}, 400)).url))
    assert "word " * 10 in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("body", "quote"),
    [
        ({"errors": [{"type": "only-a-type"}]}, 'Segment says: "only-a-type".'),
        ({"errors": [{"message": "one"}, {"message": "two", "field": "f"}]}, 'Segment says: "one; two (field f)".'),
        ({"errors": [{}]}, 'Segment says: "no reason".'),
        ({"errors": ["text", None]}, ""),
        ({"errors": "text"}, ""),
        (["text"], ""),
        (None, ""),
        (b"<html>no</html>", ""),
    ],
    ids=["type", "two", "empty", "no objects", "no list", "list", "null", "html"],
)
def test_an_error_envelope_of_any_shape_is_read(body, quote, scripted, reply, client_of):
    error = failing_read(client_of(scripted(reply(body, 409)).url))
    assert type(error) is InvalidRequestError
    assert "was not accepted (409)" in str(error)
    assert quote in str(error)
    assert ("Segment says" in str(error)) is bool(quote)


def test_a_request_timeout_of_the_server_is_tried_again(scripted, reply, client_of):
    api = scripted(reply({}, 408), {"data": {"sources": [{"id": "a"}]}})
    assert read(client_of(api.url)) == [{"id": "a"}]


def test_a_web_page_in_place_of_the_api_is_no_json(scripted, reply, client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    api = scripted(reply(b"<html>" + b"x" * 2000, headers={"Content-Type": "text/html"}))
    error = failing_read(client_of(api.url))
    assert "answered 2,006 bytes of text/html that are not JSON" in str(error)


def test_a_body_of_no_content_type_is_no_json(scripted, reply, client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    error = failing_read(client_of(scripted(reply(b"", 204)).url))
    assert "answered 0 bytes of no content type that are not JSON" in str(error)


def test_a_body_that_is_not_compressed_as_it_says_is_an_error_of_the_api(scripted, reply, client_of, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    api = scripted(reply(b"this is no gzip", headers={"Content-Encoding": "gzip"}))
    failing_read(client_of(api.url))


@pytest.mark.parametrize("kind", ["500", "reset", "429-bare"])
def test_a_repeated_request_is_logged_without_token_and_query(kind, emulator, caplog):
    emulator.faults.add(Fault(kind, "sources", times=2))
    with caplog.at_level(logging.WARNING, "segment_dagster"), SegmentClient(ApiSettings()) as client:
        read(client)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("segment_dagster")]
    assert len(lines) == 2
    assert all(line.startswith("sources: GET /sources ") and "\n" not in line for line in lines)
    assert all(f"attempt {number}, next in 0.0 s" in line for number, line in enumerate(lines, 1))
    assert not [line for line in lines if emulator.token in line or "?" in line]


def test_faults_of_one_thread_are_counted_with_its_own_meter(client, emulator):
    emulator.faults.add(Fault("500", "sources", times=2))
    first, second = Meter(), Meter()
    read(client, meter=first)
    read(client, ROWS["warehouses"], meter=second)
    assert (first.requests, second.requests) == (3, 1)
    assert second.waited == 0
