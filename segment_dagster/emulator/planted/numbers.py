"""What the planted sources send, and what becomes of it. Days are counted back from today: 1 is yesterday."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from segment_dagster.emulator.traffic import Outcome, Traffic

EVER = 200
"""Days ago that stand for ever since: before all that a mart looks at."""


@dataclass(frozen=True)
class Sends:
    """Events of one kind that a source sends each day."""

    source: str
    per_day: int
    since: int = EVER
    """Days ago of the first event."""

    last: int | None = None
    """Days ago of the last event. `None` if it goes on."""

    event: str | None = "Order Completed"
    type: str = "track"
    weekend: int | None = None
    users: int = 0


@dataclass(frozen=True)
class Loses:
    """A share of events that takes a way of its own."""

    stage: str
    share: float
    reason: str | None = None
    source: str | None = None
    destination: str | None = None
    event: str | None = None
    since: int = EVER
    """Days ago of the first day."""

    last: int | None = None
    """Days ago of the last day. `None` if it goes on."""


SENDS: tuple[Sends, ...] = (
    Sends("src_live", 100),
    Sends("src_live_edge", 100, last=2),
    Sends("src_quiet", 100, last=3),
    Sends("src_quiet_edge", 100, last=14),
    Sends("src_dead_edge", 100, last=15),
    Sends("src_dead", 100, last=21),
    Sends("src_dead_28", 40, last=28),
    Sends("src_dead_29", 40, last=29),
    Sends("src_never", 0),
    Sends("src_disabled", 0),
    Sends("src_disabled_later", 100),
    Sends("src_deleted", 100),
    Sends("src_back_today", 100, last=20),
    Sends("src_back_today", 100, since=0),
    Sends("src_gap", 100, last=11),
    Sends("src_gap", 100, since=4),
    Sends("src_identify", 30, event=None, type="identify"),
    Sends("src_no_name", 100),
    Sends("src_growing", 50, last=8),
    Sends("src_growing", 100, since=7),
    Sends("src_falling", 200, last=8),
    Sends("src_falling", 50, since=7),
    Sends("src_new", 100, since=3),
    Sends("src_few", 10),
    Sends("src_burst", 100, since=3, last=3),
    Sends("src_plan_a", 100, event="Checkout Started"),
    Sends("src_plan_a", 20, event="Refund Requested"),
    Sends("src_plan_a", 20, event="Home", type="page"),
    Sends("src_plan_a", 20, event="Home", type="screen"),
    Sends("src_plan_a", 20, event=None, type="group"),
    Sends("src_plan_a", 20, event="Legacy Click"),
    Sends("src_plan_a", 3, event="coupon used"),
    Sends("src_plan_a", 5, event="Debug Ping"),
    Sends("src_plan_a", 10, event="Spam Ping"),
    Sends("src_plan_a", 20, event="Price Shown", last=28),
    Sends("src_plan_a", 20, event="Old Banner", last=29),
    Sends("src_plan_a", 20, event="Spring Sale", last=29),
    Sends("src_plan_b", 20, event="Coupon Used"),
    Sends("src_plan_b", 7, event="Debug Ping"),
    Sends("src_no_plan", 100),
    Sends("src_usage_linear", 1000, users=20),
    Sends("src_usage_weekend", 1000, weekend=300, users=10),
    Sends("src_usage_step", 500, last=9, users=5),
    Sends("src_usage_step", 1500, since=8, users=15),
    Sends("src_warehouse_only", 100),
    Sends("src_no_destination", 100),
)

LOSES: tuple[Loses, ...] = (
    Loses("failed_delivery", 0.01, "unauthorized", destination="dst_healthy"),
    Loses("failed_delivery", 0.2, "bad_request", destination="dst_failing", since=7),
    Loses("failed_delivery", 0.1, "unauthorized", destination="dst_failing", since=7),
    Loses("failed_delivery", 0.1, None, destination="dst_failing_no_reason"),
    Loses("failed_delivery", 0.05, "bad_request", destination="dst_edge_healthy"),
    Loses("failed_delivery", 0.06, "bad_request", destination="dst_edge_failing"),
    Loses("failed_delivery", 0.5, "timeout", destination="dst_recovered", since=14, last=8),
    Loses("failed_delivery", 0.04, "rate_limited", destination="dst_four_reasons"),
    Loses("failed_delivery", 0.16, "bad_request", destination="dst_four_reasons"),
    Loses("failed_delivery", 0.02, "timeout", destination="dst_four_reasons"),
    Loses("failed_delivery", 0.08, "unauthorized", destination="dst_four_reasons"),
    Loses("filtered_at_destination", 1, "destination_filter", destination="dst_filtered"),
    Loses("filtered_at_destination", 0.5, "destination_filter", destination="dst_half_filtered"),
    Loses("failed_delivery", 0.5, "bad_request", destination="dst_half_filtered"),
    Loses("retried", 0.3, destination="dst_retried"),
    Loses("failed_delivery", 0.5, "bad_request", destination="dst_disabled_3", since=20),
    Loses("failed_delivery", 0.5, "bad_request", destination="dst_few"),
    Loses("failed_delivery", 0.5, "bad_request", destination="dst_burst"),
    Loses("failed_delivery", 0.5, "bad_request", destination="dst_dead", since=28),
    # Segment documents no discard reason: these two are the emulator's
    Loses("filtered_at_source", 0.25, "violates_tracking_plan", source="src_plan_a", event="Checkout Started"),
    Loses("filtered_at_source", 1, "violates_tracking_plan", source="src_plan_a", event="Spam Ping"),
    Loses("filtered_at_source", 0.1, "blocked_by_schema", source="src_plan_a", event="Refund Requested"),
)


def numbers(today: date, sends: Sequence[Sends] = SENDS, loses: Sequence[Loses] = LOSES) -> list[Traffic | Outcome]:
    """Return the adjustments of the counts.

    Args:
        today: The day from which days are counted back.
        sends: What the sources send.
        loses: What becomes of it.
    """
    traffic = [
        Traffic(
            source_id=each.source,
            day=_ago(today, each.since),
            per_day=each.per_day,
            event=each.event if each.per_day else None,
            type=each.type,
            until=None if each.last is None else _ago(today, each.last - 1),
            weekend=each.weekend,
            users=each.users,
        )
        for each in sends
    ]
    outcomes = [
        Outcome(
            stage=each.stage,
            share=each.share,
            day=_ago(today, each.since),
            reason=each.reason,
            source_id=each.source,
            destination_id=each.destination,
            event=each.event,
            until=None if each.last is None else _ago(today, each.last - 1),
        )
        for each in loses
    ]
    return [*traffic, *outcomes]


def _ago(today: date, days: int) -> date:
    return today - timedelta(days=days)
