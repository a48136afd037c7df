"""Which parents an event of the audit trail concerns."""

from datetime import datetime, timezone

import pytest

from segment_dagster.endpoints import TABLES
from segment_dagster.load.announced import Event, announced, ids_of_keys, ids_of_parents, unassigned

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
IDS = [{"s1": frozenset({("s1",)}), "d1": frozenset({("s1",), ("s2",)})}]


@pytest.mark.parametrize(
    ("resource", "kind", "parents", "of_any"),
    [
        ("s1", "SOURCE", {("s1",)}, False),
        ("d1", "DESTINATION", {("s1",), ("s2",)}, False),
        # an id counts whatever its type is called
        ("s1", "something else", {("s1",)}, False),
        ("new", "SOURCE", set(), True),
        ("new", "source_connected_destinations", set(), True),
        ("new", "something else", set(), False),
        ("new", "FUNCTION", set(), False),
    ],
)
def test_an_event(resource, kind, parents, of_any):
    said = announced([Event(NOON, resource, kind)], ROWS["source_connected_destinations"], IDS)
    assert (said.parents, said.of_any) == (parents, of_any)


def test_the_ids_of_a_parent_are_what_it_gives_to_requests_and_its_own():
    subscriptions: list[dict[str, str | None]] = [
        {"id": "sub", "model_id": "model", "other": "x"},
        {"id": "of no model", "model_id": None, "other": "x"},
    ]
    key = ("model", "sub")
    assert ids_of_parents(ROWS["reverse_etl_syncs"], subscriptions) == {"model": {key}, "sub": {key}}
    assert ids_of_keys([key]) == {"model": {key}, "sub": {key}}


def test_what_is_of_no_known_type_and_id_is_assigned_to_nothing():
    events = [Event(NOON, "s1", "what is this"), Event(NOON, "x", "SOURCE"), Event(NOON, "x", "what is this")]
    assert unassigned(events, IDS) == events[2:]


def test_only_what_the_audit_trail_tells_of_is_announced():
    announced_rows = {name for name, row in ROWS.items() if row.parent and row.announced and not row.slow}
    assert {"destination_filters", "source_live_plugins", "user_user_groups"} <= announced_rows
    # sizes and states change by themselves, logs grow, and nobody tells of what the data brings
    nobody = {"segments", "computed_traits", "warehouse_connection_states", "reverse_etl_syncs", "source_regulations"}
    assert not announced_rows & {*nobody, "space_events", "space_traits", "audience_supported_destinations"}
