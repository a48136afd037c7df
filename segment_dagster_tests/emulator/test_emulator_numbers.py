"""Numbers that change late, a source that goes silent, and snapshots that are missing."""

from collections import Counter
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

import pytest
import requests

from segment_dagster.emulator import Correction, Edit, MissingDay, Silence, running
from segment_dagster.emulator.world.deterministic import stable_hash
from segment_dagster.endpoints import CATALOGUE

NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
ROWS = {row.name: row for row in CATALOGUE}
USAGE = ("usage_api_calls_per_source_daily", "usage_mtu_per_source_daily")
WORKSPACE_USAGE = ("usage_api_calls_daily", "usage_mtu_daily")
COUNTS = {"apiCalls", "anonymous", "anonymousIdentified", "identified", "neverIdentified"}
AT_SOURCE = ("delivery_overview_successfully_received", "delivery_overview_filtered_at_source")
AT_DESTINATION = ("delivery_overview_successful_delivery", "delivery_overview_failed_delivery")
GROUPS: dict[str, tuple[str, ...]] = {
    name: ("eventName", "eventType", "discardReason", "appVersion") for name in AT_SOURCE + AT_DESTINATION
}
GROUPS["events_volume"] = ("eventName", "eventType")
DAYS = {"startTime": "2024-03-10", "endTime": "2024-03-15", "granularity": "DAY"}


@pytest.fixture(scope="module")
def destination(world):
    """A destination that receives events, and its source sends them and has users."""
    sources = {source["id"]: source for source in world.records("sources")}
    return next(
        record
        for record in world.records("destinations")
        if record["enabled"] and sources[record["sourceId"]]["enabled"] and stable_hash(record["sourceId"]) % 5
    )


@pytest.fixture(scope="module")
def source(destination):
    return destination["sourceId"]


@pytest.fixture
def usage(ask):
    """Snapshots by source (None for the workspace), count and day of the month."""

    def read(name, period="2024-03-01"):
        found, cursor = {}, None
        while True:
            page = {"pagination.count": 1000, **({"pagination.cursor": cursor} if cursor else {})}
            data = ask(ROWS[name], {}, period=period, **page).json()["data"]
            for record in data[ROWS[name].selector[-1]]:
                for field in COUNTS & record.keys():
                    found[record.get("sourceId"), field, int(record["timestamp"][8:10])] = int(record[field])
            cursor = data["pagination"].get("next")
            if not cursor:
                return found

    return read


@pytest.fixture
def series(ask, source, destination):
    """Counts by group and time."""

    def read(name, **more):
        values = {"sourceId": source}
        if name in AT_DESTINATION:
            values["destinationConfigId"] = destination["id"]
        asked = DAYS | {"groupBy": GROUPS[name]} | ({"sourceId": source} if name == "events_volume" else {}) | more
        response = ask(ROWS[name], values if name != "events_volume" else {}, **asked)
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        return {
            (*(repr(record.get(group)) for group in GROUPS[name]), point["time"]): point["count"]
            for record in data[ROWS[name].selector[-1]]
            for point in record["series"]
        }

    return read


@pytest.fixture
def metrics(ask, source, destination):
    def read(start, end):
        row, values = ROWS["destination_delivery_metrics"], {"destinationId": destination["id"], "sourceId": source}
        data = ask(row, values, startTime=start, endTime=end, granularity="DAY").json()["data"]
        return {metric["metricName"]: metric["total"] for metric in data["deliveryMetricsSummary"]["metrics"]}

    return read


def per_day(cumulative):
    return {
        (source, field, day): count - cumulative.get((source, field, day - 1), 0)
        for (source, field, day), count in cumulative.items()
    }


@pytest.mark.parametrize("name", USAGE)
def test_a_correction_changes_a_day_of_usage_and_all_that_follows_in_the_month(usage, emulator, source, name):
    before, april = usage(name), usage(name, "2024-02-01")
    emulator.corrections.add(Correction("usage", date(2024, 3, 5), 0.25, source))
    after = usage(name)
    was, now = per_day(before), per_day(after)
    changed = {key for key in was if was[key] != now[key]}
    assert changed
    assert {(key[0], key[2]) for key in changed} == {(source, 5)}
    assert all(now[key] == was[key] // 4 for key in changed)
    assert {key[2] for key in before if before[key] != after[key]} == set(range(5, 16))
    assert usage(name, "2024-02-01") == april


def test_a_corrected_snapshot_may_be_less_than_the_one_of_an_earlier_day_was(usage, emulator, source):
    name = USAGE[0]
    before = usage(name)
    emulator.corrections.add(Correction("usage", date(2024, 3, 2), 0, source), Correction("usage", date(2024, 3, 3), 0))
    after = usage(name)
    assert after[source, "apiCalls", 3] == after[source, "apiCalls", 1] < before[source, "apiCalls", 2]
    others = {key[0] for key in before} - {source}
    assert all(after[other, "apiCalls", 3] == after[other, "apiCalls", 2] for other in others)


def test_usage_of_the_workspace_stays_the_sum_of_its_sources(usage, emulator, source):
    emulator.corrections.add(
        Correction("usage_api_calls_daily", date(2024, 3, 5), Fraction(1, 3), source),
        Correction("usage_api_calls_per_source_daily", date(2024, 3, 7), 2.5),
        Silence(source, date(2024, 3, 9), date(2024, 3, 11)),
    )
    added: Counter = Counter()
    for (_, field, day), count in usage("usage_api_calls_per_source_daily").items():
        added[None, field, day] += count
    assert usage("usage_api_calls_daily") == added
    assert added[None, "apiCalls", 15] > 0


def test_a_correction_of_one_list_of_usage_is_one_of_the_other_and_of_no_other_usage(usage, emulator):
    before = {name: usage(name) for name in (*USAGE, *WORKSPACE_USAGE)}
    emulator.corrections.add(Correction("usage_api_calls_daily", date(2024, 3, 5), 0))
    changed = {name for name in before if usage(name) != before[name]}
    assert changed == {"usage_api_calls_daily", "usage_api_calls_per_source_daily"}


def test_a_correction_is_known_from_its_time_on(usage, emulator, source):
    before = usage(USAGE[0])
    known = NOW + timedelta(days=2)
    emulator.corrections.add(Correction("usage", date(2024, 3, 5), 0, source, known))
    assert usage(USAGE[0]) == before
    emulator.clock.set(known - timedelta(microseconds=1))
    assert usage(USAGE[0])[source, "apiCalls", 5] == before[source, "apiCalls", 5]
    emulator.clock.set(known)
    assert usage(USAGE[0])[source, "apiCalls", 5] == before[source, "apiCalls", 4]


@pytest.mark.parametrize("name", ["events_volume", *AT_SOURCE, *AT_DESTINATION])
def test_a_correction_changes_one_day_of_a_series(series, emulator, source, name):
    before = series(name)
    emulator.corrections.add(Correction(ROWS[name].domain, date(2024, 3, 12), 3, source))
    after = series(name)
    assert after == {key: count * 3 if key[-1].startswith("2024-03-12") else count for key, count in before.items()}
    assert after != before
    emulator.corrections.replace([Correction(name, date(2024, 3, 12), 0)])
    assert series(name) == {k: 0 if k[-1].startswith("2024-03-12") else count for k, count in before.items()}


@pytest.mark.parametrize("name", ["events_volume", *AT_SOURCE, *AT_DESTINATION])
def test_corrected_minutes_add_up_to_hours_and_hours_to_days(series, emulator, name):
    emulator.corrections.add(Correction(name, date(2024, 3, 14), Fraction(2, 7)))
    day, hour = "2024-03-14T00:00:00Z", "2024-03-14T10:00:00Z"
    for fine, coarse, start, end, digits in (
        ("HOUR", "DAY", day, "2024-03-15T00:00:00Z", 10),
        ("MINUTE", "HOUR", hour, "2024-03-14T14:00:00Z", 13),
    ):
        added: Counter = Counter()
        for (*group, at), count in series(name, startTime=start, endTime=end, granularity=fine).items():
            key = (*group, at[:digits])
            added[key] += count
        whole = series(name, startTime=start, endTime=end, granularity=coarse)
        assert {(*group, at[:digits]): count for (*group, at), count in whole.items()} == added
        assert any(added.values())


def test_corrected_groups_add_up_to_what_is_not_grouped(series, emulator):
    emulator.corrections.add(Correction("volume", date(2024, 3, 12), Fraction(1, 3)))
    added: Counter = Counter()
    for (*_, at), count in series("events_volume").items():
        added[at] += count
    assert {key[-1]: count for key, count in series("events_volume", groupBy=()).items()} == added


def test_a_correction_changes_the_metrics_of_a_destination(metrics, emulator, source):
    days = ("2024-03-12", "2024-03-13")
    before, other = metrics(*days), metrics("2024-03-10", "2024-03-12")
    emulator.corrections.add(Correction("destination_delivery_metrics", date(2024, 3, 12), 2, source))
    assert metrics(*days) == {name: total * 2 for name, total in before.items()}
    assert metrics("2024-03-10", "2024-03-12") == other
    emulator.corrections.add(Correction("delivery", date(2024, 3, 12), 0))
    assert set(metrics(*days).values()) == {0}


def test_a_silent_source_sends_nothing_and_its_groups_are_answered_with_zeros(series, metrics, usage, emulator, source):
    names = ("events_volume", *AT_SOURCE, *AT_DESTINATION)
    before = {name: series(name) for name in names}
    snapshots = {name: usage(name) for name in USAGE}
    emulator.corrections.add(Silence(source, date(2024, 3, 12), date(2024, 3, 14)))
    silent = ("2024-03-12", "2024-03-13")
    for name in names:
        assert series(name) == {k: 0 if k[-1][:10] in silent else count for k, count in before[name].items()}
    assert set(metrics("2024-03-12", "2024-03-14").values()) == {0}
    assert any(metrics("2024-03-11", "2024-03-12").values())
    assert any(metrics("2024-03-14", "2024-03-15").values())
    for name in USAGE:
        was, now = per_day(snapshots[name]), per_day(usage(name))
        assert now == {k: 0 if k[0] == source and k[2] in (12, 13) else count for k, count in was.items()}


def test_a_source_that_is_silent_for_good_stays_so(series, usage, emulator, source):
    emulator.corrections.add(Silence(source, date(2024, 3, 12)))
    counts = series("events_volume")
    assert {key[-1][:10] for key, count in counts.items() if count} == {"2024-03-10", "2024-03-11"}
    emulator.clock.set(datetime(2024, 4, 2, tzinfo=timezone.utc))
    snapshots = usage(USAGE[0])
    assert snapshots[source, "apiCalls", 31] == snapshots[source, "apiCalls", 11] > 0
    assert usage(USAGE[0], "2024-04-01")[source, "apiCalls", 2] == 0


@pytest.mark.parametrize("name", [*USAGE, *WORKSPACE_USAGE])
def test_a_missing_day_has_no_snapshot_and_the_others_are_as_they_were(usage, emulator, name):
    before = usage(name)
    other = next(each for each in (*USAGE, *WORKSPACE_USAGE) if each != name)
    whole = usage(other)
    emulator.corrections.add(MissingDay(name, date(2024, 3, 5)))
    assert usage(name) == {key: count for key, count in before.items() if key[2] != 5}
    assert usage(other) == whole


def test_without_adjustments_the_numbers_are_those_of_the_world(usage, series, emulator, source):
    before = usage(USAGE[0]), series("events_volume")
    emulator.corrections.add(
        Correction("usage", date(2024, 3, 5), 2),
        Silence(source, date(2024, 3, 1)),
        MissingDay(USAGE[0], date(2024, 3, 2)),
    )
    assert (usage(USAGE[0]), series("events_volume")) != before
    emulator.corrections.clear()
    assert emulator.corrections.active == []
    assert (usage(USAGE[0]), series("events_volume")) == before


def test_a_source_that_an_edit_disables_sends_up_to_the_end_of_that_day(series, usage, metrics, emulator, source):
    before, snapshots = series("events_volume"), usage(USAGE[0])
    emulator.edits.add(
        Edit("sources", "modify", source, {"enabled": False}, at=datetime(2024, 3, 11, 10)),
        Edit("sources", "modify", source, {"enabled": True}, at=datetime(2024, 3, 13, 10)),
    )
    silent = ("2024-03-12", "2024-03-13")
    for name in ("events_volume", *AT_SOURCE, *AT_DESTINATION):
        on = {key[-1][:10] for key, count in series(name).items() if count}
        assert on == {"2024-03-10", "2024-03-11", "2024-03-14"}
    assert series("events_volume") == {k: 0 if k[-1][:10] in silent else count for k, count in before.items()}
    was, now = per_day(snapshots), per_day(usage(USAGE[0]))
    assert now == {k: 0 if k[0] == source and k[2] in (12, 13) else count for k, count in was.items()}
    assert set(metrics("2024-03-12", "2024-03-14").values()) == {0}


def test_a_destination_that_an_edit_disables_receives_up_to_the_end_of_that_day(series, metrics, emulator, destination):
    received = series(AT_SOURCE[0])
    emulator.edits.add(
        Edit("destinations", "modify", destination["id"], {"enabled": False}, at=datetime(2024, 3, 11, 10)),
    )
    for name in AT_DESTINATION:
        assert {k[-1][:10] for k, count in series(name).items() if count} <= {"2024-03-10", "2024-03-11"}
    assert series(AT_SOURCE[0]) == received
    assert set(metrics("2024-03-12", "2024-03-15").values()) == {0}
    assert any(metrics("2024-03-10", "2024-03-12").values())


def test_a_source_that_an_edit_enables_sends_from_the_next_day_on(usage, ask, emulator, world):
    off = next(source["id"] for source in world.records("sources") if not source["enabled"])
    emulator.edits.add(Edit("sources", "modify", off, {"enabled": True}, at=datetime(2024, 3, 11, 10)))
    response = ask(ROWS["events_volume"], {}, sourceId=off, **DAYS)
    counts = {point["time"][:10]: point["count"] for point in response.json()["data"]["result"][0]["series"]}
    assert [day for day, count in counts.items() if count] == ["2024-03-12", "2024-03-13", "2024-03-14"]
    assert usage(USAGE[0])[off, "apiCalls", 11] == 0


def test_numbers_of_a_deleted_source_end_with_its_day(usage, emulator, source):
    before = usage(USAGE[0])
    emulator.edits.add(Edit("sources", "delete", source, at=datetime(2024, 3, 11, 10)))
    after = usage(USAGE[0])
    assert after[source, "apiCalls", 15] == after[source, "apiCalls", 11] == before[source, "apiCalls", 11]


@pytest.mark.parametrize(
    ("adjustment", "says"),
    [
        (
            Correction("planets", date(2024, 3, 1), 1),
            "'planets' has no numbers; usage, volume, delivery, usage_api_calls",
        ),
        (Correction("audit_events", date(2024, 3, 1), 1), "'audit_events' has no numbers"),
        (Correction("usage", date(2024, 3, 1), 1, "nobody"), "no source 'nobody' has numbers"),
        (Silence("nobody", date(2024, 3, 1)), "no source 'nobody' has numbers"),
        (MissingDay("events_volume", date(2024, 3, 1)), "'events_volume' has no snapshots; usage_api_calls_daily"),
    ],
)
def test_what_can_become_of_no_numbers_is_refused(emulator, source, adjustment, says):
    emulator.corrections.add(Silence(source, date(2024, 3, 1)))
    with pytest.raises(ValueError, match=says):
        emulator.corrections.add(MissingDay(USAGE[0], date(2024, 3, 1)), adjustment)
    assert emulator.corrections.active == [Silence(source, date(2024, 3, 1))]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Correction("usage", date(2024, 3, 1), -1), "factor must be a number of 0 or more"),
        (lambda: Correction("usage", date(2024, 3, 1), float("inf")), "factor must be a number of 0 or more"),
        (lambda: Correction("usage", date(2024, 3, 1), float("nan")), "factor must be a number of 0 or more"),
        (lambda: Silence("x", date(2024, 3, 1), date(2024, 3, 1)), "until must be after day"),
    ],
)
def test_what_could_never_be_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_numbers_are_controlled_over_http(emulator, usage, source):
    url = f"{emulator.url}/_emulator/numbers"
    before = usage(USAGE[0])
    given = [
        {"kind": "correction", "of": "usage", "day": "2024-02-29", "factor": 0.5, "source_id": source},
        {"kind": "silence", "source_id": source, "day": "2024-03-01", "until": "2024-03-03"},
        {"kind": "missing-day", "endpoint": USAGE[0], "day": "2024-03-04"},
    ]
    shown = requests.put(url, json=given, timeout=10).json()
    assert shown == [given[0] | {"from": "2024-03-15T12:30:00Z"}, *given[1:]]
    assert requests.get(url, timeout=10).json() == shown
    assert requests.put(url, json=shown, timeout=10).json() == shown
    assert emulator.corrections.active == [
        Correction("usage", date(2024, 2, 29), 0.5, source, NOW),
        Silence(source, date(2024, 3, 1), date(2024, 3, 3)),
        MissingDay(USAGE[0], date(2024, 3, 4)),
    ]
    assert usage(USAGE[0])[source, "apiCalls", 2] == 0
    late = {"kind": "correction", "of": "usage", "day": "2024-03-05", "factor": 2, "from": "2024-04-01T02:00:00+02:00"}
    assert requests.post(url, json=[late], timeout=10).json()[3]["from"] == "2024-04-01T00:00:00Z"
    assert len(emulator.corrections.active) == 4
    assert requests.delete(url, timeout=10).status_code == 204
    assert usage(USAGE[0]) == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[", "Expecting value"),
        ("{}", "JSON list of adjustments"),
        ("[1]", "an object with a kind: correction, silence, missing-day"),
        ('[{"kind": "surprise"}]', "an object with a kind: correction, silence, missing-day"),
        ('[{"kind": ["correction"]}]', "an object with a kind: correction, silence, missing-day"),
        ('[{"kind": "missing-day", "day": "2024-03-01"}]', "a missing-day needs more of endpoint, day"),
        ('[{"kind": "missing-day", "endpoint": "x", "day": 1}]', "day of a missing-day is not of the right type"),
        (
            '[{"kind": "missing-day", "endpoint": "x", "day": "2024-02-30"}]',
            "not a day such as 2024-02-29: '2024-02-30'",
        ),
        ('[{"kind": "silence", "source_id": "x", "day": "2024-03-01T00:00:00Z"}]', "not a day such as"),
        ('[{"kind": "silence", "source_id": "x", "day": "2024-03-01", "factor": 1}]', "unknown 'factor' in a silence"),
        ('[{"kind": "silence", "source_id": "x", "day": "2024-03-01"}]', "no source 'x' has numbers"),
        ('[{"kind": "correction", "of": "usage", "day": "2024-03-01", "factor": true}]', "factor of a correction"),
        ('[{"kind": "correction", "of": "usage", "day": "2024-03-01", "factor": -1}]', "0 or more"),
        (
            '[{"kind": "correction", "of": "usage", "day": "2024-03-01", "factor": 1, "from": "noon"}]',
            "from of a correction is not a time: 'noon'",
        ),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_numbers_that_are_not_valid_change_nothing(emulator, source, method, body, says):
    emulator.corrections.add(Silence(source, date(2024, 3, 1)))
    response = requests.request(method, f"{emulator.url}/_emulator/numbers", data=body, timeout=10)
    assert response.status_code == 422
    assert says in response.json()["errors"][0]["message"]
    assert emulator.corrections.active == [Silence(source, date(2024, 3, 1))]


def test_emulators_of_one_world_have_numbers_of_their_own(world, source):
    with running(world=world, now=NOW) as one, running(world=world, now=NOW) as other:
        one.corrections.add(Silence(source, date(2024, 3, 1)))
        assert (len(one.corrections.active), other.corrections.active) == (1, [])
