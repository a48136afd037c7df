"""Planted tracking plans, their rules and their sources."""

from segment_dagster.emulator.world.factories import Record

_MADE = {"createdAt": "2025-01-10T09:00:00Z", "updatedAt": "2025-02-10T09:00:00Z"}

PLANS: tuple[Record, ...] = (
    {"id": "tp_orders", "name": "Orders", "type": "LIVE", **_MADE},
    {"id": "tp_checkout", "name": "Checkout", "type": "LIVE", **_MADE},
    {"id": "tp_library", "name": "A library, of no source", "type": "RULE_LIBRARY", **_MADE},
)


def _rule(type_: str, key: str | None = None, version: int = 1, *, deprecated: bool = False) -> Record:
    named = {} if key is None else {"key": key}
    schema: Record = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}}
    old = {"deprecatedAt": "2025-03-10T09:00:00Z"} if deprecated else {}
    return {"type": type_, **named, "jsonSchema": schema, "version": version, **_MADE, **old}


RULES: dict[str, tuple[Record, ...]] = {
    "tp_orders": (_rule("TRACK", "Order Completed"), _rule("IDENTIFY")),
    "tp_checkout": (
        _rule("COMMON"),
        # no source of the plan sends one
        _rule("IDENTIFY"),
        _rule("PAGE"),
        _rule("TRACK", "Checkout Started"),
        _rule("TRACK", "Coupon Used"),
        _rule("TRACK", "Checkout Abandoned"),
        _rule("TRACK", "Spring Sale"),
        _rule("TRACK", "Legacy Click", deprecated=True),
        _rule("TRACK", "Old Event", deprecated=True),
        _rule("TRACK", "Refund Requested", 1, deprecated=True),
        _rule("TRACK", "Refund Requested", 2),
    ),
    "tp_library": (_rule("TRACK", "Never Sent"),),
}

PLAN_SOURCES = {
    "tp_orders": (
        *("src_live", "src_live_edge", "src_quiet", "src_quiet_edge", "src_dead_edge", "src_dead", "src_dead_28"),
        *("src_dead_29", "src_deleted", "src_back_today", "src_gap", "src_identify", "src_no_name", "src_growing"),
        *("src_falling", "src_new", "src_few", "src_burst", "src_usage_linear", "src_usage_weekend", "src_usage_step"),
        *("src_warehouse_only", "src_no_destination"),
    ),
    "tp_checkout": ("src_plan_a", "src_plan_b"),
}
"""The sources of each plan."""
