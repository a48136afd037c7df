"""Jobs, schedules, the sensor, partitions and freshness policies."""

from segment_dagster.automation.families import Family, families
from segment_dagster.automation.full_refresh import FullRefreshRun, full_refresh_runs
from segment_dagster.automation.jobs import JOB, SLOW_JOB, TRAIL_JOB, jobs
from segment_dagster.automation.partitions import partitions_of
from segment_dagster.automation.schedules import RANGE_END, RANGE_START, SCHEDULE, SLOW_SCHEDULE, schedules
from segment_dagster.automation.sensor import SENSOR, audit_sensor

__all__ = [
    "JOB",
    "RANGE_END",
    "RANGE_START",
    "SCHEDULE",
    "SENSOR",
    "SLOW_JOB",
    "SLOW_SCHEDULE",
    "TRAIL_JOB",
    "Family",
    "FullRefreshRun",
    "audit_sensor",
    "families",
    "full_refresh_runs",
    "jobs",
    "partitions_of",
    "schedules",
]
