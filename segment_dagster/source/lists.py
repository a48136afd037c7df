"""Which lists an endpoint is read in: what is asked for besides the pages."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from segment_dagster.endpoints import Endpoint, Months, TimeRange

Values = dict[str, str]
"""The values of a request's own parameters, by name."""


def lists_of(endpoint: Endpoint, parents: Iterable[Mapping[str, Any]], now: datetime) -> list[Values]:
    """What to ask for, list by list.

    Args:
        endpoint: Says what it is asked with.
        parents: By parameter, what each record of the parent gives; one without anything where there is no parent.
        now: The present, in UTC.

    Returns:
        The values of each list, none twice. A record of the parent that lacks a value makes no list.
    """
    whole = [dict(values) for values in parents if None not in values.values()]
    apart = [
        [{parameter.name: value} for value in parameter.values] for parameter in endpoint.parameters if parameter.apart
    ]
    lists = [
        {name: str(value) for part in parts for name, value in part.items()}
        for parts in product(whole, *apart, _times(endpoint, now))
    ]
    return [dict(values) for values in dict.fromkeys(tuple(values.items()) for values in lists)]


def _times(endpoint: Endpoint, now: datetime) -> list[Values]:
    time = endpoint.time
    if isinstance(time, Months):
        return [{"period": f"{first:%Y-%m-%d}"} for first in _months(now, time.count)]
    if isinstance(time, TimeRange):
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        values = {"startTime": iso(today - timedelta(days=time.days))}
        if not time.until_now:
            values["endTime"] = iso(today)
        if time.granularity:
            values["granularity"] = time.granularity
        return [values]
    return [{}]


def iso(moment: datetime) -> str:
    """A point in time as the API takes it: `2026-02-01T00:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _months(now: datetime, count: int) -> list[datetime]:
    """First days of the present month and of those before it, the earliest first."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [first]
    while len(months) < count:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months
