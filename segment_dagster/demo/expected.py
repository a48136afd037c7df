"""How many rows each table should have, counted in the emulated workspace and not by what reads it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from segment_dagster.emulator import World
from segment_dagster.endpoints import Endpoint, Months, TimeRange


def expected_rows(world: World, endpoint: Endpoint, now: datetime) -> int:
    """Rows of an endpoint's table after a full read.

    Args:
        world: The workspace.
        endpoint: The endpoint.
        now: The time of the read, in UTC.
    """
    lists = [_records(world, endpoint, values, now) for values in world.lists(endpoint.name)]
    if endpoint.exploded is None:
        return sum(map(len, lists))
    return sum(len(record[endpoint.exploded.field]) for records in lists for record in records)


def _records(world: World, endpoint: Endpoint, values: Mapping[str, str], now: datetime) -> list[Any]:
    if endpoint.time is None:
        return world.records(endpoint.name, values)
    return [record for query in _queries(endpoint, now) for record in world.timed(endpoint.name, values, query, now)]


def _queries(endpoint: Endpoint, now: datetime) -> list[dict[str, tuple[str, ...]]]:
    """What the README says of the time that a full read covers."""
    today = datetime(now.year, now.month, now.day, tzinfo=now.tzinfo)
    if isinstance(endpoint.time, Months):
        last = today.replace(day=1) - timedelta(days=1)
        return [{"period": (f"{last:%Y-%m}-01",)}, {"period": (f"{today:%Y-%m}-01",)}]
    assert isinstance(endpoint.time, TimeRange)
    query = {parameter.name: parameter.values for parameter in endpoint.parameters}
    query["startTime"] = (f"{today - timedelta(days=endpoint.time.days):%Y-%m-%d}T00:00:00Z",)
    if not endpoint.time.until_now:
        query["endTime"] = (f"{today:%Y-%m-%d}T00:00:00Z",)
    if endpoint.time.granularity:
        query["granularity"] = (endpoint.time.granularity,)
    return [query]
