"""Daily and monthly partitions."""

import os
from datetime import datetime, timezone

import dagster as dg

from segment_dagster.automation.families import Family
from segment_dagster.endpoints import Months
from segment_dagster.errors import SettingError

SETTING = "SEGMENT_PARTITIONS_START"
DEFAULT_START = "2025-01-01"


def partitions_of(family: Family) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the partitions of a family, in UTC, with the current day or month; `None` if it has none.

    Raises:
        SettingError: `SEGMENT_PARTITIONS_START` is not a date or lies in the future.
    """
    if not family.partitioned:
        return None
    start = _start()
    if all(isinstance(endpoint.time, Months) for endpoint in family.endpoints):
        return dg.MonthlyPartitionsDefinition(start.replace(day=1), end_offset=1)
    return dg.DailyPartitionsDefinition(start, end_offset=1)


def _start() -> datetime:
    value = os.environ.get(SETTING) or DEFAULT_START
    try:
        start = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        start = None
    if start is None or start > datetime.now(timezone.utc):
        raise SettingError(SETTING, f"is {value!r}", "Set it to a day that has come, such as 2025-01-01.")
    return start
