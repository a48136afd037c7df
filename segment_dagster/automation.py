"""Jobs, schedules and how fresh the assets should be."""

import os
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg

from segment_dagster.errors import SettingError

JOB = "segment_sync"
SCHEDULE = "segment_sync_daily"
DEFAULT_CRON = "0 6 * * *"
DEFAULT_TIMEZONE = "UTC"

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
"""The daily run may start an hour or two late before anybody is warned, and may be missed once before it fails."""


def automation(assets: dg.AssetsDefinition) -> dg.Definitions:
    """The main job and its schedule, `SEGMENT_SCHEDULE_CRON` in `SEGMENT_SCHEDULE_TIMEZONE`, off until switched on.

    Args:
        assets: What is read daily.

    Raises:
        SettingError: The cron expression or the time zone cannot be used.
    """
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(assets),
        description="Read the workspace whole, load it, check it.",
    )
    cron = os.environ.get("SEGMENT_SCHEDULE_CRON") or DEFAULT_CRON
    timezone = _timezone(os.environ.get("SEGMENT_SCHEDULE_TIMEZONE") or DEFAULT_TIMEZONE)
    try:
        schedule = dg.ScheduleDefinition(
            name=SCHEDULE,
            job=job,
            cron_schedule=cron,
            execution_timezone=timezone,
            description="Once a day, after the night's changes.",
        )
    except dg.DagsterInvalidDefinitionError:
        remedy = "Set it to a cron expression such as 0 6 * * *."
        raise SettingError("SEGMENT_SCHEDULE_CRON", f"is {cron!r}", remedy) from None
    return dg.Definitions(jobs=[job], schedules=[schedule])


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = "Set it to a name of the IANA database such as Europe/Berlin."
        raise SettingError("SEGMENT_SCHEDULE_TIMEZONE", f"is {name!r}", remedy) from None
