"""The tables of a warehouse, and the statements that fill them. They are the same in DuckDB and PostgreSQL."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from segment_dagster.emulator.clock import to_utc
from segment_dagster.emulator.snake_case import snake_case
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


class CallsOfHour(NamedTuple):
    """The calls of one kind in one hour."""

    kind: str
    """Type of the call."""

    name: str
    """Name of the event, page or screen."""

    start: datetime
    calls: int


class WarehouseTables:
    """The tables of one schema.

    Args:
        connection: A DB-API connection to DuckDB or PostgreSQL.
        schema: Name of the schema.
        time_type: SQL type of times.
    """

    def __init__(self, connection: Any, schema: str, time_type: str) -> None:
        self._connection = connection
        self._schema = schema
        self._time = time_type

    def _execute(self, sql: str) -> list[Any]:
        """Run a statement and return its rows."""
        if hasattr(self._connection, "execute"):
            ran = self._connection.execute(sql)
        else:
            ran = self._connection.cursor()
            ran.execute(sql)
        return list(ran.fetchall()) if sql.startswith("SELECT") else []

    def create_schema(self) -> None:
        """Create the schema unless it exists."""
        self._execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(self._schema)}")

    def names(self) -> list[str]:
        """Return the names of all tables of the schema."""
        where = f"table_schema = {literal(self._schema)}"
        found = self._execute(f"SELECT table_name FROM information_schema.tables WHERE {where}")  # noqa: S608 - escaped
        return [name for (name,) in found]

    def create(self, table: str) -> None:
        """Create a table unless it exists."""
        columns = "id varchar, received_at {time}, uuid_ts {time}"
        if table not in LATEST:
            # an event's own table has the columns of tracks
            own = _COLUMNS.get(table, "") if table in COLLECTIONS.values() else _COLUMNS["tracks"]
            columns = _CALL + own
        self._execute(f"CREATE TABLE IF NOT EXISTS {self._name(table)} ({columns.format(time=self._time)})")

    def load(self, hours: Sequence[CallsOfHour], source_id: str, now: datetime, synced_at: datetime) -> None:
        """Write the number of calls of each hour into a temporary table, from which `insert` makes the calls."""
        # an earlier one that failed may have left it
        self._execute(f"DROP TABLE IF EXISTS {_HOURS}")
        self._execute(
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
            for hour, prefix in ((hour, id_prefix(source_id, hour)) for hour in hours)
        ]
        for place in range(0, len(values), _ROWS_PER_INSERT):
            some = ", ".join(f"({', '.join(map(literal, row))})" for row in values[place : place + _ROWS_PER_INSERT])
            self._execute(f"INSERT INTO {_HOURS} VALUES {some}")  # noqa: S608 - escaped

    def insert(self, table: str, kinds: Iterable[tuple[str, str]]) -> None:
        """Insert the calls of these types and names."""
        at = "first + interval '1 millisecond' * CAST(milliseconds * n / calls AS integer)"
        own = {"tracks": ", slug, name", "pages": ", name", "screens": ", name", "aliases": "", "identifies": ""}
        own["groups"] = f", 'group-' || CAST((salt + n) % {_GROUPS} AS varchar)"
        of = " OR ".join(f"(kind = {literal(kind)} AND name = {literal(name)})" for kind, name in kinds)
        self._execute(
            f"INSERT INTO {self._name(table)} SELECT prefix || CAST(n AS varchar), "  # noqa: S608 - escaped
            f"'anonymous-' || CAST((salt + n) % {_ANONYMOUS} AS varchar), "
            # of other calls, every third is of somebody who is not known
            "CASE WHEN kind IN ('identify', 'group') OR (salt + n) % 3 > 0 "
            f"THEN 'user-' || CAST((salt + n) % {_USERS} AS varchar) END, "
            f"{at}, {at} - interval '1 second', synced_at{own.get(table, own['tracks'])} "
            f"FROM {_HOURS} JOIN generate_series(0, (SELECT max(calls) - 1 FROM {_HOURS})) AS numbers(n) "
            f"ON n < calls WHERE {of}"
        )

    def unload(self) -> None:
        """Drop the temporary table."""
        self._execute(f"DROP TABLE {_HOURS}")

    def delete(self, table: str, where: str) -> None:
        """Delete rows."""
        self._execute(f"DELETE FROM {self._name(table)} WHERE {where}")  # noqa: S608 - escaped

    def upsert(self, table: str, calls: str, key: str) -> int:
        """Write the latest state of each user or account, and return their number."""
        self.create(table)
        name, source = self._name(table), self._name(calls)
        self._execute(f"DELETE FROM {name} WHERE id IN (SELECT {key} FROM {source})")  # noqa: S608 - escaped
        latest = f"SELECT {key}, max(received_at), max(uuid_ts) FROM {source} GROUP BY {key}"  # noqa: S608 - escaped
        self._execute(f"INSERT INTO {name} {latest}")
        ((count,),) = self._execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - escaped
        return int(count)

    def _name(self, table: str) -> str:
        return f"{_quoted(self._schema)}.{_quoted(table)}"


def id_prefix(source_id: str, hour: CallsOfHour) -> str:
    """Return what the ids of the calls begin with, before their number."""
    return f"{hour.kind}-{stable_hash(source_id, hour.kind, hour.name):08x}-{int(hour.start.timestamp())}-"


def literal(value: object) -> str:
    """Return a text, number or time as SQL."""
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
