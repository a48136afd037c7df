"""The values of the parameters in the marts' SQL."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone

from segment_dagster.config import HealthSettings
from segment_dagster.marts.forecast import BACKTEST_MONTHS, month_before

WEEKS = 13
"""Weeks that `changes_weekly` shows, with the present one."""

Parameter = date | int | float | str | tuple[str, ...]


def parameters(now: datetime, settings: HealthSettings) -> Mapping[str, Parameter]:
    """Return the values by name. Days are in UTC; the last one that counts is yesterday, `as_of`.

    Args:
        now: The current time.
        settings: The thresholds.
    """
    as_of = last_day(now)

    def days(number: int) -> date:
        return as_of - timedelta(days=number)

    return {
        "as_of": as_of,
        "first_of_7": days(6),
        "first_of_previous_7": days(13),
        "first_of_28": days(27),
        # the Monday that begins the weeks that are shown
        "first_week": days(as_of.weekday() + 7 * (WEEKS - 1)),
        # far enough back for both
        "known_from": min(days(27), days(settings.dead_days - 1)),
        "live_since": days(settings.quiet_days - 1),
        "quiet_since": days(settings.dead_days - 1),
        "active_since": days(settings.inactive_days - 1),
        "trail_since": days(settings.inactive_days - 8),
        "disabled_before": days(settings.disabled_days),
        "first_usage_month": month_before(now.astimezone(timezone.utc).date(), BACKTEST_MONTHS),
        "dead_days": settings.dead_days,
        "success_rate": settings.success_rate,
        "least_events": settings.least_events,
        "violation_reasons": settings.violation_reasons,
    }


def last_day(now: datetime) -> date:
    """Return yesterday in UTC: the last day that is over."""
    return now.astimezone(timezone.utc).date() - timedelta(days=1)
