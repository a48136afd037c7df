"""Planted sources, destinations and warehouses. What they send is in `numbers`, what changed in `history`."""

from segment_dagster.emulator.world.factories import Record

FUNCTION_SOURCE = "planted_source_function"
FUNCTION_DESTINATION = "planted_destination_function"
"""Catalogue ids of planted functions, and of the types of a source and a destination that they serve as."""


def _source(identity: str, name: str | None, enabled: bool = True, **more: object) -> Record:
    named = {} if name is None else {"name": name}
    slug = f"planted-{identity.removeprefix('src_').replace('_', '-')}"
    return {"id": identity, "slug": slug, **named, "enabled": enabled, "labels": [], **more}


def _destination(
    identity: str, source_id: str, name: str | None = None, enabled: bool = True, **more: object
) -> Record:
    named = {} if name is None else {"name": name}
    return {"id": identity, **named, "enabled": enabled, "sourceId": source_id, "settings": {}, **more}


SOURCES: tuple[Record, ...] = (
    # health: live, quiet, dead, never
    _source("src_live", "Sends every day", labels=[{"key": "environment", "value": "prod"}]),
    _source("src_live_edge", "Last event two days ago"),
    _source("src_quiet", "Last event three days ago"),
    _source("src_quiet_edge", "Last event 14 days ago"),
    _source("src_dead_edge", "Last event 15 days ago"),
    _source("src_dead", "Last event three weeks ago"),
    _source("src_dead_28", "Last event 28 days ago"),
    _source("src_dead_29", "Last event 29 days ago"),
    _source("src_never", "Never sent an event"),
    _source("src_disabled", "Disabled, never sent an event", enabled=False),
    _source("src_disabled_later", "Disabled 20 days ago"),
    _source("src_deleted", "Deleted five days ago"),
    _source("src_back_today", "Dead for 20 days, sends again since today"),
    _source("src_gap", "Sends again after a gap of six days"),
    _source("src_identify", "Sends no event with a name"),
    _source("src_no_name", None),
    # health: trends
    _source("src_growing", "Sends twice as much since a week"),
    _source("src_falling", "Sends a quarter since a week"),
    _source("src_new", "Sends since three days"),
    # deliveries
    _source("src_few", "Sends ten events a day"),
    _source("src_burst", "Sent 100 events three days ago"),
    # tracking plans
    _source("src_plan_a", "Held to a plan, and breaks it"),
    _source("src_plan_b", "Held to the same plan"),
    _source("src_no_plan", "Held to no plan"),
    # usage
    _source("src_usage_linear", "Sends 1,000 events each day", metadata={"id": FUNCTION_SOURCE}),
    _source("src_usage_weekend", "Sends less at weekends"),
    _source("src_usage_step", "Sends three times as much since eight days"),
    # unused
    _source("src_warehouse_only", "Goes to a warehouse only"),
    _source("src_no_destination", "Goes nowhere"),
)

DESTINATIONS: tuple[Record, ...] = (
    # of the source that sends 100 events every day
    _destination("dst_healthy", "src_live", "Loses one in a hundred"),
    _destination("dst_perfect", "src_live", "Loses nothing"),
    _destination("dst_failing", "src_live", "Fails for two reasons since a week"),
    _destination("dst_failing_no_reason", "src_live", "Fails without a reason"),
    _destination("dst_edge_healthy", "src_live", "Delivers 95 percent"),
    _destination("dst_edge_failing", "src_live", "Delivers 94 percent"),
    _destination("dst_recovered", "src_live", "Failed the week before, recovered"),
    _destination("dst_four_reasons", "src_live", "Fails for four reasons"),
    _destination("dst_filtered", "src_live", "Filters all events out"),
    _destination("dst_half_filtered", "src_live", "Filters half, fails on half of the rest"),
    _destination("dst_retried", "src_live", "Retries three in ten"),
    _destination("dst_disabled", "src_live", "Disabled from the start", enabled=False),
    _destination("dst_disabled_3", "src_live", "Failed until it was disabled three days ago"),
    _destination("dst_off_100", "src_live", "Disabled 100 days ago"),
    _destination("dst_off_70", "src_live", "Disabled 70 days ago"),
    _destination("dst_off_10", "src_live", "Disabled 10 days ago"),
    _destination("dst_off_again", "src_live", "Disabled 100 days ago, enabled, disabled 20 days ago"),
    _destination("dst_on_again", "src_live", "Disabled 100 days ago, enabled 30 days ago"),
    _destination("dst_function", "src_live", "Runs a function", metadata={"id": FUNCTION_DESTINATION}),
    # of other sources
    _destination("dst_few", "src_few", "Fails on half of 70 events"),
    _destination("dst_burst", "src_burst", "Fails on half of 100 events"),
    _destination("dst_dead", "src_dead", "Failed until its source died"),
    _destination("dst_never", "src_never", "Gets nothing"),
    _destination("dst_of_disabled", "src_disabled", "Of a disabled source"),
    _destination("dst_of_disabled_later", "src_disabled_later", "Of a source disabled 20 days ago"),
    _destination("dst_of_deleted", "src_deleted", "Of a deleted source"),
    _destination("dst_no_name", "src_no_name"),
    _destination("dst_plan_a", "src_plan_a", "Gets what the plan lets through"),
    # one each, so that no other source goes nowhere
    _destination("dst_live_edge", "src_live_edge", "Of the last event two days ago"),
    _destination("dst_quiet", "src_quiet", "Of the last event three days ago"),
    _destination("dst_quiet_edge", "src_quiet_edge", "Of the last event 14 days ago"),
    _destination("dst_dead_edge", "src_dead_edge", "Of the last event 15 days ago"),
    _destination("dst_dead_28", "src_dead_28", "Of the last event 28 days ago"),
    _destination("dst_dead_29", "src_dead_29", "Of the last event 29 days ago"),
    _destination("dst_back_today", "src_back_today", "Of the source that is back"),
    _destination("dst_gap", "src_gap", "Of the source with a gap"),
    _destination("dst_identify", "src_identify", "Of the source without event names"),
    _destination("dst_growing", "src_growing", "Of the growing source"),
    _destination("dst_falling", "src_falling", "Of the falling source"),
    _destination("dst_new", "src_new", "Of the new source"),
    _destination("dst_plan_b", "src_plan_b", "Of the second source with the plan"),
    _destination("dst_no_plan", "src_no_plan", "Of the source without a plan"),
    _destination("dst_usage_linear", "src_usage_linear", "Of the linear source"),
    _destination("dst_usage_weekend", "src_usage_weekend", "Of the source with weekends"),
    _destination("dst_usage_step", "src_usage_step", "Of the source with a step"),
)

WAREHOUSES: tuple[Record, ...] = (
    {"id": "whs_used", "enabled": True, "settings": {}},
    {"id": "whs_disabled", "enabled": False, "settings": {}},
    {"id": "whs_empty", "enabled": True, "settings": {}},
)

WAREHOUSE_SOURCES = {
    "whs_used": ("src_live", "src_warehouse_only"),
    "whs_disabled": ("src_live",),
}
"""The sources of each warehouse."""
