"""Which times are asked for: all that was wanted, nothing twice, and nothing that Segment does not allow."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.endpoints import CATALOGUE, TABLES, TimeRange
from segment_dagster.extract.errors import FutureError, LookBackError
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.times import (
    Window,
    default_window,
    first_day,
    first_of_month,
    midnight,
    next_month,
    span_of,
    times_of,
)

UTC = timezone.utc
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
ROWS = {endpoint.name: endpoint for endpoint in TABLES}
VOLUME, OVERVIEW = ROWS["events_volume"], ROWS["delivery_overview_failed_delivery"]
METRICS, USAGE, AUDIT = ROWS["destination_delivery_metrics"], ROWS["usage_mtu_daily"], ROWS["audit_events"]
NOW = datetime(2026, 3, 31, 6, 30, 45, 123456, tzinfo=UTC)

LIMITED = [
    pytest.param(
        apply_overrides(endpoint, {endpoint.domain: span.granularity}, {}), span, id=f"{name}-{span.granularity}"
    )
    for name, endpoint in ROWS.items()
    if isinstance(endpoint.time, TimeRange)
    for span in endpoint.time.spans
]
"""Every endpoint with documented limits, in every granularity."""

SERIES = [limited.values[0] for limited in LIMITED] + [
    apply_overrides(VOLUME, {"volume": granularity}, {}) for granularity in ("DAY", "HOUR", "MINUTE")
]

exactly = property_settings(derandomize=True, database=None, deadline=None, max_examples=300)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def asked(endpoint, window=None, now=NOW, pieces=1):
    return [each.params for each in times_of(endpoint, window, now, pieces)]


def ranges(endpoint, window=None, now=NOW):
    return [(moment(each["startTime"]), moment(each["endTime"])) for each in asked(endpoint, window, now)]


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def pieces_of(window, now, pieces):
    """What is asked for of the trail, each with the time that counts of its answer."""
    found = times_of(AUDIT, window, now, pieces)
    return [(piece.params, piece.window) for piece in found if piece.window]


def months(endpoint, window=None, now=NOW):
    return [each["period"] for each in asked(endpoint, window, now)]


def test_an_endpoint_without_a_time_is_asked_for_none():
    assert asked(ROWS["sources"]) == [{}]
    assert default_window(ROWS["sources"], NOW) is None


def test_every_granularity_of_every_limit_is_looked_at():
    # six overviews and the metrics, each by the day, the hour and the minute
    assert len(LIMITED) == 21


@pytest.mark.parametrize(("endpoint", "span"), LIMITED)
def test_the_look_back_ends_where_segment_says(endpoint, span):
    oldest = NOW.replace(microsecond=0) - span.oldest
    now = NOW.replace(microsecond=0)
    assert ranges(endpoint, Window(oldest, oldest + HOUR), now) == [(oldest, oldest + HOUR)]
    for too_early in (timedelta(microseconds=1), SECOND, 400 * DAY):
        with pytest.raises(LookBackError):
            asked(endpoint, Window(oldest - too_early, oldest + HOUR), now)


@pytest.mark.parametrize(("endpoint", "span"), LIMITED)
def test_a_range_is_as_long_as_segment_allows_and_no_longer(endpoint, span):
    longest = min(span.longest, DAY if endpoint.time.totals else span.longest)
    now = NOW.replace(second=0, microsecond=0)
    start = now - span.oldest
    assert ranges(endpoint, Window(start, start + longest), now) == [(start, start + longest)]
    if span.oldest > longest:
        further = start + longest + MINUTE
        assert ranges(endpoint, Window(start, further), now) == [(start, start + longest), (start + longest, further)]


@pytest.mark.parametrize(("endpoint", "span"), LIMITED)
def test_the_whole_look_back_takes_no_more_requests_than_it_must(endpoint, span):
    now = NOW.replace(second=0, microsecond=0)
    longest = min(span.longest, DAY) if endpoint.time.totals else span.longest
    assert len(asked(endpoint, Window(now - span.oldest), now)) == -(-span.oldest // longest)


@exactly
@given(st.sampled_from(SERIES), moments, st.integers(-60, 40 * 86_400), st.integers(-7200, 60 * 86_400) | st.none())
def test_nothing_is_asked_that_the_limits_forbid_and_nothing_wanted_is_left_out(endpoint, now, back, length):
    start = (now - back * SECOND).replace(microsecond=0)
    window = Window(start, None if length is None else start + length * SECOND)
    span, pluralize = span_of(endpoint), (now - endpoint.time.lag).replace(second=0, microsecond=0)
    end = min(window.end or now, pluralize)
    try:
        parts = ranges(endpoint, window, now)
    except FutureError:
        assert start >= end
        return
    except LookBackError:
        assert span and now - start > span.oldest
        return
    assert parts[0][0] == start
    assert parts[-1][1] == end <= now
    assert [first for first, _ in parts[1:]] == [until for _, until in parts[:-1]]
    assert all(first < until for first, until in parts)
    if endpoint.time.totals:
        assert all(until - first <= DAY for first, until in parts)
    if span:
        assert now - start <= span.oldest
        assert all(until - first <= span.longest for first, until in parts)


@exactly
@given(st.sampled_from(SERIES), moments)
def test_the_first_day_that_is_named_can_be_read_whole_and_the_one_before_it_cannot(endpoint, now):
    span = span_of(endpoint)
    if span is None:
        return
    first = first_day(span, now)
    assert first == midnight(first)
    assert ranges(endpoint, Window(first, first + MINUTE), max(now, first + MINUTE))
    with pytest.raises(LookBackError):
        asked(endpoint, Window(first - DAY, first), now)


@exactly
@given(st.sampled_from([each for each in CATALOGUE if isinstance(each.time, TimeRange)]), moments)
def test_a_full_read_keeps_to_the_limits_at_any_hour(endpoint, now):
    window = default_window(endpoint, now)
    assert window is not None
    assert window.start == midnight(now) - endpoint.time.days * DAY
    assert times_of(endpoint, None, now, 16) == times_of(endpoint, window, now, 16)


@pytest.mark.parametrize(("endpoint", "span"), LIMITED)
def test_each_day_of_the_look_back_can_be_read_at_any_hour(endpoint, span):
    for hour in range(24):
        now = at(f"2026-03-30T{hour:02d}:59:59")
        day = first_day(span, now)
        while day < now:
            lengths = [until - first for first, until in ranges(endpoint, Window(day, day + DAY), now)]
            assert sum(lengths, timedelta()) == min(day + DAY, now.replace(second=0)) - day
            day += DAY


def test_limits_are_none_where_segment_states_none():
    assert span_of(VOLUME) is None
    assert span_of(USAGE) is None
    assert ranges(VOLUME, Window(at("2019-01-01"), at("2026-01-01"))) == [(at("2019-01-01"), at("2026-01-01"))]


@pytest.mark.parametrize(
    ("now", "volume", "overview"),
    [
        ("2026-03-31T12:00:59.999999", "2026-03-31T11:59", "2026-03-31T12:00"),
        ("2026-03-31T12:01:00", "2026-03-31T12:00", "2026-03-31T12:01"),
        ("2026-03-31T12:01:00.000001", "2026-03-31T12:00", "2026-03-31T12:01"),
        ("2026-03-31T23:59:59", "2026-03-31T23:58", "2026-03-31T23:59"),
    ],
)
def test_todays_partition_ends_at_the_last_whole_minute_that_is_counted(now, volume, overview):
    today = Window(at("2026-03-31"), at("2026-04-01"))
    assert ranges(VOLUME, today, at(now)) == [(today.start, at(volume))]
    assert ranges(OVERVIEW, today, at(now)) == [(today.start, at(overview))]


def test_yesterdays_volume_lacks_its_last_minute_until_that_is_counted():
    day = Window(at("2026-03-30"), at("2026-03-31"))
    assert ranges(VOLUME, day, at("2026-03-31T00:00:59")) == [(day.start, at("2026-03-30T23:59"))]
    assert ranges(VOLUME, day, at("2026-03-31T00:01:00")) == [(day.start, day.end)]


@pytest.mark.parametrize(
    ("endpoint", "now", "start"),
    [
        (VOLUME, "2026-03-31T00:01:59", "2026-03-31"),
        (OVERVIEW, "2026-03-31T00:00:59", "2026-03-31"),
        (METRICS, "2026-03-31T00:00:59", "2026-03-31"),
        (OVERVIEW, "2026-03-31T12:00:00", "2026-04-01"),
    ],
)
def test_what_has_not_come_is_not_asked_for(endpoint, now, start):
    assert bool(endpoint is VOLUME) == bool(endpoint.time.lag)
    now = at(now) - (MINUTE if endpoint is VOLUME else timedelta(0))
    with pytest.raises(FutureError) as failure:
        asked(endpoint, Window(at(start), at(start) + DAY), now)
    assert str(failure.value) == (
        f"{endpoint.name}: {start}T00:00Z has not come yet, or is not counted yet. "
        "Nothing was asked for. Try again later."
    )


def test_a_month_that_has_not_come_is_not_asked_for():
    with pytest.raises(FutureError, match=r"^usage_mtu_daily: 2026-04-01T00:00Z has not come yet"):
        asked(USAGE, Window(at("2026-04-01"), at("2026-05-01")), at("2026-03-31T23:59:59"))


@pytest.mark.parametrize(
    ("granularity", "start", "said"),
    [
        (
            "DAY",
            "2026-03-01T06:30",
            "2026-03-01 is longer ago than the 30 days that Segment goes back for granularity DAY. Nothing was asked "
            "for. The first day that can still be read whole is 2026-03-02.",
        ),
        (
            "HOUR",
            "2025-12-24",
            "2025-12-24 is longer ago than the 30 days that Segment goes back for granularity HOUR. Nothing was asked "
            "for. The first day that can still be read whole is 2026-03-02.",
        ),
        (
            "MINUTE",
            "2026-03-29",
            "2026-03-29 is longer ago than the 48 hours that Segment goes back for granularity MINUTE. Nothing was "
            "asked for. The first day that can still be read whole is 2026-03-30.",
        ),
    ],
)
def test_what_is_too_long_ago_is_told_in_a_line(granularity, start, said):
    endpoint = apply_overrides(OVERVIEW, {"delivery": granularity}, {})
    with pytest.raises(LookBackError) as failure:
        asked(endpoint, Window(at(start), NOW))
    assert str(failure.value) == f"delivery_overview_failed_delivery: {said}"


def test_totals_are_asked_for_day_by_day():
    window = Window(at("2026-03-28"), at("2026-04-01"))
    assert ranges(METRICS, window) == [
        (at("2026-03-28"), at("2026-03-29")),
        (at("2026-03-29"), at("2026-03-30")),
        (at("2026-03-30"), at("2026-03-31")),
        (at("2026-03-31"), at("2026-03-31T06:30")),
    ]


def test_the_granularity_is_sent_where_there_is_one():
    assert {each["granularity"] for each in asked(OVERVIEW)} == {"DAY"}
    assert {each["granularity"] for each in asked(apply_overrides(VOLUME, {"volume": "HOUR"}, {}))} == {"HOUR"}
    assert all("granularity" not in each for each in asked(AUDIT))


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        ("2026-01-01T00:00:00", ["2025-12-01", "2026-01-01"]),
        ("2025-12-31T23:59:59.999999", ["2025-11-01", "2025-12-01"]),
        ("2024-03-31T12:00:00", ["2024-02-01", "2024-03-01"]),
        ("2024-02-29T12:00:00", ["2024-01-01", "2024-02-01"]),
    ],
)
def test_the_months_of_a_full_read_are_the_present_and_the_last(now, wanted):
    assert months(USAGE, None, at(now)) == wanted


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        ("2025-12-01", "2026-01-01", ["2025-12-01"]),
        ("2025-12-01", "2026-01-02", ["2025-12-01", "2026-01-01"]),
        ("2025-12-31", "2026-01-01", ["2025-12-01"]),
        ("2024-02-29", "2024-03-01", ["2024-02-01"]),
        ("2026-03-01", "2026-04-01", ["2026-03-01"]),
        ("2026-03-01", "2027-01-01", ["2026-03-01"]),
    ],
)
def test_months_are_those_that_a_window_touches_and_that_have_come(start, end, wanted):
    assert months(USAGE, Window(at(start), at(end))) == wanted


@exactly
@given(moments, st.integers(0, 1500), st.integers(1, 1500))
def test_months_follow_each_other_from_the_first_to_the_last(now, back, length):
    start = midnight(now) - back * DAY
    end = start + length * DAY
    window = Window(start, end)
    found = [at(month) for month in months(USAGE, window, now)]
    assert found[0] == first_of_month(start)
    assert all(month.day == 1 for month in found)
    assert [next_month(month) for month in found[:-1]] == found[1:]
    assert next_month(found[-1]) >= min(end, next_month(first_of_month(now)))
    assert found[-1] <= now and found[-1] < end


@pytest.mark.parametrize("year", [2023, 2024, 2025, 2026])
def test_every_day_of_a_year_is_as_long_as_the_others(year):
    # those on which clocks are changed, leap days and New Year's Eve too
    day, asked_for = at(f"{year}-01-01"), timedelta()
    while day.year == year:
        ((start, end),) = ranges(VOLUME, Window(day, day + DAY), at("2027-06-01"))
        assert (start.hour, end.hour, end - start) == (0, 0, DAY)
        asked_for += end - start
        day += DAY
    assert asked_for == at(f"{year + 1}-01-01") - at(f"{year}-01-01")


@exactly
@given(moments, st.timedeltas(-2 * DAY, 120 * DAY), st.integers(1, 64), st.none() | st.timedeltas(SECOND, 120 * DAY))
def test_the_pieces_of_what_is_read_from_the_latest_row_on_meet(now, back, pieces, length):
    start = now - back
    window = Window(start, None if length is None else start + length)
    found = [within for _, within in pieces_of(window, now, pieces)]
    assert found[0].start == start.replace(microsecond=0)
    assert found[-1].end == window.end
    assert [within.end for within in found[:-1]] == [within.start for within in found[1:]]
    assert len(found) <= pieces
    if len(found) > 1:
        lengths = [(within.end or now) - within.start for within in found]
        # whole seconds: the last makes up for what the others were rounded by
        assert min(lengths) >= DAY - pieces * SECOND
        assert max(lengths) - min(lengths) <= pieces * SECOND


@exactly
@given(moments, st.timedeltas(timedelta(0), 120 * DAY), st.integers(1, 64), st.none() | st.timedeltas(SECOND, 9 * DAY))
def test_each_piece_is_asked_for_with_a_second_to_spare(now, back, pieces, length):
    window = Window(now - back, None if length is None else now - back + length)
    for values, within in pieces_of(window, now, pieces):
        assert moment(values["startTime"]) == within.start - SECOND
        if within.end is None:
            assert set(values) == {"startTime"}
        else:
            assert within.end < moment(values["endTime"]) <= within.end + SECOND


def test_the_trail_is_read_in_one_piece_where_little_is_new_and_in_several_where_much_is():
    assert len(times_of(AUDIT, Window(NOW - HOUR), NOW, 16)) == 1
    assert len(times_of(AUDIT, Window(NOW - 3 * DAY), NOW, 16)) == 3
    assert len(times_of(AUDIT, None, NOW, 16)) == 16
