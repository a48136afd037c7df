"""Exact traffic and its outcomes: the same numbers in every table, over HTTP."""

from collections import Counter
from datetime import date, datetime, timezone
from typing import Any

import pytest
import requests

from segment_dagster.emulator import Edit, Outcome, Silence, Traffic
from segment_dagster.endpoints import CATALOGUE

pytestmark = pytest.mark.slow

ROWS = {row.name: row for row in CATALOGUE}
DAYS = {"startTime": "2024-03-08", "endTime": "2024-03-15", "granularity": "DAY"}
SINCE = date(2024, 2, 1)
OVERVIEWS = {
    "successfully_received": (),
    "failed_on_ingest": (),
    "filtered_at_source": (),
    "filtered_at_destination": ("destinationConfigId",),
    "failed_delivery": ("destinationConfigId",),
    "successful_delivery": ("destinationConfigId",),
}
USAGE = {"pagination.count": 1000, "period": "2024-03-01"}


@pytest.fixture(scope="module")
def destination(world):
    """An enabled destination of an enabled source."""
    sources = {source["id"]: source for source in world.records("sources")}
    return next(
        each for each in world.records("destinations") if each["enabled"] and sources[each["sourceId"]]["enabled"]
    )


@pytest.fixture(scope="module")
def source(destination):
    return destination["sourceId"]


@pytest.fixture
def volume(ask, source):
    def read(source_id=None, **more):
        of = {"sourceId": source_id or source}
        data = ask(ROWS["events_volume"], {}, **DAYS | of | {"groupBy": ("eventName", "eventType")} | more)
        return {
            (record.get("eventName"), record["eventType"]): [point["count"] for point in record["series"]]
            for record in data.json()["data"]["result"]
        }

    return read


@pytest.fixture
def delivered(ask, source, destination):
    """Counts of a week by day, by stage and reason; retries as a stage of their own."""

    def read(source_id=None, destination_id=None):
        found: dict[Any, list[int]] = {}
        for stage, more in OVERVIEWS.items():
            values = {"sourceId": source_id or source} | dict.fromkeys(more, destination_id or destination["id"])
            group = () if stage == "successfully_received" else ("discardReason",)
            response = ask(ROWS[f"delivery_overview_{stage}"], values, **DAYS, groupBy=group)
            for record in response.json()["data"]["dataset"]:
                found[stage, record.get("discardReason")] = [point["count"] for point in record["series"]]
                if "totalRetryCount" in record:
                    found["retried", None] = [point["retryCount"] for point in record["series"]]
        return found

    return read


@pytest.fixture
def metrics(ask, source, destination):
    def read():
        row, values = ROWS["destination_delivery_metrics"], {"destinationId": destination["id"], "sourceId": source}
        (summary,) = [ask(row, values, **DAYS).json()["data"]["deliveryMetricsSummary"]]
        return {metric["metricName"]: metric for metric in summary["metrics"]}

    return read


def test_traffic_is_all_that_a_source_sends(volume, delivered, emulator, source):
    emulator.corrections.add(
        Traffic(source, SINCE, 100, event="Order Completed", weekend=40),
        Traffic(source, date(2024, 3, 12), 7, type="identify", until=date(2024, 3, 14)),
        Traffic(source, date(2024, 3, 1), 9, event="Gone", until=date(2024, 3, 8)),
        Traffic(source, date(2024, 3, 15), 9, event="To come"),
    )
    orders, identified = [100, 40, 40, 100, 100, 100, 100], [0, 0, 0, 0, 7, 7, 0]
    assert volume() == {("Order Completed", "track"): orders, (None, "identify"): identified}
    every = [100, 40, 40, 100, 107, 107, 100]
    assert delivered() == {("successfully_received", None): every, ("successful_delivery", None): every}


def test_hours_and_minutes_add_up_to_days(volume, emulator, source):
    emulator.corrections.add(Traffic(source, SINCE, 101, event="Order Completed"))
    hours = volume(granularity="HOUR", startTime="2024-03-14")["Order Completed", "track"]
    assert (len(hours), sum(hours)) == (24, 101)


def test_outcomes_split_what_was_received(delivered, metrics, emulator, source, destination):
    to, late = destination["id"], date(2024, 3, 13)
    emulator.corrections.add(
        Traffic(source, SINCE, 1000, event="Order Completed"),
        Outcome("failed_on_ingest", 0.01, SINCE, "invalid_json", source_id=source),
        Outcome("filtered_at_source", 0.2, SINCE, "blocked", event="Order Completed"),
        Outcome("filtered_at_destination", 0.5, SINCE, destination_id=to),
        Outcome("failed_delivery", 0.1, late, "unauthorized", destination_id=to),
        Outcome("failed_delivery", 0.05, late, "bad_request", destination_id=to, until=date(2024, 3, 14)),
        Outcome("retried", 0.25, SINCE, destination_id=to),
    )
    assert delivered() == {
        ("successfully_received", None): [1000] * 7,
        ("failed_on_ingest", "invalid_json"): [10] * 7,
        ("filtered_at_source", "blocked"): [200] * 7,
        ("filtered_at_destination", None): [400] * 7,
        ("failed_delivery", "unauthorized"): [0, 0, 0, 0, 0, 40, 40],
        ("failed_delivery", "bad_request"): [0, 0, 0, 0, 0, 20, 0],
        ("successful_delivery", None): [400, 400, 400, 400, 400, 340, 360],
        ("retried", None): [100, 100, 100, 100, 100, 85, 90],
    }
    totals = {name: metric["total"] for name, metric in metrics().items()}
    assert totals == {"successes": 2700, "discarded": 2800, "expired": 100, "retried": 675}
    first, again = metrics()["successes"]["breakdown"]
    assert (first["value"], again["value"]) == (2025, 675)


def test_shares_above_one_in_all_leave_nothing(delivered, emulator, source, destination):
    failures = (Outcome("failed_delivery", 0.75, SINCE, reason, source_id=source) for reason in ("first", "second"))
    emulator.corrections.add(Traffic(source, SINCE, 8, event="Order Completed"), *failures)
    found = delivered()
    assert found["failed_delivery", "first"] == [6] * 7
    assert found["failed_delivery", "second"] == [2] * 7
    assert ("successful_delivery", None) not in found


def test_made_up_events_have_outcomes_too(delivered, emulator, destination):
    before = delivered()["successfully_received", None]
    emulator.corrections.add(Outcome("failed_delivery", 1, date(2024, 3, 13), "down", destination_id=destination["id"]))
    after = delivered()
    assert after["successfully_received", None] == before
    assert after["failed_delivery", "down"] == [0, 0, 0, 0, 0, *before[5:]]
    assert after["successful_delivery", None] == [*before[:5], 0, 0]
    assert sum(before)


def test_an_outcome_is_that_of_one_destination(delivered, emulator, destination):
    other = next(each for each in emulator.records("destinations") if each["id"] != destination["id"])
    before = delivered(other["sourceId"], other["id"])
    emulator.corrections.add(Outcome("failed_delivery", 1, SINCE, destination_id=destination["id"]))
    assert delivered(other["sourceId"], other["id"]) == before


def test_usage_is_that_of_the_traffic(ask, emulator, source):
    emulator.corrections.add(
        Traffic(source, date(2024, 3, 2), 100, event="Order Completed", users=3),
        Traffic(source, date(2024, 3, 2), 11, type="identify"),
    )

    def read(name):
        data = ask(ROWS[name], {}, **USAGE).json()["data"][ROWS[name].selector[-1]]
        return [record for record in data if record.get("sourceId", source) == source]

    calls = [int(record["apiCalls"]) for record in read("usage_api_calls_per_source_daily")]
    assert calls == [111 * day for day in range(15)]
    users = read("usage_mtu_per_source_daily")
    assert [int(record["identified"]) for record in users] == [3 * day for day in range(15)]
    assert {record["anonymous"] for record in users} == {"0"}
    before = [int(record["identified"]) for record in read("usage_mtu_daily")]
    emulator.corrections.add(Traffic(source, date(2024, 3, 10), 0, users=5))
    after = [int(record["identified"]) for record in read("usage_mtu_daily")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [max(0, 5 * day) for day in range(-8, 7)]


def test_a_created_source_has_traffic_from_the_next_day_on(volume, delivered, emulator, destination):
    at = datetime(2024, 3, 10, tzinfo=timezone.utc)
    emulator.edits.add(
        Edit("sources", "create", "new", at=at),
        Edit("destinations", "create", "its", {"sourceId": "new", "enabled": True}, at=at),
    )
    emulator.corrections.add(Traffic("new", SINCE, 5, event="Signed Up"))
    expected = [0, 0, 0, 5, 5, 5, 5]
    assert volume("new") == {("Signed Up", "track"): expected}
    assert delivered("new", "its")["successful_delivery", None] == expected


def test_traffic_stops_while_the_source_or_the_destination_is_disabled(
    volume, delivered, emulator, source, destination
):
    emulator.corrections.add(Traffic(source, SINCE, 10, event="Signed Up"))
    emulator.edits.add(
        Edit("destinations", "modify", destination["id"], {"enabled": False}, at=datetime(2024, 3, 10, 9)),
        Edit("sources", "modify", source, {"enabled": False}, at=datetime(2024, 3, 12, 9)),
    )
    assert volume() == {("Signed Up", "track"): [10, 10, 10, 10, 10, 0, 0]}
    assert delivered()["successful_delivery", None] == [10, 10, 10, 0, 0, 0, 0]


def test_a_silence_is_one_of_traffic_too(volume, emulator, source):
    emulator.corrections.add(Traffic(source, SINCE, 10, event="Signed Up"), Silence(source, date(2024, 3, 10)))
    assert volume() == {("Signed Up", "track"): [10, 10, 0, 0, 0, 0, 0]}


def test_a_source_without_events_is_in_no_table(volume, delivered, emulator, source):
    emulator.corrections.add(Traffic(source, SINCE, 0))
    assert (volume(), delivered()) == ({}, {})


def test_they_are_controlled_over_http(emulator, volume, source):
    url = f"{emulator.url}/_emulator/numbers"
    given: list[dict[str, Any]] = [
        {"kind": "traffic", "source_id": source, "day": "2024-03-01", "per_day": 5, "event": "Signed Up"},
        {"kind": "outcome", "stage": "failed_delivery", "share": 0.5, "day": "2024-03-01", "reason": "down"},
    ]
    shown = requests.put(url, json=given, timeout=10).json()
    assert [set(one.items()) <= set(other.items()) for one, other in zip(given, shown, strict=True)] == [True, True]
    assert volume() == {("Signed Up", "track"): [5] * 7}
    assert requests.put(url, json=shown, timeout=10).json() == shown


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "traffic", "source_id": "nobody", "day": "2024-03-01", "per_day": 5, "event": "x"}, "no source"),
        ({"kind": "traffic", "source_id": "s", "day": "2024-03-01", "per_day": 5}, "track events have a name"),
        (
            {"kind": "traffic", "source_id": "s", "day": "2024-03-01", "per_day": 5, "type": "alias", "event": "x"},
            "alias events have no name",
        ),
        ({"kind": "traffic", "source_id": "s", "day": "2024-03-01", "per_day": -1, "event": "x"}, "0 or more"),
        ({"kind": "traffic", "source_id": "s", "day": "2024-03-01", "per_day": 1, "type": "x"}, "the types are track"),
        (
            {"kind": "traffic", "source_id": "s", "day": "2024-03-01", "per_day": 0, "until": "2024-03-01"},
            "until must be after day",
        ),
        ({"kind": "traffic", "source_id": "s", "day": "2024-03-01", "per_day": 1.5}, "per_day of a traffic is not"),
        ({"kind": "traffic", "source_id": "s", "day": "2024-03-01"}, "a traffic needs more of"),
        ({"kind": "outcome", "stage": "x", "share": 1, "day": "2024-03-01"}, "the stages are failed_on_ingest"),
        ({"kind": "outcome", "stage": "retried", "share": 2, "day": "2024-03-01"}, "a number from 0 to 1"),
        ({"kind": "outcome", "stage": "retried", "share": 1, "day": "2024-03-01", "reason": "x"}, "has no reason"),
        (
            {"kind": "outcome", "stage": "retried", "share": 1, "day": "2024-03-01", "destination_id": "x"},
            "no destination 'x'",
        ),
        (
            {"kind": "outcome", "stage": "filtered_at_source", "share": 1, "day": "2024-03-01", "destination_id": "x"},
            "it has no destination_id",
        ),
        (
            {"kind": "outcome", "stage": "retried", "share": 1, "day": "2024-03-02", "until": "2024-03-01"},
            "until must be after day",
        ),
    ],
)
def test_what_is_impossible_is_refused(emulator, given, says):
    response = requests.post(f"{emulator.url}/_emulator/numbers", json=[given], timeout=10)
    assert response.status_code == 422
    assert says in response.json()["errors"][0]["message"]
    assert emulator.corrections.active == []


def test_a_token_makes_an_edit_without_an_address(emulator, source):
    emulator.edits.quiet_audit = True
    emulator.edits.add(Edit("sources", "modify", source, {"name": "New"}, token="tok_1", at=datetime(2024, 3, 14)))
    (event,) = emulator.audit_events()
    assert (event["actor"], "actorEmail" in event) == ("tok_1", False)
    assert Counter(edit.token for edit in emulator.edits.active) == {"tok_1": 1}
    with pytest.raises(ValueError, match="either an actor or a token makes it"):
        Edit("sources", "modify", source, {"name": "New"}, token="tok_1", actor="somebody")
