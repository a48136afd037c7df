"""Functions that add the planted records to the made-up ones. The made-up ones stay as they are without them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from segment_dagster.emulator.planted import access, connections, engage, protocols
from segment_dagster.emulator.world.factories import ListContext, Maker, Record, TimedMaker, TimedRequest
from segment_dagster.emulator.world.integrations import (
    DESTINATIONS,
    SOURCES,
    WAREHOUSES,
    destination_metadata,
    source_metadata,
    warehouse_metadata,
)

Planted = Callable[[ListContext], list[Any]]
"""Returns the planted records of one list."""

IDS = frozenset(
    record["id"]
    for records in (
        *(connections.SOURCES, connections.DESTINATIONS, connections.WAREHOUSES, protocols.PLANS),
        *(access.USERS, access.GROUPS, access.ROLES),
        *(engage.SPACES, engage.AUDIENCES, engage.TRAITS, engage.FUNCTIONS),
    )
    for record in records
)
"""Ids of all planted records that have a list of their own or children."""

_MADE_UP_CHILDREN = frozenset(
    {
        *("source_connected_destinations", "source_schema_settings", "source_live_plugins"),
        *("warehouse_connection_states", "warehouse_advanced_sync_schedules", "audience_supported_destinations"),
    }
)
"""Lists that every parent has: responses of one record, and what follows from other lists."""


def planted_makers(makers: Mapping[str, Maker]) -> dict[str, Maker]:
    """Return functions that generate lists with the planted records at their end.

    Args:
        makers: The functions that generate the made-up ones, by endpoint name.
    """
    made_up = _MadeUp()
    return {name: partial(_make, name, maker, made_up) for name, maker in makers.items()}


def planted_timed(timed: Mapping[str, TimedMaker]) -> dict[str, TimedMaker]:
    """Return functions that generate time-dependent lists without made-up audit events about planted records.

    Args:
        timed: The functions that generate them, by endpoint name.
    """
    made_up = _MadeUp()

    def make(maker: TimedMaker, request: TimedRequest) -> list[Record]:
        records = partial(made_up.records, request.records)
        return maker(replace(request, records=records, given_state=request.state))

    return {name: partial(make, maker) for name, maker in timed.items()}


class _MadeUp:
    """The records that are not planted. It keeps the last answer for each endpoint."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[list[Record], list[Record]]] = {}

    def records(self, records: Callable[[str], list[Record]], endpoint: str) -> list[Record]:
        every = records(endpoint)
        kept = self._kept.get(endpoint)
        if kept is None or kept[0] is not every:
            made_up = [record for record in every if IDS.isdisjoint(each for each in record.values() if _is_text(each))]
            kept = self._kept[endpoint] = (every, made_up)
        return kept[1]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _make(name: str, maker: Maker, made_up: _MadeUp, context: ListContext) -> list[Any]:
    planted = _PLANTED.get(name)
    if IDS.isdisjoint(context.values.values()):
        others = maker(replace(context, records=partial(made_up.records, context.records)))
        return [*others, *(planted(context) if planted else ())]
    if planted:
        return planted(context)
    return maker(context) if name in _MADE_UP_CHILDREN else []


def _sources(context: ListContext) -> list[Record]:
    return [
        record
        | {
            "metadata": source_metadata(context.draw, SOURCES[0]) | record.get("metadata", {}),
            "workspaceId": _workspace_id(context),
            "writeKeys": [context.draw.secret()],
        }
        for record in connections.SOURCES
    ]


def _destinations(context: ListContext) -> list[Record]:
    webhooks = next(kind for kind in DESTINATIONS if kind.name == "Webhooks")
    return [
        record | {"metadata": destination_metadata(context.draw, webhooks) | record.get("metadata", {})}
        for record in connections.DESTINATIONS
    ]


def _warehouses(context: ListContext) -> list[Record]:
    metadata = warehouse_metadata(context.draw, WAREHOUSES[0])
    return [record | {"metadata": metadata, "workspaceId": _workspace_id(context)} for record in connections.WAREHOUSES]


def _warehouse_sources(context: ListContext) -> list[Record]:
    return _pick(context, "sources", connections.WAREHOUSE_SOURCES.get(context.values["warehouseId"], ()))


def _source_warehouses(context: ListContext) -> list[Record]:
    source = context.values["sourceId"]
    connected = [name for name, sources in connections.WAREHOUSE_SOURCES.items() if source in sources]
    return _pick(context, "warehouses", connected)


def _plan_sources(context: ListContext) -> list[Record]:
    return _pick(context, "sources", protocols.PLAN_SOURCES.get(context.values["trackingPlanId"], ()))


def _users(context: ListContext) -> list[Record]:
    return [record | {"permissions": _permissions(context, record)} for record in access.USERS]


def _groups(context: ListContext) -> list[Record]:
    return [
        record
        | {"memberCount": len(access.MEMBERS.get(record["id"], ())), "permissions": _permissions(context, record)}
        for record in access.GROUPS
    ]


def _permissions(context: ListContext, record: Record) -> list[Record]:
    return [
        held
        | {
            "resources": [
                resource | ({"id": _workspace_id(context)} if resource["id"] == access.WORKSPACE else {})
                for resource in held["resources"]
            ]
        }
        for held in record["permissions"]
    ]


def _group_users(context: ListContext) -> list[Record]:
    members = _pick(context, "users", access.MEMBERS.get(context.values["userGroupId"], ()))
    return [{name: user[name] for name in ("id", "name", "email")} for user in members]


def _user_groups(context: ListContext) -> list[Record]:
    user = context.values["userId"]
    return [
        {name: group[name] for name in ("id", "name")}
        for group in access.GROUPS
        if user in access.MEMBERS.get(group["id"], ())
    ]


def _activations(context: ListContext) -> list[Record]:
    held = engage.ACTIVATIONS.get(context.values["audienceId"], ())
    return [record | {"workspaceId": _workspace_id(context)} for record in held]


def _pick(context: ListContext, endpoint: str, ids: tuple[str, ...] | list[str]) -> list[Record]:
    return [record for record in context.records(endpoint) if record["id"] in ids]


def _workspace_id(context: ListContext) -> str:
    return str(context.records("workspace")[0]["id"])


def _of(field: str, records: tuple[Record, ...], context: ListContext) -> list[Record]:
    return [record for record in records if record[field] == context.values[field]]


def _by(parameter: str, records: Mapping[str, tuple[Any, ...]], context: ListContext) -> list[Any]:
    return list(records.get(context.values[parameter], ()))


_PLANTED: dict[str, Planted] = {
    "sources": _sources,
    "destinations": _destinations,
    "warehouses": _warehouses,
    "warehouse_connected_sources": _warehouse_sources,
    "source_connected_warehouses": _source_warehouses,
    "tracking_plans": lambda _: list(protocols.PLANS),
    "tracking_plan_rules": partial(_by, "trackingPlanId", protocols.RULES),
    "tracking_plan_sources": _plan_sources,
    "roles": lambda _: list(access.ROLES),
    "users": _users,
    "user_groups": _groups,
    "user_group_users": _group_users,
    "user_user_groups": _user_groups,
    "user_group_invites": partial(_by, "userGroupId", access.GROUP_INVITES),
    "invites": lambda _: list(access.INVITES),
    "spaces": lambda _: list(engage.SPACES),
    "segments": partial(_of, "spaceId", engage.AUDIENCES),
    "audience_destination_connections": partial(_by, "audienceId", engage.CONNECTIONS),
    "audience_activations": _activations,
    "computed_traits": partial(_of, "spaceId", engage.TRAITS),
    "functions": partial(_of, "resourceType", engage.FUNCTIONS),
    "insert_function_instances": partial(_by, "functionId", engage.INSTANCES),
}
