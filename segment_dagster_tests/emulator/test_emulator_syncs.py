"""Warehouse syncs that somebody starts and ends while the workspace is served."""

from datetime import datetime, timedelta, timezone

import pytest
import requests

from segment_dagster.emulator import Edit, Notice, SyncStep, WarehouseSync, running
from segment_dagster.emulator.world.lists import with_parameter_columns
from segment_dagster.endpoints import CATALOGUE

NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
ROWS = {row.name: row for row in CATALOGUE}
LISTS = ("warehouse_syncs", "warehouse_source_syncs")


@pytest.fixture
def syncs(emulator):
    """The controlled syncs of an emulator that lists no others."""
    emulator.syncs.quiet = True
    return emulator.syncs


@pytest.fixture(scope="module")
def connected(world):
    """The pairs of warehouse and source that are connected."""
    return [(each["warehouseId"], each["sourceId"]) for each in world.lists("warehouse_source_syncs")]


@pytest.fixture(scope="module")
def pair(connected):
    return connected[0]


@pytest.fixture
def listed(ask):
    """A list as the API gives it."""

    def read(name, **values):
        row = ROWS[name]
        response = ask(row, values, **{"pagination.count": 1000})
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        assert data["pagination"]["totalEntries"] == len(data[row.selector[-1]])
        return data[row.selector[-1]]

    return read


@pytest.fixture
def shown(listed, emulator):
    """The syncs of a pair: the same in both lists, and in what the emulator says that it lists."""

    def read(warehouse_id, source_id):
        (one, other) = (
            listed("warehouse_syncs", warehouseId=warehouse_id),
            listed("warehouse_source_syncs", warehouseId=warehouse_id, sourceId=source_id),
        )
        assert [record for record in one if record["sourceId"] == source_id] == other
        assert emulator.records("warehouse_syncs", {"warehouseId": warehouse_id}) == one
        values = {"warehouseId": warehouse_id, "sourceId": source_id}
        assert emulator.records("warehouse_source_syncs", values) == other
        return other

    return read


def test_a_sync_runs_until_it_is_finished(syncs, emulator, shown, pair):
    assert shown(*pair) == []
    syncs.start(*pair)
    running = {
        "sourceId": pair[1],
        "start": "2024-03-15T12:30:00Z",
        "end": None,
        "status": "RUNNING",
        "duration": 0,
        "humanDuration": "0 minutes, 0 seconds",
        "count": 0,
        "notices": [],
    }
    assert shown(*pair) == [running]
    emulator.clock.advance(timedelta(seconds=90))
    partial = {"duration": 90, "humanDuration": "1 minutes, 30 seconds"}
    assert shown(*pair) == [running | partial]
    emulator.clock.advance(timedelta(seconds=10))
    syncs.finish(*pair, count=12_345, notices=[Notice("WARN", "slow", NOW + timedelta(seconds=5)), Notice("INFO", "x")])
    ended = running | {
        "end": "2024-03-15T12:31:40Z",
        "status": "SUCCESS",
        "duration": 100,
        "humanDuration": "1 minutes, 40 seconds",
        "count": 12_345,
        "notices": [
            {"level": "WARN", "message": "slow", "createdAt": "2024-03-15T12:30:05Z"},
            {"level": "INFO", "message": "x", "createdAt": "2024-03-15T12:31:40Z"},
        ],
    }
    assert shown(*pair) == [ended]
    emulator.clock.advance(HOUR)
    assert shown(*pair) == [ended]


def test_a_sync_fails_with_its_reason_and_one_is_partial(syncs, emulator, shown, pair):
    syncs.start(*pair, at=NOW - HOUR)
    syncs.fail(*pair, at=NOW - HOUR / 2, reason="permission denied for schema café", notices=[Notice("INFO", "x")])
    syncs.start(*pair)
    syncs.partial(*pair, count=7)
    partial, failed = shown(*pair)
    assert (failed["status"], failed["count"], failed["duration"]) == ("FAILED", 0, 1800)
    assert failed["notices"][1:] == [
        {"level": "ERROR", "message": "permission denied for schema café", "createdAt": "2024-03-15T12:00:00Z"}
    ]
    assert (partial["status"], partial["count"], partial["end"]) == ("PARTIAL_SUCCESS", 7, "2024-03-15T12:30:00Z")


def test_a_sync_ends_with_any_status(syncs, shown, pair):
    syncs.start(*pair)
    syncs.finish(*pair, status="ABORTED")
    assert [sync["status"] for sync in shown(*pair)] == ["ABORTED"]


def test_the_list_of_a_warehouse_has_all_its_sources_newest_first(syncs, listed, connected, emulator):
    warehouse = connected[0][0]
    sources = [source for each, source in connected if each == warehouse][:3]
    elsewhere = next(each for each in connected if each[0] != warehouse)
    syncs.start(*elsewhere)
    for hours, source in enumerate(sources):
        syncs.start(warehouse, source, at=NOW - hours * HOUR)
    syncs.finish(warehouse, sources[2], at=NOW - HOUR)
    syncs.start(warehouse, sources[2], at=NOW - HOUR / 2)
    newest_first = [sources[0], sources[2], sources[1], sources[2]]
    assert [sync["sourceId"] for sync in listed("warehouse_syncs", warehouseId=warehouse)] == newest_first
    together = [(record["warehouseId"], record["sourceId"]) for record in emulator.records("warehouse_syncs")]
    assert sorted(together) == sorted([elsewhere, *((warehouse, source) for source in newest_first)])


def test_pages_hold_the_controlled_syncs(syncs, ask, pair):
    for minutes in range(3):
        syncs.start(*pair, at=NOW - timedelta(minutes=3 - minutes))
        syncs.finish(*pair, at=NOW - timedelta(minutes=3 - minutes), count=minutes)
    counts, cursor = [], None
    for left in (2, 1):
        page = {"pagination.count": 2, "pagination.cursor": cursor}
        data = ask(ROWS["warehouse_syncs"], {"warehouseId": pair[0]}, **page).json()["data"]
        assert (len(data["reports"]), data["pagination"]["totalEntries"]) == (left, 3)
        counts += [sync["count"] for sync in data["reports"]]
        cursor = data["pagination"].get("next")
    assert (counts, cursor) == ([2, 1, 0], None)


def test_a_sync_is_listed_from_its_start_and_runs_until_its_end(syncs, emulator, shown, pair):
    syncs.start(*pair, at=NOW + HOUR)
    syncs.fail(*pair, at=NOW + 2 * HOUR, reason="x", notices=[Notice("INFO", "early", NOW + HOUR)])
    assert shown(*pair) == []
    emulator.clock.advance(HOUR + timedelta(minutes=30))
    (sync,) = shown(*pair)
    assert (sync["status"], sync["end"], sync["duration"], sync["count"]) == ("RUNNING", None, 1800, 0)
    assert [notice["message"] for notice in sync["notices"]] == ["early"]
    emulator.clock.advance(HOUR / 2)
    assert [sync["status"] for sync in shown(*pair)] == ["FAILED"]


def test_the_made_up_syncs_are_beside_them_unless_it_is_quiet(emulator, world, shown, connected):
    made_up = {pair: world.records("warehouse_source_syncs", _values(pair)) for pair in connected}
    pair = next(pair for pair, records in made_up.items() if len(records) > 1)
    emulator.clock.set(datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert shown(*pair) == made_up[pair]
    emulator.syncs.start(*pair)
    assert [sync["start"] for sync in shown(*pair)][:2] == ["2026-01-01T00:00:00Z", made_up[pair][0]["start"]]
    assert shown(*pair)[1:] == made_up[pair]
    emulator.syncs.quiet = True
    assert len(shown(*pair)) == 1
    emulator.syncs.clear()
    assert not emulator.syncs.quiet
    assert shown(*pair) == made_up[pair]


def test_all_lists_together_are_as_those_of_the_world(emulator, world):
    for name in LISTS:
        assert emulator.records(name) == world.records(name)
        emulator.syncs.quiet = True
        assert emulator.records(name) == []
        emulator.syncs.quiet = False


def test_all_lists_together_name_the_warehouse(syncs, emulator, shown, pair):
    syncs.start(*pair)
    for name in LISTS:
        assert emulator.records(name) == with_parameter_columns(ROWS[name], _values(pair), shown(*pair))


def test_a_source_that_is_disconnected_keeps_its_syncs_in_the_list_of_the_warehouse(syncs, emulator, listed, ask, pair):
    syncs.start(*pair)
    emulator.edits.add(Edit("sources", "delete", pair[1]))
    assert [sync["sourceId"] for sync in listed("warehouse_syncs", warehouseId=pair[0])] == [pair[1]]
    assert ask(ROWS["warehouse_source_syncs"], _values(pair)).status_code == 404
    syncs.finish(*pair)
    with pytest.raises(ValueError, match=f"no source has the id '{pair[1]}'"):
        syncs.start(*pair, at=NOW + HOUR)


def test_a_source_that_is_connected_later_can_be_synced_then(syncs, emulator, shown, world, connected):
    warehouse = connected[0][0]
    source = next(each["id"] for each in world.records("sources") if (warehouse, each["id"]) not in connected)
    with pytest.raises(ValueError, match="the source is not connected to the warehouse"):
        syncs.start(warehouse, source)
    place = {"warehouseId": warehouse}
    emulator.edits.add(Edit("warehouse_connected_sources", "create", source, values=place, at=NOW + HOUR))
    with pytest.raises(ValueError, match="not connected"):
        syncs.start(warehouse, source)
    syncs.start(warehouse, source, at=NOW + HOUR)
    emulator.clock.advance(HOUR)
    assert [sync["status"] for sync in shown(warehouse, source)] == ["RUNNING"]


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda syncs, w, s: syncs.start("nowhere", s), "to warehouse nowhere: no warehouse has the id 'nowhere'"),
        (lambda syncs, w, s: syncs.start(w, "nobody"), "sync of source nobody .*: no source has the id 'nobody'"),
        (lambda syncs, w, s: syncs.finish(w, s), "none runs; start it first"),
        (lambda syncs, w, s: syncs.fail("nowhere", s, reason="x"), "none runs; start it first"),
        (lambda syncs, w, s: _twice(syncs.start, w, s), r"one runs since 2024-03-15T12:30:00\+00:00; end it first"),
        (lambda syncs, w, s: _started(syncs, w, s).finish(w, s, at=NOW - HOUR), "cannot end before its start, 2024"),
        (lambda syncs, w, s: _started(syncs, w, s).finish(w, s, count=-1), "count must be 0 or more"),
        (lambda syncs, w, s: _started(syncs, w, s).finish(w, s, status=""), "'' is not the status of one that"),
        (lambda syncs, w, s: _started(syncs, w, s).finish(w, s, status="RUNNING"), "'RUNNING' is not the status"),
        (lambda syncs, w, s: _ended(syncs, w, s).start(w, s, at=NOW + HOUR / 2), "overlaps with the one that started"),
        (lambda syncs, w, s: _ended(syncs, w, s).start(w, s), "overlaps with the one that started"),
        (lambda syncs, w, s: _ended(syncs, w, s).start(w, s, at=NOW - HOUR), "overlaps with the one that started"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(syncs, pair, do, says):
    with pytest.raises(ValueError, match=says) as refused:
        do(syncs, *pair)
    assert "\n" not in str(refused.value)
    assert all(sync.end in (None, NOW + HOUR) for sync in syncs.active)
    assert len(syncs.active) <= 1


def test_syncs_are_controlled_over_http(syncs, emulator, shown, pair):
    url, ids = f"{emulator.url}/_emulator/syncs", dict(zip(("warehouse_id", "source_id"), pair, strict=True))
    assert requests.get(url, timeout=10).json() == {"quiet": True, "syncs": []}
    start = {"action": "start", **ids, "at": "2024-03-15T12:00:00+01:00"}
    (started,) = requests.post(url, json=[start], timeout=10).json()["syncs"]
    assert started == ids | {
        "start": "2024-03-15T11:00:00Z",
        "end": None,
        "status": "RUNNING",
        "count": 0,
        "notices": [],
    }
    assert [sync["duration"] for sync in shown(*pair)] == [5400]
    notice = {"level": "WARN", "message": "x", "at": "2024-03-15T11:30:00Z"}
    steps = [
        {"action": "fail", **ids, "at": "2024-03-15T12:00:00Z", "reason": "why", "notices": [notice]},
        {"action": "start", **ids, "at": "2024-03-15T12:00:00Z"},
        {"action": "finish", **ids, "count": 5, "status": "FINE"},
    ]
    state = requests.post(url, json=steps, timeout=10).json()
    why = {"level": "ERROR", "message": "why", "at": "2024-03-15T12:00:00Z"}
    assert state["syncs"][0] == started | {
        "end": "2024-03-15T12:00:00Z",
        "status": "FAILED",
        "notices": [notice, why],
    }
    assert [(sync["status"], sync["count"]) for sync in shown(*pair)] == [("FINE", 5), ("FAILED", 0)]
    assert requests.get(url, timeout=10).json() == state
    assert requests.put(url, json=state, timeout=10).json() == state
    assert requests.put(url, json={"syncs": [started]}, timeout=10).json() == {"quiet": True, "syncs": [started]}
    assert syncs.active == [WarehouseSync(pair[0], pair[1], NOW - 1.5 * HOUR)]
    assert requests.put(url, json={"quiet": False}, timeout=10).json() == {"quiet": False, "syncs": [started]}
    assert requests.delete(url, timeout=10).status_code == 204
    assert requests.get(url, timeout=10).json() == {"quiet": False, "syncs": []}


@pytest.mark.parametrize(
    ("method", "body", "says"),
    [
        ("POST", "[", "Expecting value"),
        ("POST", "{}", "JSON list of steps of syncs"),
        ("POST", "[1]", "a step of a sync is an object with action, warehouse_id, source_id"),
        ("POST", '[{"action": "start"}]', "a step of a sync needs warehouse_id, source_id"),
        ("POST", '[{"action": "stop", "warehouse_id": "w", "source_id": "s"}]', "the actions are start, finish, fail,"),
        ("POST", '[{"action": "start", "warehouse_id": "w", "source_id": 1}]', "source_id of a step of a sync is not"),
        ("POST", '[{"action": "start", "warehouse_id": "w", "source_id": "s", "on": 1}]', "unknown 'on' in a step"),
        ("POST", '[{"action": "start", "warehouse_id": "w", "source_id": "s", "at": "noon"}]', "ISO 8601: 'noon'"),
        ("POST", '[{"action": "start", "warehouse_id": "w", "source_id": "s", "count": 1}]', "given when it ends"),
        ("POST", '[{"action": "start", "warehouse_id": "w", "source_id": "s", "count": true}]', "count of a step"),
        ("POST", '[{"action": "fail", "warehouse_id": "w", "source_id": "s"}]', "a sync that fails has a reason"),
        ("POST", '[{"action": "partial", "warehouse_id": "w", "source_id": "s", "status": "x"}]', "only finish takes"),
        (
            "POST",
            '[{"action": "finish", "warehouse_id": "w", "source_id": "s", "notices": [{"level": "INFO"}]}]',
            "a notice needs message",
        ),
        ("PUT", "[]", "the body must be a JSON object"),
        ("PUT", '{"quiet": 1}', "quiet is not of the right type"),
        ("PUT", '{"syncs": [{"warehouse_id": "w"}]}', "a sync needs source_id, start"),
        ("PUT", '{"syncs": [{"warehouse_id": "w", "source_id": "s", "start": "2024-03-15"}]}', "no warehouse has the"),
        (
            "PUT",
            '{"syncs": [{"warehouse_id": "w", "source_id": "s", "start": "2024-03-15", "count": 1}]}',
            "one that runs has the status RUNNING and no count yet",
        ),
    ],
)
def test_a_body_that_is_not_valid_changes_nothing(syncs, emulator, pair, method, body, says):
    syncs.start(*pair)
    response = requests.request(method, f"{emulator.url}/_emulator/syncs", data=body, timeout=10)
    assert (response.status_code, response.json()["errors"][0]["type"]) == (422, "bad-request")
    assert says in response.json()["errors"][0]["message"]
    assert syncs.active == [WarehouseSync(pair[0], pair[1], NOW)]
    assert syncs.quiet


def test_of_several_steps_all_are_done_or_none(syncs, emulator, connected):
    steps = [{"action": "start", "warehouse_id": warehouse, "source_id": source} for warehouse, source in connected[:2]]
    response = requests.post(f"{emulator.url}/_emulator/syncs", json=[*steps, steps[0]], timeout=10)
    assert response.status_code == 422
    assert syncs.active == []
    warehouse, source = connected[0]
    with pytest.raises(ValueError, match="one runs since"):
        syncs.replace([WarehouseSync(warehouse, source, NOW), WarehouseSync(warehouse, source, NOW + HOUR)])
    assert syncs.active == []


def test_an_emulator_is_quiet_from_the_start_and_again_after_clearing(world, pair):
    with running(world=world, now=NOW, quiet_syncs=True) as emulator:
        emulator.syncs.apply(SyncStep("start", pair[0], pair[1], NOW))
        assert len(emulator.records("warehouse_syncs")) == 1
        emulator.syncs.quiet = False
        emulator.syncs.clear()
        assert emulator.records("warehouse_syncs") == []


def test_answers_that_are_kept_follow_the_syncs(world, pair):
    with running(world=world, now=NOW, quiet_syncs=True, keep=True) as emulator, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {emulator.token}"

        def shown():
            data = session.get(f"{emulator.url}/warehouses/{pair[0]}/syncs", timeout=10).json()["data"]
            return [(sync["status"], sync["duration"]) for sync in data["reports"]]

        assert [shown(), shown()] == [[], []]
        emulator.syncs.start(*pair)
        assert [shown(), shown()] == [[("RUNNING", 0)]] * 2
        emulator.clock.advance(HOUR)
        assert shown() == [("RUNNING", 3600)]
        emulator.syncs.finish(*pair)
        assert shown() == [("SUCCESS", 3600)]
        emulator.syncs.clear()
        assert shown() == []


def _values(pair):
    return dict(zip(("warehouseId", "sourceId"), pair, strict=True))


def _twice(do, *arguments):
    do(*arguments)
    do(*arguments)


def _started(syncs, *pair):
    syncs.start(*pair)
    return syncs


def _ended(syncs, *pair):
    """A sync from now on, that ends an hour later."""
    syncs.start(*pair)
    syncs.finish(*pair, at=NOW + HOUR)
    return syncs
