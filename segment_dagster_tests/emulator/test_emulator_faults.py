import http.client
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from segment_dagster.emulator import KINDS, Fault, Faults, running
from segment_dagster.emulator.faults import key_field, parent_field
from segment_dagster.endpoints import CATALOGUE

ROWS = {row.name: row for row in CATALOGUE}
MUTATIONS = ("extra-field", "missing-field", "wrong-type", "duplicate", "null-key", "orphan")


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


def test_large(api, emulator, world):
    emulator.faults.add(Fault("large", value=3))
    response = api.get("/sources?pagination.count=1000")
    assert len(response.content) == 3_000_000
    assert response.json()["data"]["sources"] == world.records("sources")


def test_endless(api, emulator):
    emulator.faults.add(Fault("endless", "sources"))
    with closing(http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=10)) as connection:
        connection.request("GET", "/sources", headers={"Authorization": f"Bearer {emulator.token}"})
        response = connection.getresponse()
        assert response.read(1000) == b" " * 1000
        assert (response.status, response.getheader("Content-Length")) == (200, None)
    assert api.get("/spaces").status_code == 200


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


def test_a_rate_lets_chance_choose_the_requests_and_a_seed_chooses_the_same_again(api, emulator):
    def hit(**chance):
        emulator.faults.replace([Fault("500", "spaces", **chance)])
        return [place for place in range(100) if api.get("/spaces").status_code == 500]

    one = hit(rate=0.2, seed=1)
    assert 10 <= len(one) <= 30
    assert hit(rate=0.2, seed=1) == one != hit(rate=0.2, seed=2)
    assert hit(rate=0.2, seed=1, times=3) == one[:3]
    assert hit(rate=0.2, seed=1, after=10) == [place + 10 for place in one if place < 90]
    assert hit(rate=1) == list(range(100))


def test_it_is_counted_how_often_each_kind_struck(api, emulator):
    emulator.faults.replace([Fault("500", "spaces", times=2), Fault("500", "sources"), Fault("forbidden", "users")])
    for path in ("/spaces", "/spaces", "/spaces", "/sources", "/"):
        api.get(path)
    assert emulator.faults.struck == {"500": 3}
    emulator.faults.clear()
    assert emulator.faults.struck == {}


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
        ("500:*:rate=0.1:seed=3", Fault("500", rate=0.1, seed=3)),
        ("large:value=300", Fault("large", value=300)),
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
        ("large:value=-1", "number of megabytes"),
        ("500:rate=0", "rate must be a part of 1"),
        ("500:rate=often", "rate must be a number"),
        ("500:seed=one", "seed must be a whole number"),
        ("wrong-type:sources:value=color", "declared field"),
        ("orphan:spaces", "name no parent"),
        ("null-key:warehouse_connection_states", "hold no key"),
    ],
)
def test_an_impossible_fault_is_refused(spec, says):
    with pytest.raises(ValueError, match=says):
        Fault.parse(spec)


def found(ask, row, values, **more):
    body = ask(row, values, **({row.paging.count: row.page_size} if row.page_size else {}), **more).json()
    for key in row.selector:
        body = body[key]
    return body


def filled(world, row):
    """A list that has more than one record to alter, and the values it is asked with."""
    lists = world.lists(row.name)
    if row.time:
        return lists[0]
    return max(lists, key=lambda values: len(world.records(row.name, values)))


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_records_of_every_endpoint_can_be_altered(ask, emulator, world, row):
    values = filled(world, row)
    right = found(ask, row, values)
    for kind in MUTATIONS:
        if (kind == "orphan" and not parent_field(row)) or (kind == "null-key" and not key_field(row)):
            with pytest.raises(ValueError, match=r"name no parent|hold no key"):
                Fault.parse(f"{kind}:{row.name}")
            continue
        emulator.faults.replace([Fault(kind, row.name)])
        ask(row, values)
        struck = found(ask, row, values)
        possible = not (
            (kind == "duplicate" and (row.single or len(right) == row.page_size))
            or (kind in ("extra-field", "missing-field") and row.wrapped)
            or (kind == "wrong-type" and row.single and row.wrapped)
            or (kind == "missing-field" and {c.field for c in row.columns if not c.parameter} <= set(row.primary_key))
        )
        assert (struck != right) is possible, kind
        if kind in ("null-key", "orphan", "wrong-type") and not row.single and possible:
            assert sum(one != other for one, other in zip(struck, right, strict=True)) == 1
    emulator.faults.clear()
    assert found(ask, row, values) == right


def test_a_fault_reaches_the_columns_of_an_exploded_list(ask, emulator, world):
    volume, suppressions = ROWS["events_volume"], ROWS["suppressions"]
    emulator.faults.add(Fault("wrong-type", "events_volume", value="count"))
    (first, *_) = found(ask, volume, {}, groupBy=["source", "eventName"])
    assert [type(part["count"]) for part in first["series"][:2]] == [dict, int]
    emulator.faults.replace([Fault("null-key", "events_volume")])
    assert found(ask, volume, {}, groupBy=["source", "eventName"])[0]["series"][0]["time"] is None
    emulator.faults.replace([Fault("wrong-type", "events_volume", value="sourceId")])
    assert type(found(ask, volume, {}, groupBy=["source", "eventName"])[0]["source"]["id"]) is dict
    emulator.faults.replace([Fault("missing-field", "events_volume", value="count")])
    one, other = found(ask, volume, {}, groupBy=["source", "eventName"])[:2]
    assert ["count" in part for part in (one["series"][0], one["series"][-1], other["series"][0])] == [
        False,
        False,
        True,
    ]
    emulator.faults.replace([Fault("missing-field", "events_volume", value="sourceId")])
    assert "id" not in found(ask, volume, {}, groupBy=["source", "eventName"])[0]["source"]
    emulator.faults.replace([Fault("wrong-type", "suppressions", value="subjectId")])
    struck = found(ask, suppressions, {})
    altered = next(record for record in struck if record["subjectIds"])
    assert type(altered["subjectIds"][0]) is dict
    assert "subjectId" not in altered


def test_bare_values_can_be_altered(ask, emulator, world):
    emails = world.records("invites", {})
    emulator.faults.add(Fault("null-key", "invites"))
    assert found(ask, ROWS["invites"], {}) == [None, *emails[1:]]
    emulator.faults.replace([Fault("wrong-type", "invites")])
    assert [type(email) for email in found(ask, ROWS["invites"], {})[:2]] == [dict, str]
    emulator.faults.replace([Fault("duplicate", "invites")])
    assert found(ask, ROWS["invites"], {}) == [*emails, emails[0]]


def test_one_list_of_a_shared_answer_is_altered(ask, emulator, world):
    sources, warehouses = ROWS["credential_sources"], ROWS["credential_warehouses"]
    values = filled(world, sources)
    right = ask(sources, values).json()["data"]
    emulator.faults.add(Fault("renamed-key", "credential_sources"))
    assert set(ask(sources, values).json()["data"]) == (set(right) - {"sources"}) | {"sourcesList"}
    emulator.faults.replace([Fault("null-key", "credential_warehouses"), Fault("wrong-total", "credential_sources")])
    struck = ask(sources, values).json()["data"]
    assert [record["id"] for record in struck["warehouses"]].count(None) == 1
    assert struck["sources"] == right["sources"]
    assert struck["sourcesPagination"]["totalEntries"] == len(right["sources"]) + 1
    assert struck["warehousesPagination"] == right["warehousesPagination"]
    for row in (sources, warehouses):
        emulator.faults.replace([Fault("500", row.name)])
        assert ask(sources, values).status_code == 500


def test_a_shared_answer_counts_as_one_request(ask, emulator, world):
    row, values = ROWS["credential_sources"], world.lists("credential_sources")[0]
    emulator.faults.add(Fault("500", after=1, times=1))
    assert [ask(row, values).status_code for _ in range(3)] == [200, 500, 200]


def test_gone_strikes_one_list_for_good(ask, emulator, world):
    row = ROWS["audience_activations"]
    one, other, *_ = world.lists(row.name)
    emulator.faults.add(Fault("gone", row.name, after=1))
    asked = (other, one, other, one)
    assert [ask(row, values).status_code for values in asked] == [200, 404, 200, 404]
    emulator.faults.replace([Fault("gone", "sources")])
    assert [ask(ROWS["sources"], {}).status_code for _ in range(2)] == [404, 404]


def test_faults_know_the_rows_they_are_given():
    fault = Fault("500", "destinations")
    with pytest.raises(ValueError, match="unknown endpoint 'destinations'; they are workspace, sources"):
        Faults([fault], CATALOGUE[:2])
    with pytest.raises(ValueError, match="unknown endpoint"), running(catalogue=CATALOGUE[:2], faults=[fault]):
        pass
    faults = Faults([Fault("500", "sources")], CATALOGUE[:2])
    with pytest.raises(ValueError, match="unknown endpoint"):
        faults.replace([fault])
    with pytest.raises(ValueError, match="unknown endpoint"):
        faults.add(fault)
    assert faults.active == [Fault("500", "sources")]


def test_every_kind_of_fault_has_a_test_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []
