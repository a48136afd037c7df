"""Profiles Sync: the warehouses that receive a space's profiles."""

from segment_dagster.emulator.world.deterministic import drop_fields, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.integrations import WAREHOUSES, warehouse_metadata
from segment_dagster.emulator.world.settings import settings

_COLLECTIONS = (
    *("identifies", "id_graph_updates", "external_id_mapping_updates", "profile_traits_updates", "profile_merges"),
    *("tracks", "pages", "screens", "groups", "users", "user_traits", "user_identifiers"),
    *("order_completed", "登録完了", 'it\'s a "quoted" table'),
)
_PROPERTIES = ("id", "received_at", "user_id", "context_ip", "price", "a/b", "naïve 🎉", "line\u2028break")


def _warehouses(context: ListContext) -> list[Record]:
    space_id = context.values["spaceId"]
    first = stable_hash(space_id)
    return [_warehouse(context, space_id, first + place) for place in range(first % 2 + 2)]


def _warehouse(context: ListContext, space_id: str, number: int) -> Record:
    draw = context.draw
    metadata = warehouse_metadata(draw, WAREHOUSES[number % len(WAREHOUSES)])
    record: Record = {
        "id": draw.id(),
        "spaceId": space_id,
        "metadata": metadata,
        "workspaceId": context.records("workspace")[0]["id"],
        "enabled": draw.chance(0.8),
        "settings": settings(draw, metadata["options"], number),
        "schemaName": f"profiles_{number % 100}" if number % 3 else 'my "odd" schema/ü',
    }
    return drop_fields(record, number, schemaName=2)


def _selective_syncs(context: ListContext) -> list[Record]:
    draw, warehouse_id = context.draw, context.values["warehouseId"]
    count = stable_hash(context.values["spaceId"], warehouse_id) % len(_COLLECTIONS) + 1
    return [
        {
            "collection": collection,
            "warehouseId": warehouse_id,
            "enabled": draw.chance(0.8),
            "properties": {name: draw.chance(0.8) for name in draw.some(_PROPERTIES, 6)},
        }
        for collection in _COLLECTIONS[:count]
    ]


MAKERS: dict[str, Maker] = {
    "profiles_warehouses": _warehouses,
    "profiles_warehouse_selective_syncs": _selective_syncs,
}
"""Functions that generate the records, by endpoint name."""
