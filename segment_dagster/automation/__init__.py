"""Jobs, schedules, sensors, partitions, and how fresh the assets should be."""

from segment_dagster.automation.families import Family, families
from segment_dagster.automation.jobs import JOB, SLOW_JOB, TRAIL_JOB, jobs
from segment_dagster.automation.partitions import partitions_of
from segment_dagster.automation.schedules import RANGE_END, RANGE_START, SCHEDULE, SLOW_SCHEDULE, schedules
from segment_dagster.automation.sensor import SENSOR, audit_sensor
from segment_dagster.automation.whole import WholeRun, whole_runs

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
    "WholeRun",
    "audit_sensor",
    "families",
    "jobs",
    "partitions_of",
    "schedules",
    "whole_runs",
]
