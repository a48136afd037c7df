"""Fills the tables of a warehouse as Segment would, with the events that `events_volume` counts.

Tables and columns are those of Segment's page on warehouse schemas, without columns of properties, traits and context.
That page does not say where the name of a page or screen is: here in `name`. Nor does it say what becomes of an event
whose name has no ASCII letter or digit, or is that of a collection: here it is in `tracks` only. Selective sync is not
considered.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Any

from segment_dagster.emulator.server import Emulator
from segment_dagster.emulator.snake_case import snake_case
from segment_dagster.emulator.warehouse_tables import (
    COLLECTIONS,
    LATEST,
    CallsOfHour,
    WarehouseTables,
    id_prefix,
    literal,
)


@dataclass(frozen=True)
class Loss:
    """Rows of one event of track that do not arrive, in `tracks` and in the event's own table."""

    event: str
    """Name of the event."""

    day: date
    """The day on which they were received, in UTC."""

    share: float = 0.1
    """Share of the day's rows: above 0, at most 1. At least one row is lost."""

    seed: int = 7
    """Decides which rows are lost."""

    def __post_init__(self) -> None:
        """Reject a share that is none.

        Raises:
            ValueError: It is not above 0 and at most 1.
        """
        if not 0 < self.share <= 1:
            raise ValueError(f"loss of {self.event!r}: share must be above 0 and at most 1")


@dataclass(frozen=True)
class Filled:
    """What was written."""

    rows: dict[str, int]
    """Rows of the range by table, and all rows of `users` and `accounts`."""

    lost: tuple[str, ...] = ()
    """Ids of the calls that did not arrive."""

    @property
    def count(self) -> int:
        """Rows of all tables. Segment does not state which of them a sync counts."""
        return sum(self.rows.values())


def fill(
    connection: Any,
    emulator: Emulator,
    source_id: str,
    schema: str,
    *,
    start: date,
    end: date,
    lose: Loss | None = None,
    synced_at: datetime | None = None,
    time_type: str = "timestamp",
) -> Filled:
    """Write the calls of a source into a schema, in place of those of the same days that are there.

    The number of rows by `received_at` is what `GET /events/volume` answers at the same time, by day and by hour, for
    each type and event. `users` and `accounts` have a row for each that is in `identifies` and `groups`. To leave out
    what came after a sync, set the emulator's clock to the time of the sync. The caller commits.

    Args:
        connection: A DB-API connection to DuckDB or PostgreSQL.
        emulator: The emulator.
        source_id: Id of the source.
        schema: Name of the schema. It is created if it does not exist, as are the tables.
        start: The first day, in UTC.
        end: The day after the last, in UTC.
        lose: Rows that do not arrive. They do when the day is filled again.
        synced_at: When the sync wrote the rows: `uuid_ts`. Defaults to the emulator's clock.
        time_type: SQL type of times. They are in UTC.

    Returns:
        What was written.

    Raises:
        ValueError: The range is empty, the source has no counts, or there is nothing to lose.
    """
    if start >= end:
        raise ValueError(f"fill: end must be after start, {start.isoformat()}")
    counted = list(_hours(emulator, source_id, start, end))
    hours = [hour for hour in counted if hour.calls]
    lost = _lost_ids(source_id, hours, lose) if lose else ()
    written = WarehouseTables(connection, schema, time_type)
    written.create_schema()
    for table in {*COLLECTIONS.values(), *_tables(counted)} & set(written.names()):
        written.delete(table, f"received_at >= {literal(start)} AND received_at < {literal(end)}")
    written.load(hours, source_id, emulator.clock.now(), synced_at or emulator.clock.now())
    rows: dict[str, int] = {}
    for table, kinds in _tables(hours).items():
        written.create(table)
        gone = len(lost) if lose and ("track", lose.event) in kinds else 0
        rows[table] = sum(hour.calls for hour in hours if (hour.kind, hour.name) in kinds) - gone
        written.insert(table, kinds)
        if gone:
            written.delete(table, f"id IN ({', '.join(map(literal, lost))})")
    for table, (calls, key) in LATEST.items():
        if calls in rows:
            rows[table] = written.upsert(table, calls, key)
    written.unload()
    return Filled(rows, lost)


def _hours(emulator: Emulator, source_id: str, start: date, end: date) -> Iterator[CallsOfHour]:
    if source_id not in {source["id"] for source in emulator.world.counted_sources}:
        raise ValueError(f"fill: no source {source_id!r} has numbers")
    query = {
        "granularity": ("HOUR",),
        "startTime": (start.isoformat(),),
        "endTime": (end.isoformat(),),
        "groupBy": ("eventType", "eventName"),
        "sourceId": (source_id,),
    }
    for record in emulator.timed("events_volume", query):
        for point in record["series"]:
            at = datetime.fromisoformat(point["time"].replace("Z", "+00:00"))
            yield CallsOfHour(record["eventType"], record.get("eventName", ""), at, point["count"])


def _tables(hours: Iterable[CallsOfHour]) -> dict[str, list[tuple[str, str]]]:
    """Return the tables that hold the calls, each with the types and names of its calls."""
    tables: dict[str, list[tuple[str, str]]] = {}
    for kind, name in dict.fromkeys((hour.kind, hour.name) for hour in hours):
        tables.setdefault(COLLECTIONS[kind], []).append((kind, name))
        slug = snake_case(name)
        if kind == "track" and slug and slug not in {*COLLECTIONS.values(), *LATEST}:
            tables.setdefault(slug, []).append((kind, name))
    return tables


def _lost_ids(source_id: str, hours: Iterable[CallsOfHour], lose: Loss) -> tuple[str, ...]:
    there = [
        f"{id_prefix(source_id, hour)}{number}"
        for hour in hours
        if (hour.kind, hour.name, hour.start.date()) == ("track", lose.event, lose.day)
        for number in range(hour.calls)
    ]
    if not there:
        raise ValueError(f"loss of {lose.event!r}: the source sends none on {lose.day.isoformat()}")
    return tuple(Random(lose.seed).sample(there, max(1, round(lose.share * len(there)))))  # noqa: S311
