"""Jobs, schedules and how fresh the assets should be."""

import os
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg

from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SettingError

JOB = "segment_sync"
SCHEDULE = "segment_sync_daily"
SLOW_JOB = "segment_slow_sync"
SLOW_SCHEDULE = "segment_slow_sync_weekly"
DEFAULT_CRON = "0 6 * * *"
DEFAULT_SLOW_CRON = "0 2 * * 0"
DEFAULT_TIMEZONE = "UTC"

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
"""The daily run may start an hour or two late before anybody is warned, and may be missed once before it fails."""

SLOW_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=15), warn_window=timedelta(days=8))
"""The weekly run may take hours, and may be missed once before it fails."""


def by_pace(endpoints: Sequence[Endpoint]) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """The endpoints that are read daily, and those that are read weekly: slow ones and those `SEGMENT_SLOW` names.

    Raises:
        SettingError: `SEGMENT_SLOW` names what is no endpoint.
    """
    named = {name.strip() for name in os.environ.get("SEGMENT_SLOW", "").split(",") if name.strip()}
    if unknown := sorted(named - {endpoint.name for endpoint in endpoints}):
        remedy = "Legal values: names of endpoints, as in the README, separated by commas."
        raise SettingError("SEGMENT_SLOW", f"names {unknown[0]!r}, which is no endpoint", remedy)
    slow = tuple(endpoint for endpoint in endpoints if endpoint.slow or endpoint.name in named)
    return tuple(endpoint for endpoint in endpoints if endpoint not in slow), slow


def automation(daily: dg.AssetsDefinition, weekly: dg.AssetsDefinition) -> dg.Definitions:
    """The jobs and their schedules, which are off until they are switched on.

    Args:
        daily: What `segment_sync` reads, by `SEGMENT_SCHEDULE_CRON` in `SEGMENT_SCHEDULE_TIMEZONE`.
        weekly: What `segment_slow_sync` reads, by `SEGMENT_SLOW_SCHEDULE_CRON` in the same time zone.

    Raises:
        SettingError: A cron expression or the time zone cannot be used.
    """
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(daily),
        description="Read what takes minutes, load it, check it.",
    )
    slow_job = dg.define_asset_job(
        SLOW_JOB,
        selection=dg.AssetSelection.assets(weekly),
        description="Read what takes long at the rate that Segment allows, load it, check it.",
    )
    schedule = _schedule(SCHEDULE, JOB, "SEGMENT_SCHEDULE_CRON", DEFAULT_CRON, "Once a day, after the night's changes.")
    slow_schedule = _schedule(
        SLOW_SCHEDULE,
        SLOW_JOB,
        "SEGMENT_SLOW_SCHEDULE_CRON",
        DEFAULT_SLOW_CRON,
        "Once a week, when nobody else needs the token's budget.",
    )
    return dg.Definitions(jobs=[job, slow_job], schedules=[schedule, slow_schedule])


def _schedule(name: str, job: str, setting: str, default: str, description: str) -> dg.ScheduleDefinition:
    cron = os.environ.get(setting) or default
    timezone = _timezone(os.environ.get("SEGMENT_SCHEDULE_TIMEZONE") or DEFAULT_TIMEZONE)
    try:
        return dg.ScheduleDefinition(
            name=name, job_name=job, cron_schedule=cron, execution_timezone=timezone, description=description
        )
    except dg.DagsterInvalidDefinitionError:
        raise SettingError(setting, f"is {cron!r}", "Set it to a cron expression such as 0 6 * * *.") from None


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = "Set it to a name of the IANA database such as Europe/Berlin."
        raise SettingError("SEGMENT_SCHEDULE_TIMEZONE", f"is {name!r}", remedy) from None
