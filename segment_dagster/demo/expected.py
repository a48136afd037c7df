"""Expected rows and requests of a full read, computed from the emulated workspace and not from the reader."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

from segment_dagster.emulator import World
from segment_dagster.endpoints import Endpoint, Months, TimeRange


def expected_rows(world: World, endpoint: Endpoint, now: datetime) -> int:
    """Return the number of rows in an endpoint's table after a full read.

    Args:
        world: The workspace.
        endpoint: The endpoint.
        now: The time of the read, in UTC.
    """
    if endpoint.derived_from:
        (endpoint,) = (each for each in world.catalogue if each.name == endpoint.derived_from)
    answers = [answer for values in world.lists(endpoint.name) for answer in _answers(world, endpoint, values, now)]
    if endpoint.exploded is None:
        return sum(map(len, answers))
    return sum(len(record[endpoint.exploded.field]) for records in answers for record in records)


def least_requests(world: World, endpoint: Endpoint, now: datetime) -> int:
    """Return the fewest requests of a full read of an endpoint: every page of every list, once.

    Requests for its parents are not included. Endpoints that share responses share their requests.

    Args:
        world: The workspace.
        endpoint: The endpoint.
        now: The time of the read, in UTC.
    """
    if endpoint.derived_from:
        return 0
    sharing = [each for each in world.catalogue if each.path == endpoint.path]
    return sum(
        max(map(_pages, sharing, answers))
        for values in world.lists(endpoint.name)
        for answers in zip(*(_answers(world, each, values, now) for each in sharing), strict=True)
    )


def _pages(endpoint: Endpoint, records: list[Any]) -> int:
    return max(1, ceil(len(records) / endpoint.page_asked)) if endpoint.page_asked else 1


def _answers(world: World, endpoint: Endpoint, values: Mapping[str, str], now: datetime) -> list[list[Any]]:
    """Return the records of a list, one list per requested time range."""
    if endpoint.time is None:
        return [world.records(endpoint.name, values)]
    return [world.timed(endpoint.name, values, query, now) for query in _queries(endpoint, now)]


def _queries(endpoint: Endpoint, now: datetime) -> list[dict[str, tuple[str, ...]]]:
    """Return the time parameters of a full read, as the README documents them."""
    today = datetime(now.year, now.month, now.day, tzinfo=now.tzinfo)
    if isinstance(endpoint.time, Months):
        last = today.replace(day=1) - timedelta(days=1)
        return [{"period": (f"{last:%Y-%m}-01",)}, {"period": (f"{today:%Y-%m}-01",)}]
    assert isinstance(endpoint.time, TimeRange)
    query = {parameter.name: parameter.values for parameter in endpoint.parameters}
    if endpoint.time.granularity:
        query["granularity"] = (endpoint.time.granularity,)
    days = [today - timedelta(days=offset) for offset in range(endpoint.time.days, -1, -1)]
    if endpoint.time.until_now:
        return [query | {"startTime": (f"{days[0]:%Y-%m-%d}T00:00:00Z",)}]
    # totals over several days could not be split into days
    ranges = pairwise(days) if endpoint.time.totals else [(days[0], days[-1])]
    return [
        query | {"startTime": (f"{first:%Y-%m-%d}T00:00:00Z",), "endTime": (f"{end:%Y-%m-%d}T00:00:00Z",)}
        for first, end in ranges
    ]
