"""Fills the tables of a warehouse as Segment would, with the events that `events_volume` counts.

Tables and columns are those of Segment's page on warehouse schemas, without columns of properties, traits and context.
That page does not say where the name of a page or screen is: here in `name`. Nor does it say what becomes of an event
whose name has no ASCII letter or digit, or is that of a collection: here it is in `tracks` only. Selective sync is not
considered.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from segment_dagster.emulator.clock import to_utc
from segment_dagster.emulator.server import Emulator
from segment_dagster.emulator.world.deterministic import stable_hash

COLLECTIONS = {
    "track": "tracks",
    "page": "pages",
    "screen": "screens",
    "identify": "identifies",
    "group": "groups",
    "alias": "aliases",
}
"""The table of each type of call: one row per call."""

LATEST = {"users": ("identifies", "user_id"), "accounts": ("groups", "group_id")}
"""Tables with one row for each user or account: where the rows come from, and by which column."""

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_MILLISECOND = timedelta(milliseconds=1)
_ROWS_PER_INSERT = 500
_HOURS = "_segment_emulator_hours"
"""A temporary table: the number of calls of each kind and hour."""

_CALL = "id varchar, anonymous_id varchar, user_id varchar, received_at {time}, sent_at {time}, uuid_ts {time}"
_COLUMNS = {
    "tracks": ", event varchar, event_text varchar",
    "pages": ", name varchar",
    "screens": ", name varchar",
    "groups": ", group_id varchar",
}
_USERS, _ANONYMOUS, _GROUPS = 97, 131, 7


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
        """Rows of all tables, as a sync counts them."""
        return sum(self.rows.values())


class _Hour(NamedTuple):
    """The calls of one kind in one hour."""

    kind: str
    """Type of the call."""

    name: str
    """Name of the event, page or screen."""

    start: datetime
    calls: int


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
    each type and event. `users` and `accounts` have a row for each that is in `identifies` and `groups`. The caller
    commits.

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
    database = _Database(connection, schema, time_type)
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
    for table in {*COLLECTIONS.values(), *_tables(counted)} & set(database.tables()):
        database.delete(table, f"received_at >= {_literal(start)} AND received_at < {_literal(end)}")
    database.load(hours, source_id, emulator.clock.now(), synced_at or emulator.clock.now())
    rows: dict[str, int] = {}
    for table, kinds in _tables(hours).items():
        database.create(table)
        gone = len(lost) if lose and ("track", lose.event) in kinds else 0
        rows[table] = sum(hour.calls for hour in hours if (hour.kind, hour.name) in kinds) - gone
        database.insert(table, kinds)
        if gone:
            database.delete(table, f"id IN ({', '.join(map(_literal, lost))})")
    for table, (calls, key) in LATEST.items():
        if calls in rows:
            rows[table] = database.upsert(table, calls, key)
    database.execute(f"DROP TABLE {_HOURS}")
    return Filled(rows, lost)


def snake_case(name: str) -> str:
    """Return a name as Segment writes it in a warehouse: in the way of segmentio/go-snakecase.

    Words are runs of capitals or digits followed by small letters or digits, all of them ASCII. What starts the name in
    that form already is kept.
    """
    kept = re.match(r"(?:[a-z0-9]|_(?=[a-z0-9]))*", name)
    assert kept is not None
    place = kept.end()
    if place == len(name):
        return name
    # a digit before something else begins a word
    place -= place > 0 and name[place - 1].isdecimal()
    words = re.findall(r"[A-Z0-9]+[a-z0-9]*|[a-z][a-z0-9]*", name[place:])
    return "_".join([name[:place]] * bool(place) + words).lower()


class _Database:
    """The statements that fill a schema. They are the same in DuckDB and PostgreSQL."""

    def __init__(self, connection: Any, schema: str, time_type: str) -> None:
        self._connection = connection
        self._schema = schema
        self._time = time_type

    def execute(self, sql: str) -> list[Any]:
        """Run a statement and return its rows."""
        if hasattr(self._connection, "execute"):
            ran = self._connection.execute(sql)
        else:
            ran = self._connection.cursor()
            ran.execute(sql)
        return list(ran.fetchall()) if sql.startswith("SELECT") else []

    def tables(self) -> list[str]:
        """Return the names of all tables of the schema."""
        where = f"table_schema = {_literal(self._schema)}"
        found = self.execute(f"SELECT table_name FROM information_schema.tables WHERE {where}")  # noqa: S608 - escaped
        return [name for (name,) in found]

    def create(self, table: str) -> None:
        """Create a table unless it exists."""
        columns = "id varchar, received_at {time}, uuid_ts {time}"
        if table not in LATEST:
            # an event's own table has the columns of tracks
            own = _COLUMNS.get(table, "") if table in COLLECTIONS.values() else _COLUMNS["tracks"]
            columns = _CALL + own
        self.execute(f"CREATE TABLE IF NOT EXISTS {self._name(table)} ({columns.format(time=self._time)})")

    def load(self, hours: Sequence[_Hour], source_id: str, now: datetime, synced_at: datetime) -> None:
        """Write the number of calls of each hour into a temporary table, from which `insert` makes the calls."""
        # an earlier one that failed may have left it
        self.execute(f"DROP TABLE IF EXISTS {_HOURS}")
        self.execute(
            f"CREATE TEMPORARY TABLE {_HOURS} (kind varchar, name varchar, slug varchar, prefix varchar, salt bigint, "
            f"first {self._time}, milliseconds bigint, calls bigint, synced_at {self._time})"
        )
        values = [
            (
                hour.kind,
                hour.name,
                snake_case(hour.name),
                prefix,
                stable_hash(prefix),
                hour.start,
                # the current hour is counted until the last whole minute
                min(_HOUR, now.replace(second=0, microsecond=0) - hour.start) // _MILLISECOND,
                hour.calls,
                synced_at,
            )
            for hour, prefix in ((hour, _id_prefix(source_id, hour)) for hour in hours)
        ]
        for place in range(0, len(values), _ROWS_PER_INSERT):
            some = ", ".join(f"({', '.join(map(_literal, row))})" for row in values[place : place + _ROWS_PER_INSERT])
            self.execute(f"INSERT INTO {_HOURS} VALUES {some}")  # noqa: S608 - escaped

    def insert(self, table: str, kinds: Iterable[tuple[str, str]]) -> None:
        """Insert the calls of these types and names."""
        at = "first + interval '1 millisecond' * CAST(milliseconds * n / calls AS integer)"
        own = {"tracks": ", slug, name", "pages": ", name", "screens": ", name", "aliases": "", "identifies": ""}
        own["groups"] = f", 'group-' || CAST((salt + n) % {_GROUPS} AS varchar)"
        of = " OR ".join(f"(kind = {_literal(kind)} AND name = {_literal(name)})" for kind, name in kinds)
        self.execute(
            f"INSERT INTO {self._name(table)} SELECT prefix || CAST(n AS varchar), "  # noqa: S608 - escaped
            f"'anonymous-' || CAST((salt + n) % {_ANONYMOUS} AS varchar), "
            # of other calls, every third is of somebody who is not known
            "CASE WHEN kind IN ('identify', 'group') OR (salt + n) % 3 > 0 "
            f"THEN 'user-' || CAST((salt + n) % {_USERS} AS varchar) END, "
            f"{at}, {at} - interval '1 second', synced_at{own.get(table, own['tracks'])} "
            f"FROM {_HOURS} JOIN generate_series(0, (SELECT max(calls) - 1 FROM {_HOURS})) AS numbers(n) "
            f"ON n < calls WHERE {of}"
        )

    def delete(self, table: str, where: str) -> None:
        """Delete rows."""
        self.execute(f"DELETE FROM {self._name(table)} WHERE {where}")  # noqa: S608 - escaped

    def upsert(self, table: str, calls: str, key: str) -> int:
        """Write the latest state of each user or account, and return their number."""
        self.create(table)
        name, source = self._name(table), self._name(calls)
        self.execute(f"DELETE FROM {name} WHERE id IN (SELECT {key} FROM {source})")  # noqa: S608 - escaped
        latest = f"SELECT {key}, max(received_at), max(uuid_ts) FROM {source} GROUP BY {key}"  # noqa: S608 - escaped
        self.execute(f"INSERT INTO {name} {latest}")
        ((count,),) = self.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - escaped
        return int(count)

    def _name(self, table: str) -> str:
        return f"{_quoted(self._schema)}.{_quoted(table)}"


def _hours(emulator: Emulator, source_id: str, start: date, end: date) -> Iterator[_Hour]:
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
            yield _Hour(record["eventType"], record.get("eventName", ""), at, point["count"])


def _tables(hours: Iterable[_Hour]) -> dict[str, list[tuple[str, str]]]:
    """Return the tables that hold the calls, each with the types and names of its calls."""
    tables: dict[str, list[tuple[str, str]]] = {}
    for kind, name in dict.fromkeys((hour.kind, hour.name) for hour in hours):
        tables.setdefault(COLLECTIONS[kind], []).append((kind, name))
        slug = snake_case(name)
        if kind == "track" and slug and slug not in {*COLLECTIONS.values(), *LATEST}:
            tables.setdefault(slug, []).append((kind, name))
    return tables


def _lost_ids(source_id: str, hours: Iterable[_Hour], lose: Loss) -> tuple[str, ...]:
    there = [
        f"{_id_prefix(source_id, hour)}{number}"
        for hour in hours
        if (hour.kind, hour.name, hour.start.date()) == ("track", lose.event, lose.day)
        for number in range(hour.calls)
    ]
    if not there:
        raise ValueError(f"loss of {lose.event!r}: the source sends none on {lose.day.isoformat()}")
    return tuple(Random(lose.seed).sample(there, max(1, round(lose.share * len(there)))))  # noqa: S311


def _id_prefix(source_id: str, hour: _Hour) -> str:
    return f"{hour.kind}-{stable_hash(source_id, hour.kind, hour.name):08x}-{int(hour.start.timestamp())}-"


def _literal(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        # with the zone, which a column without one ignores
        value = to_utc(value if isinstance(value, datetime) else datetime(value.year, value.month, value.day))
    text = str(value).replace("'", "''")
    return f"'{text}'"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
