import http.client
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from segment_dagster.emulator import KINDS, Fault, running
from segment_dagster.endpoints import CATALOGUE


def only_error(response):
    (only,) = response.json()["errors"]
    return only


def sources(api):
    return api.json("/sources?pagination.count=1000")["data"]["sources"]


def test_429_retry_after(api, emulator):
    emulator.faults.add(Fault("429-retry-after", value=2.5))
    response = api.get("/sources")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "3")


def test_429_ms_before_next(api, emulator):
    emulator.faults.add(Fault("429-ms-before-next", value=0.25))
    response = api.get("/sources")
    assert (response.status_code, only_error(response)["data"]) == (429, {"msBeforeNext": 250})
    assert not {"retry-after", "x-ratelimit-reset"} & {name.lower() for name in response.headers}


def test_429_reset(api, emulator):
    emulator.faults.add(Fault("429-reset", value=60))
    response = api.get("/sources")
    assert response.status_code == 429
    assert parsedate_to_datetime(response.headers["X-RateLimit-Reset"])
    assert "Retry-After" not in response.headers
    assert "data" not in only_error(response)


def test_429_bare(api, emulator):
    emulator.faults.add(Fault("429-bare"))
    response = api.get("/sources")
    assert response.status_code == 429
    assert "data" not in only_error(response)
    assert not {"retry-after", "x-ratelimit-reset"} & {name.lower() for name in response.headers}


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        ("500", 500, "went wrong"),
        ("missing-feature", 403, "The feature Spaces is not enabled for the workspace."),
        ("forbidden", 403, "permission Workspace Owner"),
        ("not-found", 404, "not found"),
    ],
)
def test_errors_with_an_envelope(api, emulator, kind, status, says):
    emulator.faults.add(Fault(kind, "spaces"))
    response = api.get("/spaces")
    assert response.status_code == status
    assert says in only_error(response)["message"]
    assert api.get("/sources").status_code == 200


def test_503_html(api, emulator):
    emulator.faults.add(Fault("503-html"))
    response = api.get("/sources")
    assert (response.status_code, response.headers["Content-Type"]) == (503, "text/html; charset=utf-8")


def test_reset(api, emulator):
    emulator.faults.add(Fault("reset", "sources", times=1))
    with pytest.raises(requests.exceptions.ConnectionError, match="reset"):
        api.get("/sources")
    assert api.get("/sources").status_code == 200
    assert emulator.stats.by_status == {0: 1, 200: 1}


def test_reset_on_the_wire(emulator):
    emulator.faults.add(Fault("reset"))
    with closing(http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=10)) as connection:
        connection.request("GET", "/", headers={"Authorization": f"Bearer {emulator.token}"})
        with pytest.raises(ConnectionResetError):
            connection.getresponse()


def test_truncated(api, emulator):
    emulator.faults.add(Fault("truncated", "sources", times=1))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.get("/sources")
    assert api.get("/sources").status_code == 200


def test_truncated_on_the_wire(emulator):
    emulator.faults.add(Fault("truncated"))
    with closing(http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=10)) as connection:
        connection.request("GET", "/", headers={"Authorization": f"Bearer {emulator.token}"})
        with connection.getresponse() as response, pytest.raises(http.client.IncompleteRead) as short:
            response.read()
    assert (response.status, len(short.value.partial)) == (200, int(response.headers["Content-Length"]) // 2)


def test_bad_json(api, emulator):
    emulator.faults.add(Fault("bad-json"))
    response = api.get("/sources")
    assert response.status_code == 200
    assert len(response.content) == int(response.headers["Content-Length"])
    with pytest.raises(ValueError, match="char"):
        response.json()


def test_empty_body(api, emulator):
    emulator.faults.add(Fault("empty-body"))
    response = api.get("/sources")
    assert (response.status_code, response.content) == (200, b"")


def test_slow_answers_are_open_at_once(emulator):
    headers = {"Authorization": f"Bearer {emulator.token}"}
    held = [http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=10) for _ in range(3)]
    for connection in held:
        connection.request("GET", "/", headers=headers)
        connection.getresponse().read()
    emulator.faults.add(Fault("slow", "sources", value=3600))
    for connection in held[:2]:
        connection.request("GET", "/sources", headers=headers)
    held[2].request("GET", "/spaces", headers=headers)
    assert held[2].getresponse().status == 200
    assert emulator.stats.most_open == 3
    for connection in held:
        connection.close()


def test_a_slow_answer_comes(api, emulator, world):
    emulator.faults.add(Fault("slow", value=0.01))
    assert sources(api) == world.records("sources")


def test_a_client_that_gives_up_is_not_waited_for(world):
    with running(world=world, faults=[Fault("slow", value=3600)]) as slow:
        headers = {"Authorization": f"Bearer {slow.token}"}
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.get(slow.url, headers=headers, timeout=(10, 0.05))


def test_repeated_cursor(api, emulator):
    emulator.faults.add(Fault("repeated-cursor", "sources"))
    first = api.json("/sources?pagination.count=3")["data"]["pagination"]
    again = api.json("/sources", params={"pagination.count": 3, "pagination.cursor": first["next"]})["data"][
        "pagination"
    ]
    assert first["next"] == again["next"] == again["current"]
    assert api.json("/v1/sources?page[size]=3")["page"]["next"]


def test_renamed_key(api, emulator):
    emulator.faults.add(Fault("renamed-key"))
    assert set(api.json("/sources")["data"]) == {"sourcesList", "pagination"}
    assert set(api.json("/")["data"]) == {"workspaceList"}
    assert set(api.json("/v1/sources")) == {"dataList", "page"}
    assert set(api.json("/v3/segments")["data"]) == {"itemsList"}


def test_revoked_token(api, emulator):
    emulator.faults.add(Fault("revoked-token", "sources", after=1, times=1))
    statuses = [api.get(path).status_code for path in ("/spaces", "/sources", "/sources", "/sources", "/spaces")]
    assert statuses == [200, 200, 401, 401, 401]
    emulator.faults.clear()
    assert api.get("/sources").status_code == 200


def test_extra_field(api, emulator, world):
    emulator.faults.add(Fault("extra-field"))
    declared = {column.field for row in CATALOGUE for column in row.columns}
    for record, fact in zip(sources(api), world.records("sources"), strict=True):
        extra = {key: value for key, value in record.items() if key not in fact}
        assert not set(extra) & declared
        assert {type(value) for value in extra.values()} == {str, dict}
    assert set(api.json("/")["data"]["workspace"]) > {"id", "slug", "name"}


def test_missing_field(api, emulator, world):
    emulator.faults.add(Fault("missing-field", "sources"))
    assert ["slug" in record for record in sources(api)] == [False, True] * 20
    emulator.faults.replace([Fault("missing-field", "sources", value="metadata")])
    assert ["metadata" in record for record in sources(api)] == [False, True] * 20
    assert all("metadata" in record for record in world.records("sources"))


def test_wrong_type(api, emulator, world):
    emulator.faults.add(Fault("wrong-type", "sources"))
    assert [type(record["slug"]) for record in sources(api)] == [dict] + [str] * 39
    emulator.faults.replace([Fault("wrong-type", "sources", value="enabled")])
    assert [type(record["enabled"]) for record in sources(api)] == [dict] + [bool] * 39


def test_wrong_total(api, emulator):
    emulator.faults.add(Fault("wrong-total"))
    assert api.json("/sources")["data"]["pagination"]["totalEntries"] == 41


def test_duplicate(api, emulator, world):
    emulator.faults.add(Fault("duplicate"))
    records = world.records("sources")
    assert sources(api) == [*records, records[0]]
    first = api.json("/sources?pagination.count=39")["data"]
    last = api.json("/sources", params={"pagination.count": 39, "pagination.cursor": first["pagination"]["next"]})[
        "data"
    ]
    assert (first["sources"], last["sources"]) == (records[:39], [records[39], records[0]])


def test_duplicate_leaves_out_what_the_list_leaves_out(api, emulator, world):
    emulator.faults.add(Fault("duplicate", "segments"))
    cursor, path = None, f"/spaces/{world.records('spaces')[0]['id']}/audiences"
    for _ in range(6):
        query = {"pagination.count": 200} | ({"pagination.cursor": cursor} if cursor else {})
        data = api.json(path, params=query)["data"]
        assert not any("schedules" in record for record in data["audiences"])
        cursor = data["pagination"]["next"]
    assert (len(data["audiences"]), cursor) == (201, None)


def test_null_key_strikes_one_record_however_often_it_is_asked_for(api, emulator, world):
    emulator.faults.add(Fault("null-key", "segments", after=1))
    one, other = (f"/spaces/{space['id']}/audiences?pagination.count=200" for space in world.records("spaces"))
    struck = [[r["id"] for r in api.json(path)["data"]["audiences"]].count(None) for path in (one, other, one, other)]
    assert struck == [0, 1, 0, 1]


def test_orphan(api, emulator, world):
    emulator.faults.add(Fault("orphan"))
    ids = {record["id"] for record in world.records("workspace")}
    assert [record["workspaceId"] in ids for record in sources(api)] == [False] + [True] * 39
    assert api.json("/spaces")["data"]["spaces"] == world.records("spaces")


def test_after_and_times_choose_the_requests(api, emulator):
    emulator.faults.add(Fault("500", "destinations", after=1, times=2))
    assert [api.get("/destinations").status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    emulator.faults.replace([Fault("500", after=1)])
    assert [api.get(path).status_code for path in ("/", "/sources", "/spaces")] == [200, 500, 500]


@pytest.mark.parametrize("kind", ["null-key", "orphan", "wrong-type", "missing-field", "duplicate", "extra-field"])
def test_faults_leave_the_world_as_it_is(api, emulator, world, kind):
    emulator.faults.add(Fault(kind))
    struck = sources(api)
    emulator.faults.clear()
    assert struck != sources(api) == world.records("sources")


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("500", Fault("500")),
        ("500:*", Fault("500")),
        ("slow:sources", Fault("slow", "sources")),
        ("slow::after=2:value=0.5", Fault("slow", after=2, value=0.5)),
        ("500:destinations:after=1:times=2", Fault("500", "destinations", 1, 2)),
        ("wrong-type:sources:value=enabled", Fault("wrong-type", "sources", value="enabled")),
    ],
)
def test_a_fault_has_a_text_form(spec, fault):
    assert Fault.parse(spec) == fault == Fault.from_json(spec) == Fault.from_json(fault.to_json())


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("explode", "unknown fault 'explode'; the faults are 429-retry-after, .*, orphan"),
        ("500:planets", "unknown endpoint 'planets'; they are workspace, "),
        ("500:sources:after=x", "after must be a whole number"),
        ("500:sources:after=-1", "after must be 0 or more"),
        ("500:sources:times=0", "times 1 or more"),
        ("500:sources:often=1", "'often=1' is none of"),
        ("500:sources:value=3", "takes no value"),
        ("slow:sources:value=long", "number of seconds"),
        ("slow:sources:value=inf", "number of seconds"),
        ("wrong-type:sources:value=color", "declared field"),
        ("orphan:spaces", "name no parent"),
    ],
)
def test_an_impossible_fault_is_refused(spec, says):
    with pytest.raises(ValueError, match=says):
        Fault.parse(spec)


def test_every_kind_of_fault_has_a_test_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []
