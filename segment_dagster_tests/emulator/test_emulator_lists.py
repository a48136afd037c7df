"""Which list a request names, and the form it comes in."""

from collections import Counter
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
import requests

from segment_dagster.emulator import World, running
from segment_dagster.emulator.parameters import read_query
from segment_dagster.emulator.routing import Routes
from segment_dagster.emulator.world import MAKERS
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.columns import V1, from_request, identifier, parent_of
from segment_dagster.endpoints.model import Endpoint

ROWS = {row.name: row for row in CATALOGUE}
SHARED = {path for path, count in Counter(row.path for row in CATALOGUE).items() if count > 1}


def error(response):
    (only,) = response.json()["errors"]
    return response.status_code, only["type"], only.get("field")


def dig(body, keys):
    for key in keys:
        body = body[key]
    return body


def records_of(world, row, values, now, query=None):
    if world.is_timed(row.name):
        return world.timed(row.name, values, query, now)
    left_out = world.left_out(row.name, {})
    records = world.records(row.name, values)
    return [{k: v for k, v in record.items() if k not in left_out} for record in records] if left_out else records


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_every_list_is_whole_in_its_form(ask, emulator, world, row):
    lists = world.lists(row.name)
    assert lists
    for values in (*lists[:3], lists[-1]):
        response = ask(row, values)
        query = read_query(parse_qsl(response.url.partition("?")[2], keep_blank_values=True))
        records = records_of(world, row, values, emulator.clock.now(), query)
        if row.single:
            assert response.status_code == (200 if records else 404)
            assert not records or dig(response.json(), row.selector) == records[0]
        else:
            assert (
                dig(response.json(), row.selector)
                == records[: 10 if row.name in ("space_filters", "reverse_etl_syncs") else 200]
            )


@pytest.mark.parametrize("row", [r for r in CATALOGUE if r.page_size], ids=lambda row: row.name)
def test_every_list_is_whole_over_small_pages(ask, emulator, world, row):
    if row.name == "source_regulations":
        return
    values = max(world.lists(row.name), key=lambda v: 0 if row.time else len(world.records(row.name, v)))
    whole, cursor, found = None, None, []
    while True:
        response = ask(
            row, values, **{row.paging.count: max(1, (whole or 0) // 6, row.page_size // 99), row.paging.cursor: cursor}
        )
        body = response.json()
        found += dig(body, row.selector)
        try:
            pagination = dig(body, row.paging.answer)
        except KeyError:
            assert not row.paging.required
            break
        whole = pagination["totalEntries"]
        cursor = pagination.get("next")
        if cursor is None:
            break
    query = read_query(parse_qsl(response.url.partition("?")[2], keep_blank_values=True))
    assert found == records_of(world, row, values, emulator.clock.now(), query)
    assert whole is None or whole == len(found) or (row.total_is_bound and whole > len(found))


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_every_endpoint_has_its_media_type_and_no_other(ask, world, row):
    values = next(v for v in world.lists(row.name) if row.time or not row.single or world.records(row.name, v))
    assert ask(row, values, {"Accept": row.media_type}).headers["Content-Type"] == row.media_type
    version = "v1beta" if row.media_type == V1 else "v1"
    assert error(ask(row, values, {"Accept": f"application/vnd.segment.{version}+json"}))[0] == 406


@pytest.mark.parametrize("row", [row for row in CATALOGUE if row.parent], ids=lambda row: row.name)
def test_an_unknown_parent_is_not_found_and_a_missing_one_is_refused(ask, world, row):
    values = world.lists(row.name)[0]
    for bind in row.parent.binds:
        assert error(ask(row, {**values, bind.parameter: "no/where"}))[:2] == (404, "not-found")
        if f"{{{bind.parameter}}}" not in row.path:
            assert error(ask(row, values, **{bind.parameter: None})) == (422, "bad-request", bind.parameter)
            assert error(ask(row, values, **{bind.parameter: ""})) == (422, "bad-request", bind.parameter)


def test_ids_that_do_not_belong_together_are_not_found(ask, world):
    row = ROWS["reverse_etl_syncs"]
    one = world.lists(row.name)[0]
    other = next(v for v in world.lists(row.name) if v["modelId"] != one["modelId"])
    assert error(ask(row, one | {"modelId": other["modelId"]}))[0] == 404


def test_a_value_in_a_path_may_hold_anything(ask, world):
    row = ROWS["space_event_properties"]
    odd = [v for v in world.lists(row.name) if set('/?#%+&;"🎉 ') & set(v["eventName"].replace(" ", ""))]
    assert {"/", "%", "+", "#", "&"} <= set("".join(v["eventName"] for v in odd))
    for values in odd[:40]:
        (*_,) = ask(row, values).json()["data"]["eventProperties"]


def test_a_path_without_placeholders_goes_before_one_with():
    row = ROWS["sources"]
    one, other = (
        replace(row, name="one", path="/a/{id}", parent=parent_of("x", id="id")),
        replace(row, name="two", path="/a/b"),
    )
    routes = Routes((one, other))
    found = [routes.match(path) for path in ("/a/b", "/a/c", "/a/%2Fb%20c", "/a")]
    assert [match and (match.row.name, match.ids) for match in found] == [
        ("two", {}),
        ("one", {"id": "c"}),
        ("one", {"id": "/b c"}),
        None,
    ]


def test_functions_need_a_type(ask, world):
    row = ROWS["functions"]
    assert error(ask(row, {})) == (422, "bad-request", "resourceType")
    assert error(ask(row, {"resourceType": "MAGIC"})) == (422, "bad-request", "resourceType")
    for values in world.lists("functions"):
        found = ask(row, values).json()["data"]["functions"]
        assert {record.get("resourceType", values["resourceType"]) for record in found} <= {values["resourceType"]}


def test_traits_are_those_of_users_by_default(ask, world):
    row, values = ROWS["space_traits"], world.lists("space_traits")[0]
    assert values["collection"] == "users"
    assert ask(row, values, collection=None).json() == ask(row, values).json()
    assert error(ask(row, values, collection="planets")) == (422, "bad-request", "collection")


def test_parameters_that_are_always_sent_may_be_left_out(ask, world):
    row, values = ROWS["space_traits"], world.lists("space_traits")[0]
    assert ask(row, values, sortBy="trait").status_code == ask(row, values).status_code == 200


@pytest.mark.parametrize("name", ["space_entity_properties", "space_event_properties", "space_traits"])
def test_samples_are_given_only_on_request(ask, world, name):
    row = ROWS[name]
    values = next(v for v in world.lists(name) if any(r.get("samples") for r in world.records(name, v)))
    plain, asked = ask(row, values), ask(row, values, includeSampleValues="true")
    assert not any("samples" in record for record in dig(plain.json(), row.selector))
    assert dig(asked.json(), row.selector) == world.records(name, values)


def test_two_lists_of_one_answer_are_paged_apart(ask, api, world):
    assert {"/credentials/{credentialId}/consumers"} == SHARED
    row = ROWS["credential_warehouses"]
    values = world.lists(row.name)[0]
    sources, warehouses = (world.records(f"credential_{kind}", values) for kind in ("sources", "warehouses"))
    first = ask(row, values, sourcesPagination__count=5, warehousesPagination__count=1).json()["data"]
    assert (first["sources"], first["warehouses"]) == (sources[:5], warehouses[:1])
    assert first["sourcesPagination"]["totalEntries"] == len(sources)
    assert first["warehousesPagination"]["totalEntries"] == len(warehouses)
    cursor = first["sourcesPagination"]["next"]
    second = ask(row, values, sourcesPagination=f'{{"count": 5, "cursor": "{cursor}"}}').json()["data"]
    assert (second["sources"], second["warehouses"]) == (sources[5:10], warehouses)
    wrong = ask(row, values, warehousesPagination__count=5, warehousesPagination__cursor=cursor)
    assert error(wrong) == (422, "bad-request", "warehousesPagination.cursor")


def test_an_answer_with_two_lists_is_one_request(ask, emulator, world):
    ask(ROWS["credential_sources"], world.lists("credential_sources")[0])
    assert emulator.stats.by_endpoint == {"credential_warehouses": 1}
    assert emulator.stats.total == 1


def test_bare_values_stay_bare(ask, world):
    found = ask(ROWS["invites"], {}).json()["data"]["invites"]
    assert {type(email) for email in found} == {str}
    kinds = {
        type(ask(ROWS["audience_supported_destinations"], values).json()["data"]["destinations"])
        for values in world.lists("audience_supported_destinations")
    }
    assert kinds == {dict}


def test_what_stands_beside_a_list_is_there(ask, world):
    def data(name):
        return ask(ROWS[name], world.lists(name)[0]).json()["data"]

    volume = data("events_volume")
    assert volume["path"] == "/events/volume"
    assert volume["query"]["granularity"] == "DAY"
    overview = data("delivery_overview_successfully_received")
    assert overview["total"] == sum(record["total"] for record in overview["dataset"])
    syncs = {
        ask(ROWS["profiles_warehouse_selective_syncs"], values).json()["data"]["enableEventTables"]
        for values in world.lists("profiles_warehouse_selective_syncs")
    }
    assert syncs == {True, False}
    assert set(data("audience_supported_destinations")["pagination"]) >= {"current", "totalEntries"}
    assert set(data("audience_schedules")) == {"audienceSchedules"}


def test_answers_leave_the_world_as_it_is(ask, world):
    name = "source_schema_settings"
    before = dict(world.records(name, world.lists(name)[0])[0])
    assert ask(ROWS[name], world.lists(name)[0]).json() == {"data": before}
    assert world.records(name, world.lists(name)[0])[0] == before


def test_a_source_without_a_live_plugin_is_not_found():
    world = World(makers={**MAKERS, "source_live_plugins": lambda making: []})
    values = world.lists("source_live_plugins")[0]
    with running(world=world) as emulator:
        path = f"{emulator.url}/sources/{values['sourceId']}/live-plugins/latest"
        response = requests.get(path, headers={"Authorization": f"Bearer {emulator.token}"}, timeout=10)
    assert error(response)[:2] == (404, "not-found")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ([("groupBy", "a"), ("groupBy", "b")], {"groupBy": ("a", "b")}),
        ([("groupBy.0", "a"), ("groupBy.1", "b")], {"groupBy": ("a", "b")}),
        ([("groupBy[0]", "a"), ("groupBy[1]", "b")], {"groupBy": ("a", "b")}),
        ([("groupBy[]", "a"), ("groupBy[]", "b")], {"groupBy": ("a", "b")}),
        ([("groupBy", '["a", "b"]')], {"groupBy": ("a", "b")}),
        (
            [("filter", '{"eventName": ["a"], "n": 3, "on": true}')],
            {"filter.eventName": ("a",), "filter.n": ("3",), "filter.on": ("true",)},
        ),
        ([("filter[eventName][0]", "a")], {"filter.eventName": ("a",)}),
        ([("filter.eventName.0", "a")], {"filter.eventName": ("a",)}),
        ([("eventName", "[draft")], {"eventName": ("[draft",)}),
        ([("empty", "")], {"empty": ("",)}),
    ],
)
def test_parameters_are_read_in_all_their_forms(sent, read):
    assert read_query(sent) == read


@pytest.mark.parametrize(
    ("name", "parameter", "field"),
    [
        ("tracking_plans", "type", "type"),
        ("regulations", "status", "status"),
        ("regulations", "regulationTypes", "regulationType"),
        ("source_regulations", "regulationTypes", "regulationType"),
    ],
)
def test_a_parameter_leaves_the_records_with_its_value(ask, world, name, parameter, field):
    row = ROWS[name]
    values = max(world.lists(name), key=lambda values: len(world.records(name, values)))
    whole = world.records(name, values)
    wanted = whole[-1][field]
    left = dig(ask(row, values, **{parameter: wanted}).json(), row.selector)
    assert left == [record for record in whole if record[field] == wanted]
    assert len(left) < len(whole)
    assert dig(ask(row, values, **{parameter: "OTHER"}).json(), row.selector) == []


@pytest.mark.parametrize("form", ["filter.eventType", "filter[eventType]", "filter"])
def test_a_delivery_overview_is_filtered_in_every_form(ask, world, form):
    row = ROWS["delivery_overview_successfully_received"]
    sent = '{"eventType": ["track"]}' if form == "filter" else "track"
    types = [
        {record["eventType"] for record in dig(ask(row, values, **more).json(), row.selector)}
        for values in world.lists(row.name)[:3]
        for more in ({"groupBy": "eventType"}, {"groupBy": "eventType", form: sent})
    ]
    assert any(len(found) > 1 for found in types[::2])
    assert {"track"} in types[1::2]
    assert all(found <= {"track"} for found in types[1::2])


BOXES = Endpoint(
    name="boxes",
    domain="toys",
    description="Boxes.",
    documentation="https://example.com",
    path="/boxes",
    selector=("data", "boxes"),
    media_type=V1,
    page_size=5,
    primary_key=("id",),
    columns=(identifier("box"),),
)
LIDS = replace(
    BOXES,
    name="lids",
    path="/boxes/{boxId}/lids",
    parent=parent_of("boxes", boxId="id"),
    columns=(from_request("boxId", "Its box."), identifier("lid")),
)


def test_an_emulator_may_have_a_catalogue_of_its_own():
    makers = {"boxes": lambda making: [{"id": "a/b"}], "lids": lambda making: [{"id": making.parent["id"] * 2}]}
    world = World(catalogue=(BOXES, LIDS), makers=makers)
    with running(world=world) as emulator:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        body = requests.get(f"{emulator.url}/boxes/a%2Fb/lids", headers=headers, timeout=10).json()
        assert body["data"]["boxes"] == [{"id": "a/ba/b"}]
        assert requests.get(f"{emulator.url}/sources", headers=headers, timeout=10).status_code == 404
    with running(catalogue=CATALOGUE[:2]) as emulator:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        found = [requests.get(f"{emulator.url}/{path}", headers=headers, timeout=10) for path in ("sources", "spaces")]
    assert [response.status_code for response in found] == [200, 404]
