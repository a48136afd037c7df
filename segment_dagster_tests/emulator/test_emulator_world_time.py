from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_dagster.emulator.world import audit, connections, delivery, engage, usage, volume
from segment_dagster.emulator.world.factories import ListContext, Record, TimedMaker, TimedRequest
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator
from segment_dagster.emulator.world.workspace import workspace

MAKERS: dict[str, TimedMaker] = {**audit.TIMED, **usage.TIMED, **volume.TIMED, **delivery.TIMED}
NOW = datetime(2026, 11, 24, 3, 30, 12, 345678, tzinfo=timezone.utc)
USAGE = (
    "usage_api_calls_daily",
    "usage_api_calls_per_source_daily",
    "usage_mtu_daily",
    "usage_mtu_per_source_daily",
)
AT_SOURCE = (
    "delivery_overview_successfully_received",
    "delivery_overview_failed_on_ingest",
    "delivery_overview_filtered_at_source",
)
AT_DESTINATION = (
    "delivery_overview_filtered_at_destination",
    "delivery_overview_failed_delivery",
    "delivery_overview_successful_delivery",
)
OVERVIEWS = (*AT_SOURCE, *AT_DESTINATION)
GROUPS = {
    "events_volume": ("source", "eventName", "eventType"),
    "delivery_overview_successfully_received": ("eventName", "eventType", "appVersion"),
    **{name: ("eventName", "eventType", "discardReason", "appVersion") for name in OVERVIEWS[1:]},
}
OPTIONAL = {
    "audit_events": {"actorEmail"},
    "events_volume": {"eventName"},
    "delivery_overview_successfully_received": {"eventName", "appVersion", "totalRetryCount"},
    "delivery_overview_successful_delivery": {"eventName", "appVersion", "totalRetryCount"},
    **{
        name: {"eventName", "discardReason", "appVersion", "totalRetryCount"}
        for name in (*AT_SOURCE[1:], *AT_DESTINATION[:2])
    },
}
MTU = {"periodStart", "periodEnd", "anonymous", "anonymousIdentified", "identified", "neverIdentified", "timestamp"}
REQUIRED = {
    "audit_events": {"id", "timestamp", "type", "actor", "resourceId", "resourceType", "resourceName"},
    "usage_api_calls_daily": {"apiCalls", "timestamp"},
    "usage_api_calls_per_source_daily": {"sourceId", "apiCalls", "timestamp"},
    "usage_mtu_daily": MTU,
    "usage_mtu_per_source_daily": {"sourceId", *MTU},
    "events_volume": {"source", "eventType", "total", "series"},
    **{name: {"eventType", "total", "series"} for name in OVERVIEWS},
    "destination_delivery_metrics": {"sourceId", "destinationMetadataId", "metrics"},
}
STEPS = {"DAY": timedelta(days=1), "HOUR": timedelta(hours=1), "MINUTE": timedelta(minutes=1)}
granularities = st.sampled_from(sorted(STEPS))
moments = st.datetimes(datetime(2026, 11, 23, 12), datetime(2026, 11, 24, 6), timezones=st.just(timezone.utc))


def _made() -> dict[str, list[Record]]:
    known: dict[str, list[Record]] = {}
    mint = SecretGenerator(7)
    for name, make in (
        ("workspace", workspace),
        ("sources", connections.sources),
        ("destinations", connections.destinations),
        ("warehouses", connections.warehouses),
        ("spaces", engage.spaces),
    ):
        known[name] = make(ListContext(RandomValues(f"7/{name}", mint), 1, known.__getitem__))
    space = known["spaces"][0]
    known["segments"] = engage.segments(ListContext(RandomValues("7/segments", mint), 1, known.__getitem__, space))
    known["users"] = [{"id": f"usr{number}", "email": f"zoë+{number}@example.com"} for number in range(9)]
    return known


KNOWN = _made()
SOURCE = next(each for each in KNOWN["sources"] if each["enabled"])
DESTINATION = next(
    each
    for each in KNOWN["destinations"]
    if each["enabled"] and next(s for s in KNOWN["sources"] if s["id"] == each["sourceId"])["enabled"]
)


def ask(
    name: str,
    values: Mapping[str, str] | None = None,
    known: Mapping[str, list[Record]] = KNOWN,
    now: datetime = NOW,
    **query: str | Iterable[str],
) -> list[Record]:
    given_values = values or {}
    repeated = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in query.items()}
    seed = f"7/{name}/{'/'.join(given_values.values())}"
    return MAKERS[name](TimedRequest(seed, given_values, repeated, now, 1, known.__getitem__))


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def read(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def in_range(start: datetime, end: datetime, granularity: str) -> dict[str, Any]:
    return {"startTime": iso(start), "endTime": iso(end), "granularity": granularity}


DAYS_29 = in_range(datetime(2026, 10, 25, tzinfo=timezone.utc), datetime(2026, 11, 23, tzinfo=timezone.utc), "DAY")


def of(name: str, parent: Record) -> dict[str, str]:
    """What the list of a source or a destination is asked with."""
    if name in AT_SOURCE:
        return {"sourceId": parent["id"]}
    if name in AT_DESTINATION:
        return {"sourceId": parent["sourceId"], "destinationConfigId": parent["id"]}
    return {"destinationId": parent["id"], "sourceId": parent["sourceId"]} if "metrics" in name else {}


def parents(name: str) -> list[Record]:
    if name in AT_SOURCE:
        return KNOWN["sources"]
    return KNOWN["destinations"] if name in (*AT_DESTINATION, "destination_delivery_metrics") else [{}]


def lists(name: str) -> list[list[Record]]:
    """Every list of an endpoint, as a full read asks for it."""
    if name in USAGE:
        return [ask(name, period=month) for month in ("2026-10-01", "2026-11-01")]
    query: dict[str, Any] = {} if name == "audit_events" else DAYS_29
    if name in GROUPS:
        query = query | {"groupBy": GROUPS[name]}
    return [ask(name, of(name, parent), **query) for parent in parents(name)]


def one(name: str, **query: Any) -> list[Record]:
    """One list that is not empty."""
    if name == "events_volume":
        return ask(name, sourceId=SOURCE["id"], **query)
    return ask(name, of(name, SOURCE if name in AT_SOURCE else DESTINATION), **query)


def points(records: list[Record], by: tuple[str, ...] = ()) -> dict[tuple[str, ...], tuple[int, int]]:
    """Count and retries of each group and time."""
    return {
        (*(repr(record.get(name)) for name in by), point["time"]): (point["count"], point.get("retryCount", 0))
        for record in records
        for point in record["series"]
    }


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_seed_gives_the_same_answers(name):
    assert lists(name) == lists(name)


@pytest.mark.parametrize("name", MAKERS)
def test_records_have_the_documented_fields_some_of_them_not_always(name):
    records = [record for records in lists(name) for record in records]
    optional = OPTIONAL.get(name, set())
    assert set().union(*records) == REQUIRED[name] | optional
    assert set.intersection(*map(set, records)) == REQUIRED[name]


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
def test_points_have_a_time_and_a_count_and_only_deliveries_retries(name):
    found = [point for records in lists(name) for record in records for point in record["series"]]
    retried = [point for point in found if "retryCount" in point]
    assert {frozenset(point) - {"retryCount"} for point in found} == {frozenset({"time", "count"})}
    assert (0 < len(retried) < len(found)) if name in OVERVIEWS else not retried
    assert all(point["retryCount"] <= point["count"] for point in retried)


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
def test_groups_are_told_apart_by_what_was_asked_for(name):
    for records in lists(name):
        keys = [tuple(repr(record.get(group)) for group in GROUPS[name]) for record in records]
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
def test_totals_are_the_sums_of_their_series(name):
    for records in lists(name):
        for record in records:
            assert record["total"] == sum(point["count"] for point in record["series"])
            if "totalRetryCount" in record:
                assert record["totalRetryCount"] == sum(point["retryCount"] for point in record["series"])


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
def test_groups_add_up_to_what_is_not_grouped(name):
    whole = one(name, **DAYS_29)
    assert len(whole) == 1
    assert not {"eventName", "eventType", "source", "discardReason", "appVersion"} & whole[0].keys()
    for by in [GROUPS[name], *((each,) for each in GROUPS[name])]:
        added: Counter[str] = Counter()
        records = one(name, groupBy=by, **DAYS_29)
        assert set().union(*records) <= {*by, "total", "series", "totalRetryCount"}
        for record in records:
            added.update({point["time"]: point["count"] for point in record["series"]})
        assert added == Counter({point["time"]: point["count"] for point in whole[0]["series"]})


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
@given(start=moments, end=moments, granularity=granularities)
@settings(max_examples=25, deadline=None)
def test_a_series_has_one_point_for_each_step_from_start_until_the_end_or_now(name, start, end, granularity):
    records = one(name, **in_range(start, end, granularity))
    step = STEPS[granularity]
    at = datetime(2026, 11, 23, tzinfo=timezone.utc)
    expected = []
    while at < end and at <= NOW - timedelta(minutes=1):
        expected += [at] if at >= start else []
        at += step
    assert [read(point["time"]) for record in records for point in record["series"]] == expected


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
@given(ranges=st.tuples(moments, moments, moments, moments), granularity=granularities)
@settings(max_examples=25, deadline=None)
def test_a_point_is_the_same_in_any_range(name, ranges, granularity):
    by = GROUPS[name]
    one_range, other = (
        points(one(name, groupBy=by, **in_range(start, end, granularity)), by)
        for start, end in (ranges[:2], ranges[2:])
    )
    for key in one_range.keys() & other.keys():
        assert one_range[key] == other[key]


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
@pytest.mark.parametrize(("fine", "coarse"), [("MINUTE", "HOUR"), ("HOUR", "DAY")])
def test_minutes_add_up_to_hours_and_hours_to_days_up_to_now(name, fine, coarse):
    by, digits = GROUPS[name], 10 if coarse == "DAY" else 13
    start, end = datetime(2026, 11, 22, tzinfo=timezone.utc), datetime(2026, 11, 25, tzinfo=timezone.utc)
    added: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for (*group, at), counts in points(one(name, groupBy=by, **in_range(start, end, fine)), by).items():
        for place, count in enumerate(counts):
            key = (*group, at[:digits])
            added[key][place] += count
    whole = points(one(name, groupBy=by, **in_range(start, end, coarse)), by)
    assert {(*group, at[:digits]): list(counts) for (*group, at), counts in whole.items()} == added
    assert any(sum(counts) for counts in whole.values())


@pytest.mark.parametrize("name", OVERVIEWS)
def test_sources_and_destinations_that_are_disabled_have_no_deliveries(name):
    disabled = [parent for parent in parents(name) if not parent["enabled"]]
    assert disabled
    for parent in disabled:
        assert ask(name, of(name, parent), **DAYS_29) == []


@pytest.mark.parametrize("name", [*OVERVIEWS, "events_volume"])
def test_a_full_read_has_some_thousand_rows(name):
    rows = sum(len(record["series"]) for records in lists(name) for record in records)
    assert 4_000 <= rows <= 12_000


@pytest.mark.parametrize("name", OVERVIEWS)
def test_a_filter_leaves_what_it_names(name):
    whole = one(name, groupBy=GROUPS[name], **DAYS_29)
    event = next(record["eventName"] for record in whole if "eventName" in record)
    left = one(name, groupBy=GROUPS[name], **{"filter.eventName": (event,), "filter.eventType": ()}, **DAYS_29)
    assert left == [record for record in whole if record.get("eventName") == event]


@pytest.mark.parametrize("name", AT_DESTINATION)
def test_groups_that_a_record_has_no_field_for_change_nothing(name):
    other = ("subscriptionId", "activationId", "audienceId", "spaceId")
    assert one(name, groupBy=("eventType", *other), **DAYS_29) == one(name, groupBy=("eventType",), **DAYS_29)


def test_only_what_was_dropped_has_a_reason():
    for name in OVERVIEWS:
        reasons = {record.get("discardReason") for records in lists(name) for record in records}
        assert (reasons == {None}) == (name in (AT_SOURCE[0], AT_DESTINATION[2]))
        assert None in reasons


def test_volume_can_be_limited_to_a_source_an_event_a_type_and_a_version():
    whole = ask("events_volume", groupBy=GROUPS["events_volume"], **DAYS_29)
    limits: list[tuple[dict[str, Any], list[Record]]] = [
        ({"sourceId": SOURCE["id"]}, [record for record in whole if record["source"]["id"] == SOURCE["id"]]),
        ({"eventName": "Home"}, [record for record in whole if record.get("eventName") == "Home"]),
        ({"eventType": "page"}, [record for record in whole if record["eventType"] == "page"]),
    ]
    for limit, left in limits:
        assert ask("events_volume", groupBy=GROUPS["events_volume"], **limit, **DAYS_29) == left
    versioned = ask("events_volume", groupBy=("source",), appVersion="3.0", **DAYS_29)
    assert 0 < len(versioned) < len({record["source"]["id"] for record in whole})


def test_volume_tells_of_every_enabled_source_and_of_a_deleted_one():
    records = ask("events_volume", groupBy=("source",), **DAYS_29)
    known = {source["id"]: source for source in KNOWN["sources"]}
    found = {record["source"]["id"]: record["source"] for record in records}
    assert found.keys() & known.keys() == {source["id"] for source in known.values() if source["enabled"]}
    assert [about for identity, about in found.items() if identity not in known] == [
        {"id": identity} for identity in found.keys() - known.keys()
    ]
    assert {"name" in about for about in found.values()} == {True, False}


def test_an_empty_workspace_has_no_numbers():
    nothing: dict[str, list[Record]] = defaultdict(list)
    assert ask("events_volume", known=nothing, **DAYS_29) == []
    assert ask("audit_events", known=nothing) == []
    assert [ask(name, known=nothing, period="2026-11-01") for name in USAGE] == [[], [], [], []]


@pytest.mark.parametrize("name", USAGE)
@pytest.mark.parametrize(
    ("period", "days"), [("2026-11-01", 24), ("2026-10-01", 31), ("2024-02-01", 29), ("2026-12-01", 0)]
)
def test_usage_has_a_snapshot_for_each_day_of_the_month_so_far(name, period, days):
    records = ask(name, period=period)
    assert {record["timestamp"] for record in records} == {
        f"{period[:8]}{day:02d}T00:00:00.000Z" for day in range(1, days + 1)
    }
    keys = [(record.get("sourceId"), record["timestamp"]) for record in records]
    assert len(set(keys)) == len(keys) == days * (41 if "source" in name else 1)


@pytest.mark.parametrize("name", USAGE)
def test_usage_never_falls_within_a_month(name):
    last: dict[tuple[str | None, str], int] = {}
    for record in ask(name, period="2026-10-01"):
        for field, value in record.items():
            if field not in ("sourceId", "timestamp", "periodStart", "periodEnd"):
                assert isinstance(value, str)
                key = (record.get("sourceId"), field)
                assert int(value) >= last.get(key, 0)
                last[key] = int(value)
    assert max(last.values()) > 0
    if "source" in name:
        assert 0 in last.values()


def test_api_calls_of_the_workspace_are_those_of_its_sources():
    added: Counter[str] = Counter()
    for record in ask("usage_api_calls_per_source_daily", period="2026-11-01"):
        added[record["timestamp"]] += int(record["apiCalls"])
    whole = ask("usage_api_calls_daily", period="2026-11-01")
    assert {record["timestamp"]: int(record["apiCalls"]) for record in whole} == added


def test_users_of_the_workspace_are_at_most_those_of_its_sources_together():
    added: Counter[tuple[str, str]] = Counter()
    for record in ask("usage_mtu_per_source_daily", period="2026-11-01"):
        added.update({(record["timestamp"], kind): int(record[kind]) for kind in ("identified", "anonymous")})
    for record in ask("usage_mtu_daily", period="2026-11-01"):
        for kind in ("identified", "anonymous"):
            assert int(record[kind]) <= added[record["timestamp"], kind]


def test_a_period_is_given_in_seconds():
    for record in ask("usage_mtu_per_source_daily", period="2026-10-01"):
        assert datetime.fromtimestamp(record["periodStart"], timezone.utc) == datetime(2026, 10, 1, tzinfo=timezone.utc)
        assert datetime.fromtimestamp(record["periodEnd"], timezone.utc) == datetime(2026, 11, 1, tzinfo=timezone.utc)


def test_usage_of_a_day_is_the_same_later():
    later = ask("usage_api_calls_per_source_daily", period="2026-11-01", now=NOW + timedelta(days=3))
    assert later[: 24 * 41] == ask("usage_api_calls_per_source_daily", period="2026-11-01")


def test_the_trail_goes_back_120_days_the_most_recent_event_first():
    events = ask("audit_events")
    times = [read(event["timestamp"]) for event in events]
    assert 1_200 < len(events) < 1_800
    assert times == sorted(times, reverse=True)
    assert NOW - timedelta(days=120) <= times[-1] < NOW - timedelta(days=118)
    assert NOW - timedelta(days=2) < times[0] < NOW
    assert len({event["id"] for event in events}) == len(events)
    assert {len(event["timestamp"].rstrip("Z").partition(".")[2]) for event in events} == {0, 3, 6}


@given(
    start=st.none() | st.datetimes(datetime(2026, 7, 1), datetime(2026, 12, 1), timezones=st.just(timezone.utc)),
    end=st.none() | st.datetimes(datetime(2026, 7, 1), datetime(2026, 12, 1), timezones=st.just(timezone.utc)),
)
@settings(max_examples=25, deadline=None)
def test_the_trail_of_a_range_is_the_part_of_the_whole_from_its_start_until_its_end(start, end):
    query: dict[str, Any] = {name: iso(at) for name, at in (("startTime", start), ("endTime", end)) if at}
    assert ask("audit_events", **query) == [
        event
        for event in ask("audit_events")
        if (start is None or read(event["timestamp"]) >= start) and (end is None or read(event["timestamp"]) < end)
    ]


def test_a_range_of_the_trail_begins_with_its_start_and_ends_before_its_end():
    event = ask("audit_events")[700]
    at = read(event["timestamp"])
    assert ask("audit_events", startTime=iso(at), endTime=iso(at + timedelta(microseconds=1))) == [event]
    assert event not in ask("audit_events", endTime=iso(at))


def test_events_of_the_trail_are_the_same_later():
    today, tomorrow = ask("audit_events"), ask("audit_events", now=NOW + timedelta(days=1))
    shared = [event for event in tomorrow if event in today]
    assert shared == today[: len(shared)]
    assert len(shared) > 1_000


def test_the_trail_names_resources_and_users_of_the_workspace():
    endpoints = {"SOURCE": "sources", "DESTINATION": "destinations", "AUDIENCE": "segments", "WAREHOUSE": "warehouses"}
    events = ask("audit_events")
    for type_, endpoint in endpoints.items():
        named = [event for event in events if event["resourceType"] == type_]
        assert named
        assert {event["resourceId"] for event in named} <= {record["id"] for record in KNOWN[endpoint]}
        assert ask("audit_events", resourceType=type_) == named
        first = named[0]["resourceId"]
        assert ask("audit_events", resourceId=first) == [event for event in events if event["resourceId"] == first]
    assert {event["resourceType"] for event in events} == endpoints.keys()
    emails = {user["email"] for user in KNOWN["users"]}
    assert {event["actorEmail"] for event in events if "actorEmail" in event} <= emails


def metrics(destination: Record, **query: Any) -> dict[str, int]:
    (record,) = ask("destination_delivery_metrics", of("destination_delivery_metrics", destination), **query)
    return {metric["metricName"]: metric["total"] for metric in record["metrics"]}


@given(cuts=st.lists(moments, min_size=3, max_size=3).map(sorted), granularity=granularities)
@settings(max_examples=25, deadline=None)
def test_metrics_of_two_ranges_add_up_to_those_of_both(cuts, granularity):
    start, cut, end = cuts
    first, second, whole = (
        metrics(DESTINATION, **in_range(since, until, granularity))
        for since, until in ((start, cut), (cut, end), (start, end))
    )
    assert whole == {name: first[name] + second[name] for name in whole}


def test_metrics_are_those_of_the_destination_with_a_breakdown_that_adds_up():
    for destination in KNOWN["destinations"]:
        name = "destination_delivery_metrics"
        (record,) = ask(name, of(name, destination), **DAYS_29)
        assert record["sourceId"] == destination["sourceId"]
        assert record["destinationMetadataId"] == destination["metadata"]["id"]
        assert bool(record["metrics"]) == destination["enabled"]
        for metric in record["metrics"]:
            assert {"metricName", "total"} <= metric.keys() <= {"metricName", "total", "breakdown"}
            assert (
                sum(part["value"] for part in metric.get("breakdown", ())) == metric["total"]
                or "breakdown" not in metric
            )
        assert len({"breakdown" in metric for metric in record["metrics"]}) in (0, 2)


def test_metrics_cover_the_documented_time_where_none_is_named():
    for granularity, back in (("MINUTE", timedelta(hours=1)), ("HOUR", timedelta(days=7)), ("DAY", timedelta(days=30))):
        assert metrics(DESTINATION, granularity=granularity) == metrics(
            DESTINATION, **in_range(NOW - back, NOW, granularity)
        )
    assert metrics(DESTINATION) == metrics(DESTINATION, granularity="MINUTE")


@pytest.mark.parametrize("name", ["destination_delivery_metrics", *OVERVIEWS])
def test_what_a_list_is_of_may_stand_in_the_query(name):
    parent = SOURCE if name in AT_SOURCE else DESTINATION
    asked = TimedRequest(
        "7/x", {}, {k: (v,) for k, v in (of(name, parent) | DAYS_29).items()}, NOW, 1, KNOWN.__getitem__
    )
    assert len(MAKERS[name](asked)) == 1
