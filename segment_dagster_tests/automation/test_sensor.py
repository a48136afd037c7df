"""The sensor: each change of the workspace is asked for once, and none is lost."""

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from random import Random

import dagster as dg
import duckdb
import pytest

from segment_dagster.automation import families
from segment_dagster.definitions import defs
from segment_dagster.emulator import Edit, Fault, World, running
from segment_dagster.emulator.world import TIMED
from segment_dagster.endpoints import IDENTITY, TABLES
from segment_dagster.endpoints.audit_trail import concerned
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.load import ForeignDatasetError
from segment_dagster.redaction.masks import mask
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SENSOR, AUDIT = "segment_audit_sensor", "audit_events"
FAMILIES = {family.name: family for family in families(TABLES)}
CONFIGURATION = {endpoint.name for endpoint in FAMILIES["segment"].endpoints}


@pytest.fixture(scope="module")
def location():
    return defs()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def emulator(emulator, monkeypatch):
    """The shared emulator, whose trail tells of edits alone, and the client, at one time."""
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
    emulator.clock.set(NOW)
    emulator.edits.quiet_audit = True
    yield emulator
    emulator.clock.set(None)


@pytest.fixture
def move_clocks(emulator, monkeypatch):
    """Let it be another time, for the workspace and for whoever looks at it."""

    def move(moment):
        emulator.clock.set(moment)
        monkeypatch.setenv("SEGMENT_NOW", moment.isoformat())

    return move


@pytest.fixture
def tick(location, instance):
    """Evaluate the sensor as often as is wished, each time with the cursor that it left."""
    held = {"cursor": None}

    def evaluate(of=location):
        sensor = of.get_repository_def().get_sensor_def(SENSOR)
        with dg.build_sensor_context(instance, held["cursor"], definitions=of) as context:
            found = sensor.evaluate_tick(context)
        held["cursor"] = found.cursor or held["cursor"]
        return found

    return evaluate


@pytest.fixture
def happen(emulator):
    """Something happens to a record at a time, the present by default: the id of its event."""

    def add(endpoint="sources", at=None, place=0, **fields):
        before = {event["id"] for event in emulator.audit_events()}
        record = emulator.records(endpoint)[place]
        emulator.edits.add(Edit(endpoint, "modify", record["id"], fields or {"name": f"{at}"}, at=at))
        (new,) = {event["id"] for event in emulator.audit_events()} - before
        return new

    return add


def selected(found):
    """The assets that the only run request names."""
    (request,) = found.run_requests
    return selected_of(request)


def selected_of(request):
    return {key.path[-1] for key in request.asset_selection}


def observed(found):
    """By asset, the ids of the events that were observed."""
    return {
        event.asset_key.path[-1]: event.metadata["segment/audit_events"].value
        for event in found.asset_events
        if isinstance(event, dg.AssetObservation)
    }


def seen(found):
    return {event for events in observed(found).values() for event in events}


def concern(resource_type):
    return {endpoint.name for endpoint in concerned(resource_type)} & CONFIGURATION


def test_the_first_look_asks_for_nothing_of_the_past(tick, happen, emulator):
    happen(at=NOW - MINUTE)
    first = tick()
    assert (first.run_requests, first.asset_events) == ([], [])
    assert first.skip_message == "From now on, changes are seen."
    assert tick().skip_message == "Nothing has happened since the last look."
    assert emulator.stats.by_endpoint == {"workspace": 1, AUDIT: 2}


def test_the_token_of_another_workspace_than_the_datasets_is_refused(tick, happen, emulator, location, monkeypatch):
    tick()
    job = location.resolve_job_def("segment_sync")
    assert job.execute_in_process(asset_selection=[dg.AssetKey(["segment", "labels"])]).success
    happen()
    with running(world=World(1, seed=8)) as other, monkeypatch.context() as patch:
        patch.setenv("SEGMENT_BASE_URL", other.url)
        other.clock.set(NOW)
        other.edits.add(Edit("sources", "modify", other.records("sources")[0]["id"], {"name": "renamed"}))
        with pytest.raises(ForeignDatasetError, match=r"belongs to the workspace .*, and the token to .* \(id "):
            tick()
    # the cursor stays: nothing of the dataset's own workspace is lost
    assert len(tick().run_requests) == 1


def test_a_first_look_with_the_token_of_another_workspace_is_refused(tick, emulator, location, monkeypatch):
    job = location.resolve_job_def("segment_sync")
    assert job.execute_in_process(asset_selection=[dg.AssetKey(["segment", "labels"])]).success
    with running(world=World(0, seed=8)) as other, monkeypatch.context() as patch:
        patch.setenv("SEGMENT_BASE_URL", other.url)
        with pytest.raises(ForeignDatasetError):
            tick()


def test_a_workspace_that_cannot_be_asked_for_does_not_silence_the_sensor(tick, happen, emulator):
    emulator.faults.add(Fault("forbidden", "workspace"))
    tick()
    happen()
    assert len(tick().run_requests) == 1


def test_nothing_new_is_no_run(tick, emulator):
    cursors = {tick().cursor for _ in range(5)}
    assert len(cursors) == 1
    assert emulator.stats.by_endpoint == {"workspace": 1, AUDIT: 5}


def test_a_change_asks_for_the_assets_it_concerns_and_the_trail(tick, happen, emulator):
    tick()
    event = happen(name="New name")
    found = tick()
    assert selected(found) == concern("SOURCE") | {AUDIT}
    assert "sources" in selected(found) and "warehouses" not in selected(found)
    assert found.run_requests[0].run_key == f"{SENSOR}:{event}"
    assert observed(found) == {name: [event] for name in concern("SOURCE")}
    observation = next(each for each in found.asset_events if each.asset_key.path[-1] == "sources")
    source, actor = emulator.records("sources")[0], emulator.records("users")[0]
    assert observation.description == "1 event of the audit trail: Source Modified."
    assert {name: value.value for name, value in observation.metadata.items()} == {
        "segment/audit_events": [event],
        "segment/audit_types": ["Source Modified"],
        "segment/audit_actors": [mask(actor["email"], distinct=True)],
        "segment/audit_resources": [source["id"]],
        "segment/audit_latest": NOW.isoformat(),
    }


def test_several_changes_are_one_run(tick, happen):
    tick()
    events = {happen(), happen("warehouses", enabled=False), happen(place=1)}
    found = tick()
    assert selected(found) == concern("SOURCE") | concern("WAREHOUSE") | {AUDIT}
    assert seen(found) == events
    assert len(observed(found)["sources"]) == 2
    assert tick().run_requests == []


def test_the_run_that_is_asked_for_brings_the_change(tick, happen, location, instance, emulator):
    job = location.resolve_job_def("segment_sync")
    name = "Renamed & <read again>"
    assert job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["segment", "sources"])]).success
    tick()
    event = happen(name=name)
    (request,) = tick().run_requests
    emulator.stats.clear()
    assert job.execute_in_process(instance=instance, asset_selection=request.asset_selection).success
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM segment_data.sources WHERE name = ?", [name]).fetchall() == [
            (1,)
        ]
        assert connection.execute("SELECT id FROM segment_data.audit_events").fetchall() == [(event,)]
    # what the change does not concern is asked for as a parent at most, or comes in the same answers
    names = selected_of(request)
    parents = {row.parent.endpoint for row in TABLES if row.parent and row.name in names}
    # whose token it is, is asked in any case
    paths = {row.path for row in TABLES if row.name in names | parents | {IDENTITY.name}}
    assert {row.path for row in TABLES if row.name in emulator.stats.by_endpoint} <= paths


@pytest.mark.parametrize("seed", often(range(4), 1))
def test_each_event_is_asked_for_once_whenever_it_is_listed(tick, happen, emulator, move_clocks, seed):
    random, happened, present = Random(seed), set(), NOW
    asked: Counter[str] = Counter()
    tick()
    for place in range(40):
        present += timedelta(microseconds=random.randrange(1, 120_000_000))
        move_clocks(present)
        for _ in range(random.choice((0, 0, 1, 2))):
            # some at a whole second, some listed late by up to five minutes
            late = timedelta(microseconds=random.choice((0, 0, random.randrange(300_000_000))))
            moment = present - late
            happened.add(happen(at=moment.replace(microsecond=0) if random.random() < 0.3 else moment, place=place))
        found = tick()
        asked.update(seen(found))
        assert bool(found.run_requests) == bool(seen(found))
    assert set(asked) == happened
    assert set(asked.values()) == {1}


def test_an_event_less_than_a_second_from_the_edge_is_not_asked_for_twice(tick, happen, emulator, move_clocks):
    tick()
    move_clocks(NOW + SECOND)
    first = happen(at=NOW + timedelta(milliseconds=200))
    assert seen(tick()) == {first}
    # the next look begins at a whole second, five minutes before this one
    move_clocks(NOW + 6 * MINUTE)
    second = happen(at=NOW + 5 * MINUTE + timedelta(milliseconds=500), place=1)
    assert seen(tick()) == {second}
    assert tick().run_requests == []


def test_an_event_that_is_listed_late_is_found(tick, happen, emulator, move_clocks):
    tick()
    move_clocks(NOW + 10 * MINUTE)
    assert seen(tick()) == set()
    first = happen(at=NOW + 9 * MINUTE)
    assert seen(tick()) == {first}
    late = happen(at=NOW + 4 * MINUTE + SECOND, place=1)
    found = tick()
    assert seen(found) == {late}
    assert found.run_requests[0].run_key == f"{SENSOR}:{late}"


def test_nothing_is_lost_however_long_the_sensor_was_off(tick, happen, emulator, move_clocks, monkeypatch):
    tick()
    events = set()
    for hours in range(1, 20):
        move_clocks(NOW + hours * timedelta(hours=7))
        events.add(happen(place=hours))
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "4")
    assert seen(tick()) == events
    assert emulator.stats.by_endpoint == {"workspace": 1 + 1, AUDIT: 1 + 5}


def test_while_a_run_is_under_way_the_sensor_waits_and_nothing_is_lost(tick, happen, instance, emulator):
    cursor = tick().cursor
    run = dg.DagsterRun(job_name="segment_sync")
    instance.add_run(run)
    asked = emulator.stats.total
    events = set()
    for event_type, place in (("PIPELINE_STARTING", 0), ("PIPELINE_START", 1), ("PIPELINE_CANCELING", 2)):
        instance.report_dagster_event(dg.DagsterEvent(event_type, job_name="segment_sync"), run.run_id)
        events.add(happen(place=place))
        found = tick()
        assert found.skip_message == f"The run {run.run_id} of segment_sync is still under way."
        assert found.run_requests == found.asset_events == []
        assert found.cursor in (None, cursor)
    assert emulator.stats.total == asked
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_CANCELED", job_name="segment_sync"), run.run_id)
    assert seen(tick()) == events


def test_runs_of_other_jobs_do_not_hold_it_back(tick, happen, instance):
    tick()
    run = dg.DagsterRun(job_name="segment_delivery_sync")
    instance.add_run(run)
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", job_name="segment_delivery_sync"), run.run_id)
    event = happen()
    assert seen(tick()) == {event}


def event(number, at, **fields):
    made = {"id": f"event-{number}", "timestamp": at, "type": "T", "actor": "a", "resourceId": "r", "resourceName": "n"}
    return made | {"resourceType": "SOURCE"} | fields


@pytest.fixture
def told(monkeypatch):
    """What a trail tells that is not made by edits: a list that a test fills."""
    events: list[dict] = []

    def since(asked):
        return [each for each in events if each["timestamp"] >= asked.query["startTime"][0]]

    world = World(1, timed=TIMED | {AUDIT: since})
    with running(world=world, now=NOW, minute=0.05) as emulator:
        monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
        monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
        monkeypatch.setenv("SEGMENT_API_TOKEN", emulator.token)
        yield events


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


HOUR = timedelta(hours=1)
AHEAD = {
    "three hours": [3 * HOUR],
    "a year": [365 * 24 * HOUR],
    "several": [HOUR, 3 * HOUR, 4 * HOUR, 365 * 24 * HOUR],
}


@pytest.mark.parametrize("first_look", [True, False], ids=["at the first look", "later"])
@pytest.mark.parametrize("ahead", often(AHEAD.values(), 1), ids=AHEAD)
def test_an_event_dated_ahead_does_not_make_the_sensor_deaf(tick, told, monkeypatch, ahead, first_look):
    early = [event(number, written(NOW + later)) for number, later in enumerate(ahead)]
    if first_look:
        told += early
    assert tick().run_requests == []
    if not first_look:
        told += early
        assert seen(tick()) == {each["id"] for each in early}
    # until long after the hour that they are dated, each change is asked for once, and they are not asked for again
    for number in range(100, 112):
        present = NOW + (number - 99) * timedelta(minutes=25)
        monkeypatch.setenv("SEGMENT_NOW", present.isoformat())
        told.append(event(number, written(present - MINUTE)))
        found = tick()
        assert seen(found) == {f"event-{number}"}
        assert datetime.fromisoformat(json.loads(found.cursor)["since"]) <= present
        assert tick().run_requests == []


def test_an_event_that_is_listed_late_is_found_beside_one_dated_ahead(tick, told, monkeypatch):
    told.append(event(1, written(NOW + 3 * HOUR)))
    tick()
    for minutes in (1, 2, 3):
        monkeypatch.setenv("SEGMENT_NOW", (NOW + minutes * MINUTE).isoformat())
        tick()
    # nothing but that one has happened since the first look: four minutes late is in time
    told.append(event(2, written(NOW - MINUTE)))
    assert seen(tick()) == {"event-2"}


def test_a_cursor_that_lies_ahead_counts_as_the_present(location, instance, told):
    sensor = location.get_repository_def().get_sensor_def(SENSOR)
    # as an earlier version left it
    cursor = json.dumps({"since": (NOW + 3 * HOUR).isoformat(), "seen": ["event-1"]})
    told += [event(1, written(NOW + 3 * HOUR)), event(2, written(NOW - MINUTE))]
    with dg.build_sensor_context(instance, cursor, definitions=location) as context:
        assert seen(sensor.evaluate_tick(context)) == {"event-2"}


@pytest.mark.parametrize("resource_type", ["SOMETHING_NEW", "", None])
def test_what_concerns_no_asset_is_an_observation_of_the_trail(tick, told, resource_type):
    tick()
    told.append(event(1, "2026-03-31T06:31:00Z", resourceType=resource_type))
    told.append(event(2, "2026-03-31T06:31:01Z", resourceType="Source"))
    found = tick()
    assert selected(found) == concern("SOURCE") | {AUDIT}
    assert observed(found)[AUDIT] == ["event-1"]
    assert observed(found)["sources"] == ["event-2"]


def test_what_only_slow_assets_hold_is_left_to_their_job(tick, told):
    slow = {endpoint.name for endpoint in FAMILIES["segment_slow"].endpoints}
    types = {word for endpoint in TABLES for word in endpoint.audited_as}
    only_slow = sorted(word for word in types if concerned(word) and not concern(word))
    tick()
    for number, word in enumerate(only_slow):
        assert {endpoint.name for endpoint in concerned(word)} <= slow
        told[:] = [event(number, f"2026-03-31T06:31:{number:02d}Z", resourceType=word)]
        assert selected(tick()) == {AUDIT}


@pytest.mark.parametrize(
    "written",
    ["2026-03-31T06:31:00Z", "2026-03-31T06:31:00.1Z", "2026-03-31T06:31:00.123456789Z", "2026-03-31T08:31:00.5+02:00"],
)
def test_times_may_be_written_in_any_way_that_the_table_takes(tick, told, written, monkeypatch):
    tick()
    monkeypatch.setenv("SEGMENT_NOW", (NOW + 2 * MINUTE).isoformat())
    told.append(event(1, written))
    found = tick()
    assert seen(found) == {"event-1"}
    moment = datetime.fromisoformat(json.loads(found.cursor)["since"])
    assert moment.replace(microsecond=0) == NOW + MINUTE
    assert tick().run_requests == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("revoked-token"), "audit_events: GET /audit-events was refused: the token is not valid (401)."),
        (Fault("forbidden", AUDIT), "audit_events: GET /audit-events was refused (403)"),
        (Fault("500", AUDIT), "audit_events: GET /audit-events failed (500)"),
        (Fault("renamed-key", AUDIT), "audit_events: GET /audit-events has no records at"),
        (Fault("bad-json", AUDIT), "audit_events: GET /audit-events"),
        (Fault("null-key", AUDIT), "audit_events: column id "),
        (Fault("missing-field", AUDIT, value="timestamp"), "audit_events: "),
        (Fault("wrong-type", AUDIT, value="timestamp"), "audit_events: column timestamp "),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_what_the_api_answers_wrongly_is_the_ticks_error_in_a_line(tick, happen, emulator, fault, said, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    tick()
    events = {happen(), happen(place=1)}
    emulator.faults.add(fault)
    with pytest.raises(SegmentError) as failure:
        tick()
    assert str(failure.value).startswith(said)
    assert "\n" not in str(failure.value)
    assert emulator.token not in str(failure.value)
    # the next look finds what this one did not
    emulator.faults.clear()
    assert seen(tick()) == events


def test_a_setting_that_is_missing_is_the_ticks_error(tick, monkeypatch, emulator):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    with pytest.raises(SettingError, match=r"^SEGMENT_API_TOKEN is not set"):
        tick()
    assert emulator.stats.total == 0


def test_the_sensor_is_off_until_it_is_switched_on_and_looks_every_half_minute(location, monkeypatch):
    sensor = location.get_repository_def().get_sensor_def(SENSOR)
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    assert sensor.minimum_interval_seconds == 30
    monkeypatch.setenv("SEGMENT_AUDIT_SENSOR_SECONDS", "7")
    assert defs().get_repository_def().get_sensor_def(SENSOR).minimum_interval_seconds == 7


@pytest.mark.parametrize("value", ["0", "86401", "often"])
def test_an_interval_that_cannot_be_used_is_named(monkeypatch, value):
    monkeypatch.setenv("SEGMENT_AUDIT_SENSOR_SECONDS", value)
    with pytest.raises(SettingError) as failure:
        defs()
    assert str(failure.value) == (
        f"SEGMENT_AUDIT_SENSOR_SECONDS is {value!r}. Legal values: a whole number from 1 to 86400."
    )


def test_what_is_made_of_the_tables_is_asked_for_with_them(tick, happen, monkeypatch):
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    of = defs()
    tick(of)
    happen()
    assert selected(tick(of)) == concern("SOURCE") | {AUDIT, "changes"}
