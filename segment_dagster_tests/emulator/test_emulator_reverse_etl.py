"""Reverse ETL syncs that a client starts and cancels, and that the emulator is told to end."""

from datetime import datetime, timedelta, timezone

import pytest
import requests

from segment_dagster.emulator import Edit, Fault, running
from segment_dagster.endpoints import CATALOGUE

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
MEDIA_TYPE = "application/vnd.segment.v1alpha+json"

(ROW,) = (row for row in CATALOGUE if row.name == "reverse_etl_syncs")


@pytest.fixture
def reverse(emulator):
    """The controlled syncs, at a time after all that are made up."""
    emulator.clock.set(NOW)
    return emulator.syncs.reverse_etl


@pytest.fixture(scope="module")
def mapping(world):
    """The body that starts a sync."""
    return _mapping(world, world.lists("reverse_etl_syncs")[1])


def _mapping(world, values):
    model = next(record for record in world.records("reverse_etl_models") if record["id"] == values["modelId"])
    return {"sourceId": model["sourceId"], **values}


@pytest.fixture
def post(api, emulator):
    """Send a body to a path."""

    def send(path, body=None, **options):
        return api.session.post(emulator.url + path, json=body, timeout=10, **options)

    return send


@pytest.fixture
def start(post, mapping, reverse):
    """Start a sync as a client does, and return its id."""

    def run():
        response = post("/reverse-etl-syncs", mapping, headers={"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE})
        assert (response.status_code, response.headers["Content-Type"]) == (200, MEDIA_TYPE)
        return response.json()["data"]["reverseETLManualSync"]["syncId"]

    return run


@pytest.fixture
def shown(api, ask, emulator, mapping):
    """A sync: the same in its list, by its id, and in what the emulator says that it lists."""

    def read(sync_id):
        values = {name: mapping[name] for name in ("modelId", "subscriptionId")}
        data = ask(ROW, values, count=100).json()["data"]
        (listed,) = (record for record in data["syncStatuses"] if record["syncId"] == sync_id)
        one = api.json(f"/reverse-etl-models/{mapping['modelId']}/syncs/{sync_id}")
        assert one == {"data": {"reverseETLSyncStatus": listed}}
        assert listed in emulator.records("reverse_etl_syncs", values)
        together = [record for record in emulator.records("reverse_etl_syncs") if record["syncId"] == sync_id]
        assert together == [listed | {"subscriptionId": mapping["subscriptionId"]}]
        return listed

    return read


def test_a_sync_that_a_client_starts_runs_until_it_is_finished(post, mapping, reverse, emulator, shown, ask):
    response = post("/reverse-etl-syncs", mapping)
    started = response.json()["data"]["reverseETLManualSync"]
    assert response.json() == {"data": {"reverseETLManualSync": {**started, "startedAt": "2026-03-15T12:30:00Z"}}}
    assert set(started) == {"syncId", "startedAt"}
    emulator.clock.advance(timedelta(seconds=90))
    running = {
        "syncId": started["syncId"],
        "modelId": mapping["modelId"],
        "sourceId": mapping["sourceId"],
        "syncStatus": "IN_PROGRESS",
        "duration": "90",
        "startedAt": "2026-03-15T12:30:00Z",
    }
    assert shown(started["syncId"]) == running
    emulator.clock.advance(timedelta(seconds=10))
    reverse.finish(started["syncId"], rows=12)
    emulator.clock.advance(HOUR)
    ended = shown(started["syncId"])
    phases = (ended.pop("extractPhase"), ended.pop("loadPhase"))
    assert ended == running | {"syncStatus": "SUCCESS", "duration": "100", "finishedAt": "2026-03-15T12:31:40Z"}
    assert phases == (
        {
            "addedCount": "12",
            "updatedCount": "0",
            "deletedCount": "0",
            "extractCount": "12",
            "errorCode": "",
            "startedAt": "2026-03-15T12:30:00Z",
            "finishedAt": "2026-03-15T12:30:50Z",
        },
        {
            "deliverSuccessCount": "12",
            "deliverFailureCount": "0",
            "errorCode": "",
            "startedAt": "2026-03-15T12:30:50Z",
            "finishedAt": "2026-03-15T12:31:40Z",
        },
    )
    values = {name: mapping[name] for name in ("modelId", "subscriptionId")}
    assert ask(ROW, values).json()["data"]["syncStatuses"][0]["syncId"] == started["syncId"]


def test_a_sync_fails_and_one_is_partial(start, reverse, shown):
    failed, partial = start(), start()
    assert failed != partial
    reverse.fail(failed, error='relation "café" does not exist', error_code="QUERY_FAILED")
    reverse.partial(partial, rows=10, undelivered=3)
    record = shown(failed)
    assert (record["syncStatus"], record["error"]) == ("FAIL", 'relation "café" does not exist')
    assert record["errorCode"] == "QUERY_FAILED"
    assert {"extractPhase", "loadPhase"} & set(record) == set()
    record = shown(partial)
    assert record["syncStatus"] == "PARTIAL_SUCCESS"
    load = record["loadPhase"]
    assert (load["deliverSuccessCount"], load["deliverFailureCount"]) == ("7", "3")


def test_a_sync_ends_by_itself_where_the_emulator_is_told_how_long_it_lasts(start, reverse, emulator, shown):
    reverse.lasts = timedelta(seconds=30)
    sync = start()
    emulator.clock.advance(timedelta(seconds=29))
    assert shown(sync)["syncStatus"] == "IN_PROGRESS"
    emulator.clock.advance(timedelta(seconds=1))
    assert (shown(sync)["syncStatus"], shown(sync)["duration"]) == ("SUCCESS", "30")
    early = start()
    reverse.fail(early, error="x", error_code="Y")
    assert shown(early)["syncStatus"] == "FAIL"


def test_a_sync_is_cancelled_once(start, post, reverse, emulator, shown, mapping):
    sync = start()
    about = {"modelId": mapping["modelId"], "syncId": sync}
    path = f"/reverse-etl-models/{mapping['modelId']}/syncs/{sync}/cancel"
    response = post(path, {"reasonForCanceling": 4})
    assert (response.status_code, response.json()) == (200, {"data": about | {"status": "CANCELLING"}})
    assert shown(sync)["syncStatus"] == "IN_PROGRESS"
    assert [each.cancelled for each in reverse.active] == [NOW]
    again = {"errorCode": "SyncAlreadyCanceled", "errorMessage": "sync already canceled"}
    assert post(path).json() == {"data": about | again}
    reverse.fail(sync, error="cancelled", error_code="CANCELLED")
    finished = {"errorCode": "SyncFinishedCannotCancel", "errorMessage": "sync already finished"}
    assert post(path, {}).json() == {"data": about | finished}


def test_a_cancelled_sync_that_ends_by_itself_has_failed(start, post, reverse, emulator, shown, mapping):
    reverse.lasts = HOUR
    sync = start()
    post(f"/reverse-etl-models/{mapping['modelId']}/syncs/{sync}/cancel")
    emulator.clock.advance(HOUR)
    record = shown(sync)
    assert record["syncStatus"] == "FAIL"
    assert not {"error", "errorCode"} & set(record)


def test_a_made_up_sync_is_shown_by_its_id_and_cannot_be_cancelled_once_it_has_ended(api, post, world):
    for values in world.lists("reverse_etl_syncs"):
        for record in world.records("reverse_etl_syncs", values)[:3]:
            path = f"/reverse-etl-models/{values['modelId']}/syncs/{record['syncId']}"
            assert api.json(path)["data"]["reverseETLSyncStatus"] == record
            answer = post(f"{path}/cancel").json()["data"]
            runs = record["syncStatus"] == "IN_PROGRESS"
            assert answer.get("status") == ("CANCELLING" if runs else None)
            assert answer.get("errorCode") == (None if runs else "SyncFinishedCannotCancel")


def test_the_made_up_syncs_are_beside_them_unless_it_is_quiet(start, reverse, emulator, world, mapping, ask):
    values = world.lists("reverse_etl_syncs")[1]
    made_up = world.records("reverse_etl_syncs", values)
    sync = start()

    def ids():
        return [record["syncId"] for record in ask(ROW, values, count=100).json()["data"]["syncStatuses"]]

    assert ids() == [sync, *(record["syncId"] for record in made_up)]
    reverse.quiet = True
    assert ids() == [sync]
    assert len(emulator.records("reverse_etl_syncs")) == 1
    emulator.syncs.clear()
    assert emulator.records("reverse_etl_syncs", values) == made_up
    assert emulator.records("reverse_etl_syncs") == world.records("reverse_etl_syncs")


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"sourceId": None}, 422, "sourceId is required, as a text"),
        ({"modelId": 1}, 422, "modelId is required, as a text"),
        ({"subscriptionId": None}, 422, "subscriptionId is required, as a text"),
        ({"sourceId": "nobody"}, 404, "of source nobody was not found."),
        ({"modelId": "nobody"}, 404, "reverse ETL model nobody of source "),
        ({"subscriptionId": "nobody"}, 404, "subscription nobody of reverse ETL model "),
    ],
)
def test_what_cannot_be_started_is_refused(post, reverse, mapping, change, status, says):
    body = {name: value for name, value in (mapping | change).items() if value is not None}
    response = post("/reverse-etl-syncs", body)
    assert response.status_code == status
    (error,) = response.json()["errors"]
    assert says in error["message"]
    assert error.get("field") == (next(iter(change)) if status == 422 else None)
    assert reverse.active == []


def test_a_body_that_is_no_object_is_refused(api, emulator, mapping, start):
    for body in (b"", b"[", b"[]"):
        response = api.session.post(f"{emulator.url}/reverse-etl-syncs", data=body, timeout=10)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "body")
    path = f"{emulator.url}/reverse-etl-models/{mapping['modelId']}/syncs/{start()}/cancel"
    for reason in (5, -1, "x", True):
        response = api.session.post(path, json={"reasonForCanceling": reason}, timeout=10)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "reasonForCanceling")


def test_a_sync_of_another_model_is_not_found(api, post, start, mapping, world):
    sync = start()
    other = next(record["id"] for record in world.records("reverse_etl_models") if record["id"] != mapping["modelId"])
    for response in (
        api.get(f"/reverse-etl-models/{other}/syncs/{sync}"),
        api.get(f"/reverse-etl-models/{mapping['modelId']}/syncs/nothing"),
        post(f"/reverse-etl-models/{other}/syncs/{sync}/cancel"),
    ):
        assert (response.status_code, response.json()["errors"][0]["type"]) == (404, "not-found")


def test_a_model_that_is_deleted_is_not_synced(post, reverse, emulator, mapping):
    emulator.edits.add(Edit("reverse_etl_models", "delete", mapping["modelId"]))
    assert post("/reverse-etl-syncs", mapping).status_code == 404


def test_only_the_stated_method_is_answered(api, emulator, mapping, start):
    path = f"/reverse-etl-models/{mapping['modelId']}/syncs/{start()}"
    for method, at, allowed in (("GET", "/reverse-etl-syncs", "POST"), ("GET", f"{path}/cancel", "POST")):
        response = api.session.request(method, emulator.url + at, timeout=10)
        assert (response.status_code, response.headers["Allow"]) == (405, allowed)
    response = api.session.post(emulator.url + path, timeout=10)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")
    assert requests.post(f"{emulator.url}/reverse-etl-syncs", json=mapping, timeout=10).status_code == 401


def test_a_fault_hits_the_start_before_or_after_the_sync_runs(post, emulator, mapping, reverse):
    emulator.faults.add(Fault("500", "reverse_etl_sync_start", times=1))
    assert post("/reverse-etl-syncs", mapping).status_code == 500
    assert reverse.active == []
    emulator.faults.add(Fault("bad-json", "reverse_etl_sync_start", times=1))
    with pytest.raises(requests.JSONDecodeError):
        post("/reverse-etl-syncs", mapping).json()
    assert len(reverse.active) == 1
    assert emulator.stats.by_endpoint == {"reverse_etl_sync_start": 2}


def test_starting_and_asking_are_limited_as_documented(world, mapping):
    with running(world=world, now=NOW, limits=True, minute=3600) as emulator, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {emulator.token}"
        answers = [session.post(f"{emulator.url}/reverse-etl-syncs", json=mapping, timeout=10) for _ in range(21)]
        assert [answer.status_code for answer in answers] == [200] * 20 + [429]
        assert "Retry-After" in answers[-1].headers
        assert len(emulator.syncs.reverse_etl.active) == 20
        sync = answers[0].json()["data"]["reverseETLManualSync"]["syncId"]
        path = f"{emulator.url}/reverse-etl-models/{mapping['modelId']}/syncs/{sync}"
        assert session.get(path, timeout=10).headers["X-RateLimit-Remaining"] == "249"


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda syncs, sync: syncs.finish("nothing"), "reverse ETL sync nothing: no such sync was started"),
        (lambda syncs, sync: syncs.finish(sync, at=NOW - HOUR), "it cannot end before its start"),
        (lambda syncs, sync: syncs.finish(sync, rows=-1), "rows and undelivered must be 0 or more"),
        (lambda syncs, sync: syncs.partial(sync, rows=1, undelivered=2), "not more undelivered than rows"),
        (lambda syncs, sync: [syncs.finish(sync), syncs.finish(sync)], "it has ended"),
        (lambda syncs, sync: syncs.start("nobody", "nothing", "x"), "reverse ETL model nothing of source nobody"),
    ],
)
def test_a_step_that_cannot_be_is_refused_in_one_line(start, reverse, do, says):
    with pytest.raises(ValueError, match=says) as refused:
        do(reverse, start())
    assert "\n" not in str(refused.value)
    assert len(reverse.active) == 1


def test_they_are_controlled_over_http(start, reverse, emulator, mapping, shown):
    url = f"{emulator.url}/_emulator/reverse-etl-syncs"
    assert requests.get(url, timeout=10).json() == {"quiet": False, "lasts": None, "syncs": []}
    sync, other = start(), start()
    (first, _) = requests.get(url, timeout=10).json()["syncs"]
    assert first == {
        "sync_id": sync,
        "source_id": mapping["sourceId"],
        "model_id": mapping["modelId"],
        "subscription_id": mapping["subscriptionId"],
        "start": "2026-03-15T12:30:00Z",
        "end": None,
        "status": "IN_PROGRESS",
        "rows": 0,
        "undelivered": 0,
        "error": None,
        "error_code": None,
        "cancelled": None,
    }
    steps = [
        {"action": "partial", "sync_id": sync, "rows": 5, "undelivered": 1, "at": "2026-03-15T13:00:00Z"},
        {"action": "fail", "sync_id": other, "error": "x", "error_code": "Y"},
    ]
    state = requests.post(url, json=steps, timeout=10).json()
    assert [(each["status"], each["end"]) for each in state["syncs"]] == [
        ("PARTIAL_SUCCESS", "2026-03-15T13:00:00Z"),
        ("FAIL", "2026-03-15T12:30:00Z"),
    ]
    assert shown(sync)["syncStatus"] == "IN_PROGRESS"
    emulator.clock.advance(HOUR)
    assert shown(sync)["syncStatus"] == "PARTIAL_SUCCESS"
    assert requests.put(url, json={"lasts": 0, "quiet": True}, timeout=10).json()["lasts"] == 0
    assert (reverse.lasts, reverse.quiet) == (timedelta(0), True)
    assert shown(start())["syncStatus"] == "SUCCESS"
    assert requests.put(url, json={"lasts": None}, timeout=10).json()["lasts"] is None
    assert requests.delete(url, timeout=10).status_code == 204
    assert requests.get(url, timeout=10).json() == {"quiet": False, "lasts": None, "syncs": []}


@pytest.mark.parametrize(
    ("method", "body", "says"),
    [
        ("PUT", '{"lasts": -1}', "lasts must be a number of seconds from 0 to 1000000"),
        ("PUT", '{"lasts": 1e9}', "lasts must be a number of seconds from 0 to 1000000"),
        ("PUT", '{"syncs": []}', "unknown 'syncs'; there are quiet, lasts"),
        ("POST", "{}", "JSON list of steps of reverse ETL syncs"),
        ("POST", '[{"action": "finish"}]', "a step of a reverse ETL sync needs sync_id"),
        ("POST", '[{"action": "stop", "sync_id": "x"}]', "they are finish, partial, fail"),
        ("POST", '[{"action": "finish", "sync_id": "x", "rows": 2, "undelivered": 1}]', "only partial leaves rows"),
        ("POST", '[{"action": "fail", "sync_id": "x", "error": "y"}]', "has an error and an error_code"),
        ("POST", '[{"action": "finish", "sync_id": "x", "error": "y"}]', "has an error and an error_code"),
        ("POST", '[{"action": "finish", "sync_id": "x", "at": "noon"}]', "not a time in ISO 8601: 'noon'"),
    ],
)
def test_a_control_body_that_is_not_valid_changes_nothing(reverse, emulator, method, body, says):
    response = requests.request(method, f"{emulator.url}/_emulator/reverse-etl-syncs", data=body, timeout=10)
    assert (response.status_code, response.json()["errors"][0]["type"]) == (422, "bad-request")
    assert says in response.json()["errors"][0]["message"]
    assert (reverse.lasts, reverse.quiet) == (None, False)
