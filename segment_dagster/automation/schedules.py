"""Schedules, off until switched on. None starts a run while another run of its job has not ended."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import partial

import dagster as dg

from segment_dagster.automation.families import CONFIGURATION, SLOW, Family
from segment_dagster.automation.jobs import trail_job
from segment_dagster.automation.runs import run_under_way
from segment_dagster.config import DefinitionSettings
from segment_dagster.config.definitions import SYNC
from segment_dagster.endpoints import Endpoint, Months
from segment_dagster.errors import SettingError
from segment_dagster.extract.overrides import apply_overrides
from segment_dagster.extract.times import first_day, first_of_month, midnight, span_of

SCHEDULE = "segment_sync_daily"
SLOW_SCHEDULE = "segment_slow_sync_weekly"
"""Names of schedules of the default instance."""

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Dagster's run tags for the range of partitions that a run materializes."""

_DAY = timedelta(days=1)

Range = tuple[str, str]
"""Keys of the first and the last partition of a run."""


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """When a job runs, and for which partitions."""

    name: str
    job: str
    key: str | None
    """Name of the schedule in the settings, which may override the cron expression; `None` if it has none."""

    group: str
    """Name in the settings of the schedule that it is made and left out with."""

    cron: str
    timezone: str
    description: str
    partitions: Callable[[datetime], Range] | None = None
    """Function from the time of the tick, in UTC, to the partitions of the run."""


def schedules(
    families: Sequence[Family],
    settings: DefinitionSettings,
    *,
    name: str = "segment",
    without: Collection[str] = (),
) -> list[dg.ScheduleDefinition]:
    """Return the schedules of families.

    Args:
        families: The families.
        settings: When the schedules run, and how many days they read again.
        name: Name of the instance, with which the names of the schedules begin.
        without: Schedules that are not made, by their names in the settings.

    Raises:
        SettingError: A cron expression is invalid.
    """
    return [
        _schedule(spec, settings) for spec in _schedule_specs(families, settings, name) if spec.group not in without
    ]


def _schedule_specs(families: Sequence[Family], settings: DefinitionSettings, name: str) -> Iterator[ScheduleSpec]:
    of_kind = {family.kind: family for family in families}
    if CONFIGURATION in of_kind:
        yield ScheduleSpec(
            name=f"{name}_sync_daily",
            job=of_kind[CONFIGURATION].job,
            key=SYNC,
            group=SYNC,
            cron="0 6 * * *",
            timezone=settings.schedule_timezone,
            description="Once a day, after the night's changes.",
        )
    if SLOW in of_kind:
        yield ScheduleSpec(
            name=f"{name}_slow_sync_weekly",
            job=of_kind[SLOW].job,
            key="slow",
            group="slow",
            cron="0 2 * * 0",
            timezone=settings.schedule_timezone,
            description="Once a week, when nobody else needs the token's budget.",
        )
    if any(endpoint.incremental for family in families for endpoint in family.endpoints):
        yield ScheduleSpec(
            name=f"{name}_audit_hourly",
            job=trail_job(name),
            key="audit",
            group="audit",
            cron="5 * * * *",
            timezone="UTC",
            description="Every hour: as little is asked for as has happened since, and who changed what is asked soon.",
        )
    # not on the full hour, and one after the other: all share the token's rate limit
    minutes = iter(range(15, 60, 15))
    for family in families:
        if family.partitioned and any(isinstance(endpoint.time, Months) for endpoint in family.endpoints):
            yield from _monthly(family, settings.usage_close_days)
        elif family.partitioned:
            yield _daily(family, next(minutes), settings)


def _daily(family: Family, minute: int, settings: DefinitionSettings) -> ScheduleSpec:
    days = settings.reread_days
    endpoints = [apply_overrides(endpoint, settings.granularity, {}) for endpoint in family.endpoints]
    return ScheduleSpec(
        name=f"{family.name}_daily",
        job=family.job,
        key=family.kind,
        group=family.kind,
        cron=f"{minute} 0 * * *",
        timezone="UTC",
        description=f"Once a day, after midnight in UTC: yesterday, and the days before it anew, {days} in all.",
        partitions=partial(latest_days, endpoints, days),
    )


def _monthly(family: Family, days: int) -> Iterator[ScheduleSpec]:
    yield ScheduleSpec(
        name=f"{family.name}_daily",
        job=family.job,
        key=family.kind,
        group=family.kind,
        cron="15 3 * * *",
        timezone="UTC",
        description=f"Once a day: the present month, and for {days} days the one before it.",
        partitions=partial(open_months, days),
    )
    yield ScheduleSpec(
        name=f"{family.name}_close_monthly",
        job=family.job,
        key=None,
        group=family.kind,
        cron=f"45 3 {days + 1} * *",
        timezone="UTC",
        description=f"Once a month, {days} days after its end: the month a last time. After that it is closed.",
        partitions=last_month,
    )


def latest_days(endpoints: Iterable[Endpoint], days: int, tick: datetime) -> Range:
    """Return the last `days` complete days in UTC, but none that Segment no longer keeps."""
    today = midnight(tick)
    reachable = [first_day(span, tick) for endpoint in endpoints if (span := span_of(endpoint))]
    first = min(today - _DAY, max([today - days * _DAY, *reachable]))
    return f"{first:%Y-%m-%d}", f"{today - _DAY:%Y-%m-%d}"


def open_months(days: int, tick: datetime) -> Range:
    """Return the current month in UTC, and the previous month until `days` days after its end."""
    present = first_of_month(tick)
    first = first_of_month(present - _DAY) if tick < present + days * _DAY else present
    return f"{first:%Y-%m-%d}", f"{present:%Y-%m-%d}"


def last_month(tick: datetime) -> Range:
    """Return the previous month, in UTC."""
    month = f"{first_of_month(first_of_month(tick) - _DAY):%Y-%m-%d}"
    return month, month


def _schedule(spec: ScheduleSpec, settings: DefinitionSettings) -> dg.ScheduleDefinition:
    cron = settings.crons.get(spec.key, spec.cron) if spec.key else spec.cron
    return no_overlap_schedule(
        replace(spec, cron=cron), settings.variable("crons", spec.key) if spec.key else spec.name
    )


def no_overlap_schedule(spec: ScheduleSpec, setting: str) -> dg.ScheduleDefinition:
    """Return a schedule that starts no run while another of its job has not ended.

    Args:
        spec: The schedule.
        setting: The setting that an error names.

    Raises:
        SettingError: The cron expression is invalid.
    """

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(timezone.utc)
        if run_id := run_under_way(context.instance, spec.job):
            return dg.SkipReason(f"The run {run_id} of {spec.job} is still under way.")
        tags = dict(zip((RANGE_START, RANGE_END), spec.partitions(tick), strict=True)) if spec.partitions else {}
        return dg.RunRequest(run_key=f"{spec.name}:{tick:%Y-%m-%dT%H:%M}Z", tags=tags)

    try:
        return dg.ScheduleDefinition(
            name=spec.name,
            job_name=spec.job,
            cron_schedule=spec.cron,
            execution_timezone=spec.timezone,
            execution_fn=evaluate,
            description=spec.description,
        )
    except dg.DagsterInvalidDefinitionError:
        raise SettingError(setting, f"is {spec.cron!r}", "Set it to a cron expression such as 0 6 * * *.") from None
