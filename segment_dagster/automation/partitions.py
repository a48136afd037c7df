"""Daily and monthly partitions."""

from datetime import datetime

import dagster as dg

from segment_dagster.automation.families import Family
from segment_dagster.endpoints import Months


def partitions_of(family: Family, start: datetime) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the partitions of a family, in UTC, with the current day or month; `None` if it has none.

    Args:
        family: The family.
        start: The first day.
    """
    if not family.partitioned:
        return None
    if all(isinstance(endpoint.time, Months) for endpoint in family.endpoints):
        return dg.MonthlyPartitionsDefinition(start.replace(day=1), end_offset=1)
    return dg.DailyPartitionsDefinition(start, end_offset=1)
