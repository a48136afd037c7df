"""Children of a warehouse: its connected sources and its syncs."""

from segment_dagster.emulator.world.deterministic import is_linked, parent_index, stable_hash
from segment_dagster.emulator.world.factories import ListContext, Maker, Record
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.emulator.world.timestamps import ZONES, format_duration, format_timestamp

_EVENTS = ("order_completed", "product_viewed", "signed_up", "clicked_buy", "cart_updated", "trial_started")
_COLLECTIONS = (
    *("tracks", "identifies", "users", "pages", "screens", "groups", "accounts", "aliases"),
    *_EVENTS,
    *(f"{event}_v{version}" for event in _EVENTS for version in (2, 3, 4)),
    "登録完了",
    'it\'s a "quoted" table',
)
_PROPERTIES = ("id", "received_at", "user_id", "context_ip", "price", "a/b", "naïve 🎉", "original_timestamp")
_STATUSES = ("SUCCESS", "SUCCESS", "SUCCESS", "PARTIAL_SUCCESS", "FAILED")
_NEWEST = 1_735_689_600
"""Start of the newest sync of a source, give or take an hour: 2025-01-01."""

_APART = 6 * 3600
"""Seconds between the starts of a source's syncs, give or take an hour."""


def is_connected(warehouse_id: str, source_id: str) -> bool:
    """Return whether a source is synced into a warehouse."""
    return is_linked(warehouse_id, source_id, 40)


def _connected_sources(context: ListContext) -> list[Record]:
    warehouse_id = context.parent["id"]
    return [record for record in context.records("sources") if is_connected(warehouse_id, record["id"])]


def _connection_states(context: ListContext) -> list[Record]:
    return [{"connectionState": "FAILED" if parent_index(context, "warehouses") % 3 == 1 else "CONNECTED"}]


def _advanced_sync_schedules(context: ListContext) -> list[Record]:
    draw, place = context.draw, parent_index(context, "warehouses")
    if place % 3 == 1:
        return [{"enabled": False}]
    times = [{"hourOfDay": hour, "enabled": draw.chance(0.7)} for hour in range(0, 24, draw.number(2, 8))]
    schedule: Record = {"times": times} if place % 6 != 5 else {}
    return [{"enabled": place % 6 != 5, "schedule": schedule | ({"timezone": draw.pick(ZONES)} if place % 3 else {})}]


def _selective_syncs(context: ListContext) -> list[Record]:
    draw, pair = context.draw, (context.values["warehouseId"], context.values["sourceId"])
    collections = _COLLECTIONS[: stable_hash(*pair) % (len(_COLLECTIONS) + 1)]
    return [
        {
            "sourceId": pair[1],
            "collection": collection,
            "warehouseId": pair[0],
            "enabled": draw.chance(0.8),
            "properties": {name: draw.chance(0.8) for name in draw.some(_PROPERTIES, 6)},
        }
        for collection in collections
    ]


def _syncs(context: ListContext) -> list[Record]:
    warehouse_id = context.parent["id"]
    everything = [sync for source in _connected_sources(context) for sync in _syncs_of(warehouse_id, source["id"])]
    return sorted(everything, key=lambda sync: (sync["start"], sync["sourceId"]), reverse=True)


def _source_syncs(context: ListContext) -> list[Record]:
    return _syncs_of(context.values["warehouseId"], context.values["sourceId"])


def _syncs_of(warehouse_id: str, source_id: str) -> list[Record]:
    """Return the syncs of a warehouse and source, newest first: the same in both lists."""
    # these records hold no secrets, so any generator will do
    draw = RandomValues(f"{warehouse_id}/{source_id}/syncs", SecretGenerator(0))
    first = stable_hash(warehouse_id, source_id)
    running = first % 3 == 0
    return [_sync(draw, source_id, first, place, running and not place) for place in range(first % 9)]


def _sync(draw: RandomValues, source_id: str, first: int, place: int, running: bool) -> Record:
    form, start = (first + place) % 3, _NEWEST - place * _APART + draw.number(0, 3600)
    duration = draw.number(1, 5000)
    status = "RUNNING" if running else draw.pick(_STATUSES)
    return {
        "sourceId": source_id,
        "start": format_timestamp(start, form),
        "end": None if running else format_timestamp(start + duration, form),
        "status": status,
        "duration": duration,
        "humanDuration": format_duration(duration),
        "count": 0 if status == "FAILED" else draw.number(0, 3_000_000_000),
        "notices": [
            {
                "level": level,
                "message": f"Table {draw.pick(_COLLECTIONS)}: {draw.pick(ODD)}",
                "createdAt": format_timestamp(start + seconds, form),
            }
            for seconds, level in enumerate(draw.some(("INFO", "WARN", "ERROR"), 2))
        ],
    }


MAKERS: dict[str, Maker] = {
    "warehouse_connected_sources": _connected_sources,
    "warehouse_connection_states": _connection_states,
    "warehouse_advanced_sync_schedules": _advanced_sync_schedules,
    "warehouse_selective_syncs": _selective_syncs,
    "warehouse_syncs": _syncs,
    "warehouse_source_syncs": _source_syncs,
}
"""Functions that generate the records, by endpoint name."""
