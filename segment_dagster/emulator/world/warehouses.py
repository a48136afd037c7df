"""What belongs to one warehouse: the sources synced into it, and the syncs."""

from segment_dagster.emulator.world.choosing import linked, number_of, place_of_parent
from segment_dagster.emulator.world.draw import Draw, Mint
from segment_dagster.emulator.world.making import Maker, Making, Record
from segment_dagster.emulator.world.texts import ODD
from segment_dagster.emulator.world.times import ZONES, written

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
"""When the newest sync of a source starts, give or take an hour: 2025-01-01."""

_APART = 6 * 3600
"""Seconds between the starts of two syncs of a source, give or take an hour."""


def is_connected(warehouse_id: str, source_id: str) -> bool:
    """Whether a source is synced into a warehouse."""
    return linked(warehouse_id, source_id, 40)


def _connected_sources(making: Making) -> list[Record]:
    warehouse_id = making.parent["id"]
    return [record for record in making.records("sources") if is_connected(warehouse_id, record["id"])]


def _connection_states(making: Making) -> list[Record]:
    return [{"connectionState": "FAILED" if place_of_parent(making, "warehouses") % 3 == 1 else "CONNECTED"}]


def _advanced_sync_schedules(making: Making) -> list[Record]:
    draw, place = making.draw, place_of_parent(making, "warehouses")
    if place % 3 == 1:
        return [{"enabled": False}]
    times = [{"hourOfDay": hour, "enabled": draw.chance(0.7)} for hour in range(0, 24, draw.number(2, 8))]
    schedule: Record = {"times": times} if place % 6 != 5 else {}
    return [{"enabled": place % 6 != 5, "schedule": schedule | ({"timezone": draw.pick(ZONES)} if place % 3 else {})}]


def _selective_syncs(making: Making) -> list[Record]:
    draw, pair = making.draw, (making.values["warehouseId"], making.values["sourceId"])
    collections = _COLLECTIONS[: number_of(*pair) % (len(_COLLECTIONS) + 1)]
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


def _syncs(making: Making) -> list[Record]:
    warehouse_id = making.parent["id"]
    everything = [sync for source in _connected_sources(making) for sync in _syncs_of(warehouse_id, source["id"])]
    return sorted(everything, key=lambda sync: (sync["start"], sync["sourceId"]), reverse=True)


def _source_syncs(making: Making) -> list[Record]:
    return _syncs_of(making.values["warehouseId"], making.values["sourceId"])


def _syncs_of(warehouse_id: str, source_id: str) -> list[Record]:
    """The syncs of a pair, the newest first: the same ones for its warehouse and for itself."""
    # these records hold no secret, so nothing has to remember any
    draw = Draw(f"{warehouse_id}/{source_id}/syncs", Mint(0))
    first = number_of(warehouse_id, source_id)
    running = first % 3 == 0
    return [_sync(draw, source_id, first, place, running and not place) for place in range(first % 9)]


def _sync(draw: Draw, source_id: str, first: int, place: int, running: bool) -> Record:
    form, start = (first + place) % 3, _NEWEST - place * _APART + draw.number(0, 3600)
    duration = draw.number(1, 5000)
    status = "RUNNING" if running else draw.pick(_STATUSES)
    return {
        "sourceId": source_id,
        "start": written(start, form),
        "end": None if running else written(start + duration, form),
        "status": status,
        "duration": duration,
        "humanDuration": f"{duration // 60} minutes, {duration % 60} seconds",
        "count": 0 if status == "FAILED" else draw.number(0, 3_000_000_000),
        "notices": [
            {
                "level": level,
                "message": f"Table {draw.pick(_COLLECTIONS)}: {draw.pick(ODD)}",
                "createdAt": written(start + seconds, form),
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
"""The function that makes an endpoint's records, by the endpoint's name."""
