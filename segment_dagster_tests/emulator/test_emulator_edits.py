"""Edits: a workspace that changes while it is served, and whose audit trail tells of it."""

from datetime import datetime, timedelta, timezone

import pytest
import requests

from segment_dagster.emulator import Edit, running
from segment_dagster.endpoints import CATALOGUE

NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
ROWS = {row.name: row for row in CATALOGUE}
TABLES = [row.name for row in CATALOGUE if row.time is None and not row.wrapped]


@pytest.fixture
def edits(emulator):
    """The edits of an emulator whose audit trail tells of them alone."""
    emulator.edits.quiet_audit = True
    yield emulator.edits
    emulator.edits.clear()


@pytest.fixture
def listed(ask, emulator):
    """All pages of a list as the API gives them, with the total that the first one tells of."""

    def read(name, values=None, **more):
        row, records, cursor, totals = ROWS[name], [], None, []
        more = ({"endTime": None} if name == "audit_events" else {}) | more
        while True:
            page = {"pagination.count": 100, "pagination.cursor": cursor} if row.page_size else {}
            response = ask(row, values or {}, **{k: v for k, v in page.items() if v}, **more)
            assert response.status_code == 200, response.text
            data = response.json()["data"]
            records += data[row.selector[-1]]
            pagination = data.get("pagination", {})
            totals.append(pagination.get("totalEntries", len(records)))
            cursor = pagination.get("next")
            if not cursor:
                assert set(totals) == {len(records)}
                return records

    return read


def ids(records):
    return [record["id"] for record in records]


def references_that_lead_nowhere(emulator):
    lost = []
    for name in TABLES:
        for reference in ROWS[name].references:
            targets = {record.get(reference.target_field) for record in emulator.records(reference.endpoint)}
            named = {record.get(reference.field) for record in emulator.records(name)} - {None}
            lost += [(name, reference.field)] * bool(named - targets)
    return lost


def test_a_modified_record_stands_in_its_place_with_what_is_new(listed, edits, world):
    before = world.records("sources")
    edits.add(Edit("sources", "modify", before[3]["id"], {"name": "New", "enabled": False}))
    after = listed("sources")
    assert after[3] == before[3] | {"name": "New", "enabled": False}
    assert after[:3] + after[4:] == before[:3] + before[4:]


def test_a_deleted_record_is_gone_and_a_created_one_stands_at_the_end(listed, edits, world):
    before = world.records("sources")
    edits.add(
        Edit("sources", "delete", before[1]["id"]),
        Edit("sources", "create", "new", {"name": "New"}),
        Edit("sources", "create", "twin", like=before[5]["id"]),
    )
    after = listed("sources")
    assert after[:-2] == [before[0], *before[2:]]
    assert after[-2] == before[0] | {"id": "new", "name": "New"}
    assert after[-1] == before[5] | {"id": "twin"}


def test_an_edit_is_seen_from_its_time_on(emulator, listed, edits, world):
    source = world.records("sources")[0]
    edits.add(Edit("sources", "modify", source["id"], {"name": "Later"}, at=NOW + timedelta(hours=1)))
    assert listed("sources")[0] == source
    assert listed("audit_events") == []
    emulator.clock.set(NOW + timedelta(hours=1))
    assert listed("sources")[0]["name"] == "Later"
    (event,) = listed("audit_events")
    assert event["timestamp"] == "2024-03-15T13:30:00Z"
    emulator.clock.set(NOW + timedelta(hours=1, microseconds=-1))
    assert listed("sources")[0] == source
    assert listed("audit_events") == []


def test_edits_are_done_in_the_order_of_their_times_whichever_is_added_first(listed, edits, world):
    source = world.records("sources")[0]
    edits.add(
        Edit("sources", "delete", "short", at=NOW - timedelta(minutes=1)),
        Edit("sources", "modify", source["id"], {"name": "Last"}, at=NOW),
        Edit("sources", "modify", source["id"], {"name": "First"}, at=NOW - timedelta(days=1)),
        Edit("sources", "create", "short", at=NOW - timedelta(days=2)),
    )
    assert listed("sources")[0]["name"] == "Last"
    assert "short" not in ids(listed("sources"))
    assert [event["type"] for event in listed("audit_events")] == [
        *("Source Modified", "Source Deleted", "Source Modified", "Source Created")
    ]
    assert [edit.action for edit in edits.active] == ["delete", "modify", "modify", "create"]


def test_without_edits_all_is_as_it_was(listed, edits, emulator, world):
    audience = world.records("segments")[0]
    edits.add(Edit("segments", "delete", audience["id"]), Edit("sources", "create", "new"))
    edits.clear()
    assert edits.active == []
    assert listed("sources") == world.records("sources")
    assert all(emulator.records(name) == world.records(name) for name in TABLES)


def test_a_fanned_out_list_is_edited_by_what_it_is_asked_with(listed, edits, world):
    first, second = ({"spaceId": space["id"]} for space in world.records("spaces"))
    before = {name: world.records("segments", values) for name, values in (("first", first), ("second", second))}
    edits.add(
        Edit("segments", "create", "aud_first", {"name": "Mine"}),
        Edit("segments", "create", "aud_second", values=second, like=before["first"][7]["id"]),
        Edit("segments", "modify", before["second"][3]["id"], {"enabled": False}),
        Edit("segments", "delete", before["second"][4]["id"], values=second),
    )
    assert listed("segments", first, include="schedules") == [
        *before["first"],
        before["first"][0] | {"id": "aud_first", "name": "Mine"},
    ]
    after = listed("segments", second, include="schedules")
    assert after[3] == before["second"][3] | {"enabled": False}
    assert after[4:-1] == before["second"][5:]
    assert after[-1] == before["first"][7] | {"id": "aud_second", **second}


def test_the_versioned_layout_shows_edits_too(api, edits, world):
    audience = world.records("segments")[0]
    edits.add(Edit("segments", "modify", audience["id"], {"name": "Other"}))
    assert api.json("/v3/segments?page[size]=1")["data"]["items"][0]["name"] == "Other"


def test_children_of_a_deleted_parent_are_not_found(ask, edits, world):
    source = world.records("sources")[2]
    edits.add(Edit("sources", "delete", source["id"]))
    names = ("source_connected_destinations", "source_schema_settings", "source_live_plugins", "source_regulations")
    for name in (*names, "delivery_overview_failed_on_ingest"):
        assert ask(ROWS[name], {"sourceId": source["id"]}).status_code == 404
    for pair in world.lists("warehouse_selective_syncs"):
        expected = 404 if pair["sourceId"] == source["id"] else 200
        assert ask(ROWS["warehouse_selective_syncs"], pair).status_code == expected


def test_children_of_a_created_parent_are_empty(ask, edits, emulator, world):
    space = world.records("spaces")[0]["id"]
    created = {"sources": "s", "destinations": "d", "warehouses": "w", "segments": "a", "spaces": "p", "users": "u"}
    edits.add(*(Edit(name, "create", identity) for name, identity in created.items()))
    source = emulator.records("destinations")[-1]["sourceId"]
    for name, values in (
        ("source_connected_destinations", {"sourceId": "s"}),
        ("source_regulations", {"sourceId": "s"}),
        ("delivery_overview_failed_on_ingest", {"sourceId": "s"}),
        ("destination_filters", {"destinationId": "d"}),
        ("delivery_overview_failed_delivery", {"sourceId": source, "destinationConfigId": "d"}),
        ("warehouse_connected_sources", {"warehouseId": "w"}),
        ("warehouse_syncs", {"warehouseId": "w"}),
        ("audience_schedules", {"spaceId": space, "id": "a"}),
        ("segments", {"spaceId": "p"}),
        ("space_filters", {"integrationId": "p"}),
        ("user_user_groups", {"userId": "u"}),
    ):
        response = ask(ROWS[name], values)
        assert (name, response.status_code) == (name, 200)
        assert response.json()["data"][ROWS[name].selector[-1]] == []


def test_what_is_single_is_made_up_for_a_created_parent(ask, edits, world):
    edits.add(Edit("sources", "create", "s"), Edit("warehouses", "create", "w"), Edit("destinations", "create", "d"))
    source = world.records("destinations")[0]["sourceId"]
    assert ask(ROWS["source_schema_settings"], {"sourceId": "s"}).json()["data"]["sourceId"] == "s"
    for name, values in (
        ("source_live_plugins", {"sourceId": "s"}),
        ("warehouse_connection_states", {"warehouseId": "w"}),
        ("warehouse_advanced_sync_schedules", {"warehouseId": "w"}),
    ):
        assert ask(ROWS[name], values).status_code == 200
    metrics = ask(ROWS["destination_delivery_metrics"], {"destinationId": "d", "sourceId": source}).json()
    assert metrics["data"]["deliveryMetricsSummary"]["metrics"] == []


def test_a_record_is_the_same_wherever_it_is_listed(listed, edits, emulator, world):
    pair = world.lists("warehouse_selective_syncs")[0]
    warehouse = {"warehouseId": pair["warehouseId"]}
    edits.add(Edit("sources", "modify", pair["sourceId"], {"name": "Renamed", "settings": {"a": 1}}))
    (renamed,) = [record for record in listed("sources") if record["id"] == pair["sourceId"]]
    assert renamed["name"] == "Renamed"
    assert renamed in listed("warehouse_connected_sources", warehouse)
    groups = world.records("user_groups")
    member = next(record for record in world.records("user_user_groups") if record["id"] == groups[0]["id"])
    edits.add(Edit("user_groups", "delete", groups[0]["id"]))
    assert groups[0]["id"] not in ids(emulator.records("user_user_groups", {"userId": member["userId"]}))


def test_a_record_is_connected_and_disconnected(listed, edits, emulator, world):
    plan = {"trackingPlanId": first(world, "tracking_plans")}
    connected = world.records("tracking_plan_sources", plan)
    other = next(source for source in world.records("sources") if source["id"] not in ids(connected))
    edits.add(
        Edit("tracking_plan_sources", "create", other["id"], values=plan),
        Edit("tracking_plan_sources", "delete", connected[0]["id"], values=plan),
        Edit("sources", "modify", other["id"], {"name": "Renamed"}),
    )
    after = listed("tracking_plan_sources", plan)
    assert after[:-1] == connected[1:]
    assert after[-1] == other | {"name": "Renamed"}
    assert ids(listed("sources")) == ids(world.records("sources"))
    assert {event["type"] for event in listed("audit_events")} == {
        *("Source Connected to Tracking Plan", "Source Disconnected From Tracking Plan", "Source Modified")
    }
    assert references_that_lead_nowhere(emulator) == []


def test_a_destination_that_is_moved_is_listed_with_its_new_source(listed, ask, edits, world):
    moved = next(each for each in world.records("destinations") if each["enabled"])
    target = next(s["id"] for s in world.records("sources") if s["enabled"] and s["id"] != moved["sourceId"])
    edits.add(
        Edit("destinations", "modify", moved["id"], {"sourceId": target}),
        Edit("destinations", "create", "new", {"sourceId": target}),
    )
    here = ids(listed("source_connected_destinations", {"sourceId": target}))
    assert moved["id"] in here
    assert here[-1] == "new"
    assert moved["id"] not in ids(listed("source_connected_destinations", {"sourceId": moved["sourceId"]}))
    delivery = ROWS["delivery_overview_successful_delivery"]
    for source, status in ((target, 200), (moved["sourceId"], 404)):
        assert ask(delivery, {"sourceId": source, "destinationConfigId": moved["id"]}).status_code == status


def test_what_names_a_deleted_record_is_deleted_with_it(edits, emulator, world):
    assert references_that_lead_nowhere(emulator) == []
    edits.add(
        Edit("sources", "delete", world.records("destinations")[0]["sourceId"]),
        Edit("destinations", "delete", world.records("destinations")[40]["id"]),
        Edit("warehouses", "delete", world.records("warehouses")[1]["id"]),
        Edit("spaces", "delete", world.records("spaces")[0]["id"]),
        Edit("segments", "delete", world.records("segments")[-1]["id"]),
        Edit("tracking_plans", "delete", world.records("tracking_plans")[0]["id"]),
        Edit("users", "delete", world.records("users")[0]["id"]),
    )
    assert references_that_lead_nowhere(emulator) == []
    assert len(emulator.records("destinations")) < 79
    assert len(emulator.records("segments")) == 1199


def test_what_is_listed_by_parent_is_what_all_lists_hold_together(edits, emulator, listed, world):
    space = world.records("spaces")[1]["id"]
    edits.add(Edit("segments", "create", "aud_new", values={"spaceId": space}), Edit("sources", "delete", first(world)))
    assert listed("sources") == emulator.records("sources")
    assert listed("segments", {"spaceId": space}, include="schedules") == emulator.records(
        "segments", {"spaceId": space}
    )
    assert len(emulator.records("segments")) == 2401
    with pytest.raises(KeyError):
        emulator.records("source_schema_settings", {"sourceId": first(world)})
    with pytest.raises(KeyError):
        emulator.records("audit_events")


def first(world, name="sources"):
    return world.records(name)[0]["id"]


def test_an_edit_makes_one_event_of_the_trail(listed, edits, world):
    source, user = world.records("sources")[0], world.records("users")[1]
    at = datetime(2024, 3, 14, 1, 2, 3, 400000, tzinfo=timezone.utc)
    edits.add(Edit("sources", "modify", source["id"], {"name": "New"}, at=at, actor=user["id"]))
    (event,) = listed("audit_events")
    assert len(event.pop("id")) == 22
    assert event == {
        "timestamp": "2024-03-14T01:02:03.400Z",
        "type": "Source Modified",
        "actor": user["id"],
        "actorEmail": user["email"],
        "resourceId": source["id"],
        "resourceType": "SOURCE",
        "resourceName": "New",
    }


def test_events_are_named_as_segment_names_them(listed, edits, world):
    names = ("sources", "destinations", "warehouses", "segments", "tracking_plans", "user_groups", "users")
    for name in (*names, "destination_filters", "functions", "computed_traits"):
        edits.add(Edit(name, "create", f"new-{name}", {}))
    edits.add(
        Edit("sources", "modify", "new-sources", {"enabled": False}),
        Edit("destinations", "modify", "new-destinations", {"enabled": True}),
        Edit("warehouses", "modify", "new-warehouses", {"settings": {}}),
        Edit("segments", "modify", "new-segments", {"enabled": True, "name": "x"}),
        Edit("tracking_plans", "delete", "new-tracking_plans"),
        Edit("user_groups", "modify", "new-user_groups", {"name": "x"}),
        Edit("users", "delete", "new-users"),
    )
    kind = world.lists("functions")[0]["resourceType"]
    found = {(event["resourceType"], event["type"]) for event in listed("audit_events")}
    assert found == {
        ("SOURCE", "Source Created"),
        ("SOURCE", "Source Disabled"),
        ("DESTINATION", "Destination Created"),
        ("DESTINATION", "Destination Enabled"),
        ("DESTINATION_FILTER", "Destination Filter Created"),
        ("WAREHOUSE", "Warehouse Created"),
        ("WAREHOUSE", "Warehouse Settings Modified"),
        ("AUDIENCE", "Audience Created"),
        ("AUDIENCE", "Audience Modified"),
        ("TRACKING_PLAN", "Tracking Plan Created"),
        ("TRACKING_PLAN", "Tracking Plan Deleted"),
        ("USER_GROUP", "User Group Created"),
        ("USER_GROUP", "User Group Updated"),
        ("USER", "User Invite Accepted"),
        ("USER", "User Removed"),
        ("FUNCTION", f"{kind.title()} Function Created"),
        ("COMPUTED_TRAIT", "Computed Trait Created"),
    }


def test_a_silent_edit_makes_no_event(listed, edits, world):
    edits.add(Edit("sources", "delete", first(world), silent=True))
    assert len(listed("sources")) == 39
    assert listed("audit_events") == []


def test_events_of_edits_stand_among_the_others(listed, edits, emulator, world):
    edits.quiet_audit = False
    made_up = listed("audit_events", startTime=None)
    source = first(world)
    times = [NOW - timedelta(days=days) for days in (0, 5, 80, 119)]
    edits.add(*(Edit("sources", "modify", source, {"name": f"n{at}"}, at=at) for at in times))
    events = listed("audit_events", startTime=None)
    assert events == emulator.audit_events()
    assert len(ids(events)) == len(set(ids(events))) == len(made_up) + 4
    ours = [event for event in events if event not in made_up]
    assert [event["resourceName"] for event in ours] == [f"n{at}" for at in times]
    stamps = [datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")) for event in events]
    assert stamps == sorted(stamps, reverse=True)
    assert set(times) <= set(stamps)
    assert events[0]["resourceId"] == source
    mine = [event for event in events if event["resourceId"] == source]
    assert listed("audit_events", startTime=None, resourceId=source, resourceType="SOURCE") == mine
    assert listed("audit_events", startTime=None, resourceId=source, resourceType="AUDIENCE") == []
    part = listed("audit_events", startTime=times[2].isoformat(), endTime=times[1].isoformat())
    assert part == emulator.audit_events(times[2], times[1])
    assert [event for event in part if event not in made_up] == [e for e in mine if e["resourceName"] == f"n{times[2]}"]


def test_ids_of_events_are_the_same_whenever_they_are_asked_for(edits, emulator, world):
    edit = Edit("sources", "modify", first(world), {"name": "same"}, at=NOW)
    edits.add(edit, edit)
    one, other = ids(emulator.audit_events())
    assert one != other
    emulator.clock.set(NOW + timedelta(days=3))
    assert ids(emulator.audit_events()) == [one, other]
    edits.replace([edit])
    assert ids(emulator.audit_events()) in ([one], [other])


def test_nothing_is_told_of_a_resource_after_it_is_deleted(edits, emulator):
    edits.quiet_audit = False
    event = next(event for event in emulator.audit_events() if event["resourceType"] == "SOURCE")
    at = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
    edits.add(Edit("sources", "delete", event["resourceId"], at=at - timedelta(microseconds=1)))
    told = [each for each in emulator.audit_events() if each["resourceId"] == event["resourceId"]]
    assert event not in told
    assert told[0]["type"] == "Source Deleted"


def test_made_up_events_are_seen_as_the_clock_passes_them(listed, emulator):
    tomorrow = NOW + timedelta(days=1)
    emulator.clock.set(tomorrow)
    event = listed("audit_events")[0]
    at = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
    emulator.clock.set(at)
    assert listed("audit_events")[0] == event
    emulator.clock.set(at - timedelta(microseconds=1))
    assert event not in listed("audit_events")


def test_the_trail_tells_of_nothing_that_is_yet_to_come(emulator):
    emulator.clock.set(None)
    events = emulator.audit_events()
    stamps = [datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")) for event in events]
    now = datetime.now(timezone.utc)
    assert max(stamps) <= now
    assert min(stamps) < now - timedelta(days=100)


def test_a_quiet_trail_is_quiet_from_the_start_and_again_after_clearing(world):
    with running(world=world, now=NOW, quiet_audit=True) as emulator:
        assert emulator.audit_events() == []
        emulator.edits.add(Edit("sources", "delete", first(world)))
        assert [event["type"] for event in emulator.audit_events()] == ["Source Deleted"]
        emulator.edits.quiet_audit = False
        assert len(emulator.audit_events()) > 1000
        emulator.edits.clear()
        assert emulator.audit_events() == []


def test_emulators_of_one_world_have_edits_of_their_own(world):
    with running(world=world, now=NOW) as one, running(world=world, now=NOW) as other:
        one.edits.add(Edit("sources", "delete", first(world)))
        assert (len(one.records("sources")), len(other.records("sources"))) == (39, 40)


def test_numbers_of_the_past_stay_when_a_source_is_edited(edits, emulator, ask, world):
    query = {"startTime": "2024-03-01", "endTime": "2024-03-15", "groupBy": "source", "granularity": "DAY"}

    def numbers():
        usage = ask(ROWS["usage_api_calls_per_source_daily"], {}, pagination__count=1000).json()["data"]
        volume = ask(ROWS["events_volume"], {}, **query).json()["data"]["result"]
        return usage, [(group["source"]["id"], group["series"]) for group in volume]

    before = numbers()
    sources = world.records("sources")
    enabled = [source["id"] for source in sources if source["enabled"]]
    edits.add(
        Edit("sources", "modify", enabled[0], {"name": "New"}),
        Edit("sources", "delete", enabled[1]),
        Edit("sources", "delete", next(source["id"] for source in sources if not source["enabled"])),
        Edit("sources", "create", "new", {"enabled": True}),
    )
    assert numbers() == before
    names = {
        group["source"]["id"]: group["source"].get("name")
        for group in ask(ROWS["events_volume"], {}, **query).json()["data"]["result"]
    }
    assert (names[enabled[0]], names[enabled[1]]) == ("New", None)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"action": "explode"}, "unknown action 'explode'; the actions are create, modify, delete"),
        ({"id": ""}, "id is empty"),
        ({"fields": {"id": "x"}}, "an id cannot be changed"),
        ({"fields": {}}, "fields must say what is new"),
        ({"action": "delete"}, "has no fields"),
        ({"like": "x"}, "only what is created"),
        ({"endpoint": "planets"}, "they are workspace, sources, "),
        ({"endpoint": "invites"}, "no such endpoint can be edited"),
        ({"endpoint": "audit_events"}, "no such endpoint can be edited"),
        ({"id": "nobody"}, "there is no such record at 2024-03-15T12:30:00+00:00"),
        ({"fields": {"colour": 1}}, "unknown field 'colour'; the fields are id, "),
        ({"values": {"spaceId": "x"}}, "there is no list of sources with {'spaceId': 'x'}"),
        ({"actor": "nobody"}, "no user has the id 'nobody'"),
        ({"action": "create"}, "there is such a record already"),
        ({"action": "create", "id": "new", "like": "nobody"}, "no record to copy with the id 'nobody'"),
        ({"endpoint": "source_connected_destinations"}, "no such endpoint can be edited"),
        (
            {"endpoint": "tracking_plan_sources", "action": "create", "id": "nobody"},
            "only a record of sources can be connected, and it is like itself",
        ),
        ({"endpoint": "workspace", "action": "create", "fields": {"name": "x"}}, "no list to create it in"),
    ],
)
def test_an_edit_that_cannot_be_done_is_refused_and_none_is_done(edits, emulator, world, given, says):
    good = {"endpoint": "sources", "action": "modify", "id": first(world), "fields": {"name": "x"}}
    edits.add(Edit(**good))
    before = edits.active
    response = requests.post(f"{emulator.url}/_emulator/edits", json=[good, good | given], timeout=10)
    assert response.status_code == 422
    assert says in response.json()["errors"][0]["message"]
    assert edits.active == before
    with pytest.raises(ValueError, match=r"edit|action"):
        edits.add(Edit(**good), Edit(**(good | given)))
    assert edits.active == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[", "Expecting value"),
        ("{}", "JSON list of edits"),
        ("[1]", "an edit is an object"),
        ('[{"endpoint": "sources"}]', "an edit needs action, id"),
        ('[{"endpoint": "sources", "action": "delete", "id": "x", "when": 1}]', "unknown 'when' in an edit"),
        ('[{"endpoint": "sources", "action": "delete", "id": 1}]', "id of an edit"),
        ('[{"endpoint": "sources", "action": "delete", "id": "x", "silent": 1}]', "silent of an edit"),
        ('[{"endpoint": "sources", "action": "delete", "id": "x", "values": {"a": 1}}]', "values of an edit"),
        ('[{"endpoint": "sources", "action": "delete", "id": "x", "at": "noon"}]', "not a time in ISO 8601: 'noon'"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_edits_that_are_not_valid_change_nothing(edits, emulator, world, body, says, method):
    edits.add(Edit("sources", "delete", first(world)))
    response = requests.request(method, f"{emulator.url}/_emulator/edits", data=body, timeout=10)
    assert (response.status_code, response.json()["errors"][0]["type"]) == (422, "bad-request")
    assert says in response.json()["errors"][0]["message"]
    assert len(edits.active) == 1


def test_edits_are_controlled_over_http(edits, emulator, listed, world):
    url, source = f"{emulator.url}/_emulator/edits", first(world)
    edit = {"endpoint": "sources", "action": "modify", "id": source, "fields": {"name": "x"}}
    (replaced,) = requests.put(url, json=[edit], timeout=10).json()
    assert replaced == edit | {
        "at": "2024-03-15T12:30:00Z",
        "actor": first(world, "users"),
        "values": None,
        "like": None,
        "silent": False,
    }
    created = {"endpoint": "segments", "action": "create", "id": "aud_new", "at": "2024-03-15T13:00:00+02:00"}
    both = requests.post(url, json=[created], timeout=10).json()
    assert both[0] == replaced
    assert (both[1]["at"], both[1]["values"]) == ("2024-03-15T11:00:00Z", {"spaceId": first(world, "spaces")})
    assert requests.get(url, timeout=10).json() == both
    assert requests.put(url, json=both, timeout=10).json() == both
    assert [edit.id for edit in edits.active] == [source, "aud_new"]
    assert listed("sources")[0]["name"] == "x"
    assert requests.put(url, json=[], timeout=10).json() == []
    requests.post(url, json=[edit], timeout=10)
    assert requests.delete(url, timeout=10).status_code == 204
    assert listed("sources") == world.records("sources")


def test_the_trail_is_made_quiet_over_http(emulator):
    url = f"{emulator.url}/_emulator/audit"
    assert requests.get(url, timeout=10).json() == {"quiet": False}
    assert requests.put(url, json={"quiet": True}, timeout=10).json() == {"quiet": True}
    assert emulator.audit_events() == []
    response = requests.put(url, json={"quiet": 1}, timeout=10)
    assert response.status_code == 422
    assert emulator.edits.quiet_audit
