"""What the marts have to say about the planted workspace, written by hand.

Start it with `running(scale=0, planted=True, now=NOW)`: there is nothing else in it, so a mart names all of this and
no more. `test_planted_world` proves over HTTP that the workspace is what this file says, without any mart.

Days are UTC. NOW is a Wednesday, yesterday is 2026-03-17. Unless said otherwise, all is as a first load at NOW sees it:
30 days of events, 29 of deliveries, 90 of the audit trail, the usage of this month and the last.
"""

from datetime import date, datetime, timezone
from typing import NamedTuple

NOW = datetime(2026, 3, 18, 12, tzinfo=timezone.utc)
YESTERDAY = date(2026, 3, 17)

WORKSPACE_ID = "cg8Tpp1bj2jhxdtiyFOHfu"
"""Of seed 7, the emulator's default."""


class Source(NamedTuple):
    """A row of `health_sources`."""

    name: str
    state: str
    last_event_on: date | None
    events_1d: int
    events_7d: int
    events_28d: int
    events_previous_7d: int
    trend: float | None
    destinations: int = 1
    enabled_destinations: int = 1
    warehouses: int = 0
    enabled: bool = True


_1 = YESTERDAY
_2 = date(2026, 3, 16)
_3 = date(2026, 3, 15)
_10 = date(2026, 3, 8)
_14 = date(2026, 3, 4)
_15 = date(2026, 3, 3)
_20 = date(2026, 2, 26)
_21 = date(2026, 2, 25)
_28 = date(2026, 2, 18)
_29 = date(2026, 2, 17)

HEALTH_SOURCES = {
    # live: an event yesterday or the day before
    "src_live": Source("Sends every day", "live", _1, 100, 700, 2800, 700, 0.0, 19, 13, 1),
    "src_live_edge": Source("Last event two days ago", "live", _2, 0, 600, 2700, 700, 600 / 700 - 1),
    "src_gap": Source("Sends again after a gap of six days", "live", _1, 100, 400, 2200, 400, 0.0),
    "src_identify": Source("Sends no event with a name", "live", _1, 30, 210, 840, 210, 0.0),
    # its name is missing: the slug stands for it
    "src_no_name": Source("planted-no-name", "live", _1, 100, 700, 2800, 700, 0.0),
    "src_growing": Source("Sends twice as much since a week", "live", _1, 100, 700, 1750, 350, 1.0),
    "src_falling": Source("Sends a quarter since a week", "live", _1, 50, 350, 4550, 1400, -0.75),
    "src_new": Source("Sends since three days", "live", _1, 100, 300, 300, 0, None),
    "src_few": Source("Sends ten events a day", "live", _1, 10, 70, 280, 70, 0.0),
    "src_plan_a": Source("Held to a plan, and breaks it", "live", _1, 218, 1526, 6124, 1526, 0.0),
    "src_plan_b": Source("Held to the same plan", "live", _1, 27, 189, 756, 189, 0.0),
    "src_no_plan": Source("Held to no plan", "live", _1, 100, 700, 2800, 700, 0.0),
    "src_usage_linear": Source("Sends 1,000 events each day", "live", _1, 1000, 7000, 28000, 7000, 0.0),
    "src_usage_weekend": Source("Sends less at weekends", "live", _1, 1000, 5600, 22400, 5600, 0.0),
    "src_usage_step": Source(
        "Sends three times as much since eight days", "live", _1, 1500, 10500, 22000, 4500, 10500 / 4500 - 1
    ),
    "src_warehouse_only": Source("Goes to a warehouse only", "live", _1, 100, 700, 2800, 700, 0.0, 0, 0, 1),
    "src_no_destination": Source("Goes nowhere", "live", _1, 100, 700, 2800, 700, 0.0, 0, 0),
    # quiet: the last event within 14 days
    "src_quiet": Source("Last event three days ago", "quiet", _3, 0, 500, 2600, 700, 500 / 700 - 1),
    "src_burst": Source("Sent 100 events three days ago", "quiet", _3, 0, 100, 100, 0, None),
    "src_quiet_edge": Source("Last event 14 days ago", "quiet", _14, 0, 0, 1500, 100, -1.0),
    # dead: earlier
    "src_dead_edge": Source("Last event 15 days ago", "dead", _15, 0, 0, 1400, 0, None),
    # today's events are those of a day that is not over
    "src_back_today": Source("Dead for 20 days, sends again since today", "dead", _20, 0, 0, 900, 0, None),
    "src_dead": Source("Last event three weeks ago", "dead", _21, 0, 0, 800, 0, None),
    "src_dead_28": Source("Last event 28 days ago", "dead", _28, 0, 0, 40, 0, None),
    "src_dead_29": Source("Last event 29 days ago", "dead", _29, 0, 0, 0, 0, None),
    "src_disabled_later": Source("Disabled 20 days ago", "dead", _20, 0, 0, 900, 0, None, enabled=False),
    # never
    "src_never": Source("Never sent an event", "never", None, 0, 0, 0, 0, None),
    "src_disabled": Source("Disabled, never sent an event", "never", None, 0, 0, 0, 0, None, enabled=False),
}

DELETED_SOURCE = "src_deleted"
"""In no list, and so in no row of health, but with events in the volume until 2026-03-13, without a name."""

SILENT_SOURCES = {
    *("src_quiet", "src_burst", "src_quiet_edge"),
    *("src_dead_edge", "src_back_today", "src_dead", "src_dead_28", "src_dead_29"),
}
"""The quiet and dead sources that are enabled: those that the check names."""

DEAD_SOURCES = {"src_dead_edge", "src_back_today", "src_dead", "src_dead_28", "src_dead_29"}
"""The dead ones among them."""

MISSING_DAY = date(2026, 3, 10)
"""If no event of this day is loaded, the states are the same but for these."""

UNKNOWN_WITHOUT_THE_DAY = {
    *("src_quiet_edge", "src_dead_edge", "src_back_today", "src_dead", "src_dead_28", "src_dead_29"),
    *("src_disabled_later", "src_never", "src_disabled"),
}
"""`unknown`: the last event is before that day. It is later for the other quiet ones."""


class Destination(NamedTuple):
    """A row of `health_destinations`."""

    source: str
    state: str
    delivered_7d: int = 0
    failed_7d: int = 0
    success_rate_7d: float | None = None
    success_rate_previous_7d: float | None = None
    top_reasons: tuple[tuple[str | None, int], ...] = ()
    """Up to three, the most frequent first."""

    last_delivered_on: date | None = None
    last_failed_on: date | None = None
    filtered_7d: int = 0
    retried_7d: int = 0


_ALL = 1.0
HEALTH_DESTINATIONS = {
    # healthy
    "dst_healthy": Destination("src_live", "healthy", 693, 7, 0.99, 0.99, (("unauthorized", 7),), _1, _1),
    "dst_perfect": Destination("src_live", "healthy", 700, 0, _ALL, _ALL, (), _1),
    "dst_edge_healthy": Destination("src_live", "healthy", 665, 35, 0.95, 0.95, (("bad_request", 35),), _1, _1),
    "dst_recovered": Destination("src_live", "healthy", 700, 0, _ALL, 0.5, (), _1, MISSING_DAY),
    "dst_retried": Destination("src_live", "healthy", 700, 0, _ALL, _ALL, (), _1, retried_7d=210),
    "dst_on_again": Destination("src_live", "healthy", 700, 0, _ALL, _ALL, (), _1),
    "dst_function": Destination("src_live", "healthy", 700, 0, _ALL, _ALL, (), _1),
    # half of them fail, but they are fewer than 100
    "dst_few": Destination("src_few", "healthy", 35, 35, 0.5, 0.5, (("bad_request", 35),), _1, _1),
    "dst_no_name": Destination("src_no_name", "healthy", 700, 0, _ALL, _ALL, (), _1),
    # what the plan blocks at the source does not arrive
    "dst_plan_a": Destination("src_plan_a", "healthy", 1267, 0, _ALL, _ALL, (), _1),
    "dst_live_edge": Destination("src_live_edge", "healthy", 600, 0, _ALL, _ALL, (), _2),
    "dst_quiet": Destination("src_quiet", "healthy", 500, 0, _ALL, _ALL, (), _3),
    "dst_gap": Destination("src_gap", "healthy", 400, 0, _ALL, _ALL, (), _1),
    "dst_identify": Destination("src_identify", "healthy", 210, 0, _ALL, _ALL, (), _1),
    "dst_growing": Destination("src_growing", "healthy", 700, 0, _ALL, _ALL, (), _1),
    "dst_falling": Destination("src_falling", "healthy", 350, 0, _ALL, _ALL, (), _1),
    "dst_new": Destination("src_new", "healthy", 300, 0, _ALL, None, (), _1),
    "dst_plan_b": Destination("src_plan_b", "healthy", 189, 0, _ALL, _ALL, (), _1),
    "dst_no_plan": Destination("src_no_plan", "healthy", 700, 0, _ALL, _ALL, (), _1),
    "dst_usage_linear": Destination("src_usage_linear", "healthy", 7000, 0, _ALL, _ALL, (), _1),
    "dst_usage_weekend": Destination("src_usage_weekend", "healthy", 5600, 0, _ALL, _ALL, (), _1),
    "dst_usage_step": Destination("src_usage_step", "healthy", 10500, 0, _ALL, _ALL, (), _1),
    # failing
    "dst_failing": Destination(
        "src_live", "failing", 490, 210, 0.7, _ALL, (("bad_request", 140), ("unauthorized", 70)), _1, _1
    ),
    "dst_failing_no_reason": Destination("src_live", "failing", 630, 70, 0.9, 0.9, ((None, 70),), _1, _1),
    "dst_edge_failing": Destination("src_live", "failing", 658, 42, 0.94, 0.94, (("bad_request", 42),), _1, _1),
    # a fourth, timeout, 14 times
    "dst_four_reasons": Destination(
        *("src_live", "failing", 490, 210, 0.7, 0.7),
        (("bad_request", 112), ("unauthorized", 56), ("rate_limited", 28)),
        *(_1, _1),
    ),
    "dst_half_filtered": Destination(
        "src_live", "failing", 175, 175, 0.5, 0.5, (("bad_request", 175),), _1, _1, filtered_7d=350
    ),
    # exactly 100 attempts
    "dst_burst": Destination("src_burst", "failing", 50, 50, 0.5, None, (("bad_request", 50),), _3, _3),
    # idle
    "dst_filtered": Destination("src_live", "idle", filtered_7d=700),
    "dst_dead": Destination("src_dead", "idle", last_delivered_on=_21, last_failed_on=_21),
    "dst_never": Destination("src_never", "idle"),
    "dst_quiet_edge": Destination("src_quiet_edge", "idle", success_rate_previous_7d=_ALL, last_delivered_on=_14),
    "dst_dead_edge": Destination("src_dead_edge", "idle", last_delivered_on=_15),
    "dst_dead_28": Destination("src_dead_28", "idle", last_delivered_on=_28),
    "dst_dead_29": Destination("src_dead_29", "idle", last_delivered_on=_29),
    "dst_back_today": Destination("src_back_today", "idle", last_delivered_on=_20),
    # disabled, or its source is
    "dst_disabled": Destination("src_live", "disabled"),
    "dst_disabled_3": Destination("src_live", "disabled", 250, 250, 0.5, 0.5, (("bad_request", 250),), _3, _3),
    "dst_off_100": Destination("src_live", "disabled"),
    "dst_off_70": Destination("src_live", "disabled"),
    "dst_off_10": Destination("src_live", "disabled", success_rate_previous_7d=_ALL, last_delivered_on=_10),
    "dst_off_again": Destination("src_live", "disabled", last_delivered_on=_20),
    "dst_of_disabled": Destination("src_disabled", "disabled"),
    "dst_of_disabled_later": Destination("src_disabled_later", "disabled", last_delivered_on=_20),
}

NAMELESS_DESTINATION = ("dst_no_name", "Webhooks")
"""Its name is missing: the name of its type stands for it."""

FAILING_DESTINATIONS = {
    *("dst_failing", "dst_failing_no_reason", "dst_edge_failing", "dst_four_reasons"),
    *("dst_half_filtered", "dst_burst"),
}

MISSING_DELIVERY_DAY = date(2026, 3, 13)
"""If no delivery of this day is loaded, every destination is unknown but the disabled ones."""


class Finding(NamedTuple):
    """A row of `tracking_plan_coverage`."""

    plan: str | None
    source: str | None
    """None of an unseen rule: it is one of the plan."""

    event: str | None
    type: str | None
    """In lower case: rules say it in upper case, events in lower case."""

    events_28d: int
    violations_28d: int | None = None
    last_seen_on: date | None = None


BLOCKED_REASONS = ("violates_tracking_plan",)
"""The setting that these rows assume: Segment documents no discard reason. The other one, blocked_by_schema, which
hits Refund Requested, is none of a plan. Without the setting there is no blocked row."""

TRACKING_PLAN_COVERAGE = {
    "unplanned": {
        # it has a rule, but that is deprecated
        Finding("tp_checkout", "src_plan_a", "Legacy Click", "track", 560, last_seen_on=_1),
        # the rule is for Coupon Used
        Finding("tp_checkout", "src_plan_a", "coupon used", "track", 84, last_seen_on=_1),
        Finding("tp_checkout", "src_plan_a", "Debug Ping", "track", 140, last_seen_on=_1),
        Finding("tp_checkout", "src_plan_b", "Debug Ping", "track", 196, last_seen_on=_1),
        # all of them are blocked, too
        Finding("tp_checkout", "src_plan_a", "Spam Ping", "track", 280, last_seen_on=_1),
        # the plan has a rule for pages, which may have the same name
        Finding("tp_checkout", "src_plan_a", "Home", "screen", 560, last_seen_on=_1),
        Finding("tp_checkout", "src_plan_a", None, "group", 560, last_seen_on=_1),
        Finding("tp_checkout", "src_plan_a", "Price Shown", "track", 20, last_seen_on=_28),
    },
    "unseen": {
        Finding("tp_checkout", None, "Checkout Abandoned", "track", 0),
        # 29 days ago, so before the window
        Finding("tp_checkout", None, "Spring Sale", "track", 0, last_seen_on=_29),
        Finding("tp_checkout", None, None, "identify", 0),
    },
    "blocked": {
        Finding("tp_checkout", "src_plan_a", "Checkout Started", "track", 2800, 700, _1),
        Finding("tp_checkout", "src_plan_a", "Spam Ping", "track", 280, 280, _1),
    },
    "allowed_violations": set[Finding](),
    "no_plan": {Finding(None, "src_no_plan", None, None, 2800, last_seen_on=_1)},
}
"""By finding.

These are none: Old Banner (unplanned, 29 days ago), Old Event (a deprecated rule), Coupon Used (a rule that one of the
two sources meets), Refund Requested (one of its two versions is not deprecated), the rule of type COMMON (it is for all
types of calls), Never Sent (a rule of a library, which has no sources), and of the sources without a plan the disabled
src_disabled_later and src_disabled, and src_never, which sends nothing."""


class Usage(NamedTuple):
    """Usage of March 2026, of which 17 days are over."""

    used: int
    whole_month: int
    """What the month comes to in the end: read it with the clock on 2026-04-01."""

    month_before: int


USAGE = {
    ("api_calls", "src_usage_linear"): Usage(17_000, 31_000, 28_000),
    # 1,000, and 300 at weekends: 12 and 5 days of 22 and 9
    ("api_calls", "src_usage_weekend"): Usage(13_500, 24_700, 22_400),
    # 500 until the 9th, then 1,500
    ("api_calls", "src_usage_step"): Usage(16_500, 37_500, 14_000),
    ("api_calls", "src_new"): Usage(300, 1700, 0),
    ("api_calls", "src_never"): Usage(0, 0, 0),
    ("api_calls", None): Usage(70_495, 133_985, 120_320),
    ("mtu", "src_usage_linear"): Usage(340, 620, 560),
    ("mtu", "src_usage_weekend"): Usage(170, 310, 280),
    ("mtu", "src_usage_step"): Usage(165, 375, 140),
    ("mtu", "src_live"): Usage(0, 0, 0),
    ("mtu", None): Usage(675, 1305, 980),
}
"""By metric and source, None for the workspace. All tracked users are identified; the other kinds are 0."""


class Access(NamedTuple):
    """A row of `access_review`."""

    user_id: str | None
    """None of an invite: it has none."""

    email: str | None
    granted_by: str | None
    group_name: str | None
    role_name: str | None
    resource_type: str | None
    resource_id: str | None
    state: str
    last_event_at: datetime | None


def _at(month: int, day: int, hour: int, minute: int = 0, second: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)


_ANNA = ("usr_direct", "anna@planted.example")
_BEN = ("usr_group", "ben@planted.example")
_CLEO = ("usr_both", "cleo@planted.example")
_DORA = ("usr_inactive", "dora@planted.example")
_EMIL = ("usr_silent", "emil@planted.example")
_FINN = ("usr_edge", "finn@planted.example")
_WORKSPACE = ("WORKSPACE", WORKSPACE_ID)
_BY_CLEO = ("active", _at(3, 15, 23, 59, 59))

ACCESS_REVIEW = {
    # by a role of their own, for two sources
    Access(*_ANNA, "direct", None, "Source Admin", "SOURCE", "src_live", "active", _at(3, 17, 8)),
    Access(*_ANNA, "direct", None, "Source Admin", "SOURCE", "src_quiet", "active", _at(3, 17, 8)),
    # by a group
    Access(*_BEN, "group", "Analysts", "Workspace Member", *_WORKSPACE, "active", _at(1, 17, 9)),
    # by both, and by two groups
    Access(*_CLEO, "direct", None, "Warehouse Admin", "WAREHOUSE", "whs_used", *_BY_CLEO),
    Access(*_CLEO, "group", "Analysts", "Workspace Member", *_WORKSPACE, *_BY_CLEO),
    Access(*_CLEO, "group", "On call", "Function Admin", "FUNCTION", "fn_used", *_BY_CLEO),
    # the last event was 100 days ago: a first load reads 90
    Access(*_DORA, "direct", None, "Workspace Owner", *_WORKSPACE, "inactive", None),
    # no event at all
    Access(*_EMIL, "group", "On call", "Function Admin", "FUNCTION", "fn_used", "inactive", None),
    # 85 days ago
    Access(*_FINN, "direct", None, "Source Read-only", "SOURCE", "src_dead", "active", _at(12, 23, 9, year=2025)),
    # invited into a group, and into none; the list of invites has both
    Access(
        *(None, "guest@planted.example", "group", "Newcomers", "Source Read-only", "SOURCE", "src_live"),
        *("invited", None),
    ),
    Access(None, "pending@planted.example", None, None, None, None, None, "invited", None),
    # events without an e-mail address are those of a token
    Access("tok_deploy", None, None, None, None, None, None, "token", _at(3, 8, 8)),
}

UNUSED = {
    "audience_without_destination": {"aud_unused": "Goes nowhere"},
    "function_without_instance": {
        "fn_unused": "Insert function without an instance",
        "fn_source_unused": "Source insert function without an instance",
    },
    "warehouse_without_source": {"whs_empty": "Snowflake"},
    "computed_trait_unused": {
        "ct_unused": "Trait shoe_size",
        # aud_used asks for ltv_total, which begins alike
        "ct_prefix": "Trait ltv",
        # aud_used is in the other space
        "ct_other_space": "Trait ltv_total",
    },
    "source_without_destination": {"src_no_destination": "Goes nowhere"},
}
"""Ids and names by kind.

A computed trait is used if its key, as a whole word, is in the definition of an audience or of another computed trait
of its space, or among the profile properties of an activation there. The API knows no other place.

These are none: fn_destination and fn_source (a type of destination or source has their catalogId, so one of the
workspace runs them; only insert functions have instances in the API), src_warehouse_only (it goes to a warehouse),
src_disabled_later and others whose only destination is disabled or idle, whs_disabled (it has a source)."""

DISABLED_SINCE = {
    "dst_off_100": _at(12, 8, 8, year=2025),
    "dst_off_70": _at(1, 7, 8),
    # it was enabled in between
    "dst_off_again": _at(2, 26, 8),
    "dst_off_10": _at(3, 8, 8),
    "dst_disabled_3": _at(3, 15, 9),
}
"""The disabled destinations whose time the trail tells, if 100 days of it are loaded; the emulator's has 120.

A first load reads 90 days, so then that of dst_off_100 is not known, as that of dst_disabled never is. With 90
disabled_days, the kind destination_disabled has dst_off_100 if known, else nothing; with 60, dst_off_70 too."""


class Changes(NamedTuple):
    """A row of `changes_weekly`, from the trail alone."""

    week: date
    actor: str
    email: str | None
    type: str
    """The audit event's type."""

    resource_type: str
    changes: int
    records: int


CHANGES_WEEKLY = {
    # on Monday the 2nd twice to one source, and on Friday
    Changes(date(2026, 3, 2), *_ANNA, "Source Modified", "SOURCE", 2, 1),
    Changes(date(2026, 3, 2), *_ANNA, "Tracking Plan Modified", "TRACKING_PLAN", 1, 1),
    Changes(date(2026, 3, 2), *_CLEO, "Source Modified", "SOURCE", 1, 1),
    # on Sunday the 8th
    Changes(date(2026, 3, 2), "tok_deploy", None, "Destination Disabled", "DESTINATION", 1, 1),
    # on Monday the 9th at midnight, and in the last second of Sunday the 15th
    Changes(date(2026, 3, 9), *_CLEO, "Destination Settings Modified", "DESTINATION", 2, 2),
    Changes(date(2026, 3, 9), *_CLEO, "Source Deleted", "SOURCE", 1, 1),
    Changes(date(2026, 3, 9), *_ANNA, "Source Modified", "SOURCE", 1, 1),
    Changes(date(2026, 3, 9), *_ANNA, "Destination Disabled", "DESTINATION", 1, 1),
    # this week
    Changes(date(2026, 3, 16), *_ANNA, "Source Modified", "SOURCE", 1, 1),
    # before
    Changes(date(2026, 2, 23), "tok_deploy", None, "Destination Disabled", "DESTINATION", 1, 1),
    Changes(date(2026, 2, 16), "tok_deploy", None, "Destination Enabled", "DESTINATION", 1, 1),
    Changes(date(2026, 1, 26), "tok_deploy", None, "Destination Enabled", "DESTINATION", 1, 1),
    Changes(date(2026, 1, 12), *_BEN, "Tracking Plan Modified", "TRACKING_PLAN", 1, 1),
    Changes(date(2026, 1, 5), "tok_deploy", None, "Destination Disabled", "DESTINATION", 1, 1),
    Changes(date(2025, 12, 22), *_FINN, "Source Modified", "SOURCE", 1, 1),
}

CHANGES_BEFORE_THE_LOAD = {Changes(date(2025, 12, 8), *_DORA, "Destination Disabled", "DESTINATION", 3, 3)}
"""100 days ago: in the emulator's trail of 120 days, not in the 90 days of a first load."""
