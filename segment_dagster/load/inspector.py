"""Looking at the tables in the destination: what the checks ask."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

import dlt
import orjson
from dlt.common.data_types import TDataType
from dlt.common.schema.typing import TColumnSchema
from dlt.destinations.exceptions import DatabaseException, DatabaseTerminalException
from dlt.destinations.job_client_impl import SqlJobClientBase

from segment_dagster._compat.dlt_logs import install_log_filter
from segment_dagster._compat.dlt_state import stored_state
from segment_dagster.load.capabilities import COLUMNS
from segment_dagster.load.credentials import failures_of
from segment_dagster.load.destination import Destination
from segment_dagster.load.duckdb_file import raise_memory_limit
from segment_dagster.load.errors import LoadError, format_load_error
from segment_dagster.load.lock import PIPELINE_NAME, destination_lock
from segment_dagster.load.staging import check_staging

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

Rows = Sequence[Sequence[Any]]
T = TypeVar("T")
CONDITIONS_PER_QUERY = 100
"""Conditions whose rows are counted by one query, at most."""

_JSON_OF_POSTGRES = (114, 3802)
"""PostgreSQL's ids of the types `json` and `jsonb`."""

ROWS_PER_CHUNK = 1_000
"""Rows that are held in memory where many are looked at."""


class DatasetInspector:
    """The tables of one dataset, under their unqualified names. `inspect_dataset` makes it."""

    def __init__(
        self, client: "SqlJobClientBase | FilesystemClient | None", destination: Destination | None = None
    ) -> None:
        self._client = client
        self._destination = destination
        self._columns: dict[str, Mapping[str, TColumnSchema]] = {}

    def columns(self, table: str) -> Mapping[str, TColumnSchema]:
        """The columns that the table has in the destination, with dlt's data types; none where there is no table."""
        self.prefetch([table])
        return self._columns[table]

    def lands_as(self, data_type: TDataType | None) -> TDataType | None:
        """The type that a column of a declared type has in this destination."""
        return (
            self._destination.capabilities.lands.get(data_type, data_type)
            if self._destination and data_type
            else data_type
        )

    def prefetch(self, tables: Iterable[str]) -> None:
        """Ask for the columns of several tables at once, and keep them: one table takes as long as all of them."""
        new = [table for table in dict.fromkeys(tables) if table not in self._columns]
        if self._client is None or (new and not self._client.is_storage_initialized()):
            self._columns.update({table: {} for table in new})
        elif new:
            for table, columns in self._client.get_storage_tables(new):
                self._columns[table] = {self._declared(name): column for name, column in columns.items()}

    def count(self, table: str, where: str | None = None) -> int:
        """The number of rows in the table, or of those that meet a condition in SQL."""
        condition = f" WHERE {where}" if where else ""
        return int(self._query(f"SELECT count(*) FROM {self._name(table)}{condition}")[0][0])  # noqa: S608 - escaped names

    def counts(self, table: str, conditions: Sequence[str]) -> list[int]:
        """Count the rows of the table that meet each of some conditions in SQL."""
        found: list[int] = []
        for start in range(0, len(conditions), CONDITIONS_PER_QUERY):
            some = conditions[start : start + CONDITIONS_PER_QUERY]
            columns = ", ".join(f"count(CASE WHEN {condition} THEN 1 END)" for condition in some)
            found += map(int, self._query(f"SELECT {columns} FROM {self._name(table)}")[0])  # noqa: S608
        return found

    def digest(self, table: str, where: str | None = None) -> tuple[int, str] | None:
        """What the destination itself makes of a table as it is, whoever wrote it: its columns and all that it holds.

        Args:
            table: The table.
            where: Which rows count, as a condition in SQL; all where it is left out.

        Returns:
            How many rows there are, and a text that is the same for the same columns and rows, in any order. `None`
            where there is no table, or it may not be read, or the destination has no way to tell.
        """
        columns = self.columns(table)
        if not columns or not (self._destination and self._destination.capabilities.digest):
            return None
        condition = f" WHERE {where}" if where else ""
        # by their names: somebody may have given the name of one column to another
        listed = ", ".join(self._column(name) for name in sorted(columns))
        number_of = self._destination.capabilities.digest.replace(COLUMNS, listed)
        try:
            ((count, number),) = self._query(f"SELECT count(*), {number_of} FROM {self._name(table)}{condition}")  # noqa: S608
        except DatabaseTerminalException:
            # a table that somebody else owns, say: loading it tells why
            return None
        shape = sorted((name, column.get("data_type")) for name, column in columns.items())
        return int(count), hashlib.blake2b(repr((shape, number)).encode(), digest_size=16).hexdigest()

    def check_staging(self) -> None:
        """Refuse a staging dataset that is somebody else's: dlt would empty its tables.

        Raises:
            SettingError: It is.
        """
        if self._client is not None and self._destination is not None:
            check_staging(self._client, self._destination.type, self._destination.dataset)

    def has_dlt_tables(self) -> bool:
        """Whether the tables are there that dlt keeps of its own: it finds no other without them."""
        if self._client is None:
            return False
        schema = self._client.schema
        own = (schema.version_table_name, schema.loads_table_name, schema.state_table_name)
        self.prefetch(own)
        return all(self.columns(name) for name in own)

    def pipeline_state(self) -> Mapping[str, Any]:
        """The state that dlt keeps beside the tables, as the last load that was completed left it; empty without one.

        A load that is under way or was cut off does not count.
        """
        if self._client is None or not self.columns(self._client.schema.state_table_name):
            return {}
        return stored_state(PIPELINE_NAME, self._client)

    def upsert(self, table: str, types: Mapping[str, TDataType], rows: Sequence[Sequence[Any]]) -> None:
        """Write into a table of the project's own, which is made where it is not there. All rows at once or none.

        Args:
            table: The table.
            types: Its columns with their data types. The first is the key: rows that have those of new ones go away.
            rows: Their values, in the order of the columns.
        """
        assert self._client is not None
        if not isinstance(self._client, SqlJobClientBase):
            self._upsert_in_file(self._client, table, types, rows)
            return
        sql = self._client.sql_client
        name, (key, *_) = self._name(table), types
        found = self.columns(table)
        if set(found) != set(types):
            if found:
                sql.execute_sql(f"DROP TABLE {name}")
            kind_of = self._client.capabilities.get_type_mapper().to_destination_type
            columns = [
                f"{self._column(column)} {kind_of({'name': column, 'data_type': kind}, {'name': table})}"
                for column, kind in types.items()
            ]
            sql.execute_sql(f"CREATE TABLE {name} ({', '.join(columns)})")
            del self._columns[table]
        values = ", ".join(["%s"] * len(types))
        with sql.begin_transaction():
            for row in rows:
                sql.execute_sql(f"DELETE FROM {name} WHERE {self._column(key)} = %s", row[0])  # noqa: S608
                sql.execute_sql(f"INSERT INTO {name} VALUES ({values})", *row)  # noqa: S608

    def read_stored(self, table: str, types: Mapping[str, TDataType]) -> list[dict[str, Any]]:
        """Return the rows that `keep` has written; none where the table is not there or has other columns."""
        if self._client is None:
            return []
        if isinstance(self._client, SqlJobClientBase):
            return list(self.rows(table, list(types))) if set(self.columns(table)) == set(types) else []
        files, path = self._client.fs_client, self._file_of(self._client, table)
        return [orjson.loads(line) for line in files.read_text(path).splitlines()] if files.exists(path) else []

    def _upsert_in_file(
        self, client: "FilesystemClient", table: str, types: Mapping[str, TDataType], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Write rows as lines of JSON, where the dataset is files: beside the tables, as dlt has its own."""
        key, *_ = types
        new = [dict(zip(types, row, strict=True)) for row in rows]
        others = [row for row in self.read_stored(table, types) if row[key] not in {each[key] for each in new}]
        text = "".join(f"{orjson.dumps(row).decode()}\n" for row in (*others, *new))
        client.fs_client.write_text(self._file_of(client, table), text, encoding="utf-8")

    def _file_of(self, client: "FilesystemClient", table: str) -> str:
        return f"{client.dataset_path}/{table}.jsonl"

    def rewrite(self, table: str, rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
        """Give other values to rows of the table. All of them at once or none.

        Args:
            table: The table.
            rows: For each row the columns that tell it from others, with their values, and the new values by column.
        """
        assert self._client is not None and isinstance(self._client, SqlJobClientBase)
        sql = self._client.sql_client
        with sql.begin_transaction():
            for key, values in rows:
                given = ", ".join(f"{self._column(column)} = %s" for column in values)
                where = " AND ".join(f"{self._column(column)} IS NOT DISTINCT FROM %s" for column in key)
                change = f"UPDATE {self._name(table)} SET {given} WHERE {where}"  # noqa: S608
                sql.execute_sql(change, *values.values(), *key.values())

    def empty_staging(self, tables: Iterable[str]) -> None:
        """Delete the rows of these tables in dlt's staging dataset, which the next load would replace."""
        assert self._client is not None and isinstance(self._client, SqlJobClientBase)
        with self._client.sql_client.with_staging_dataset():
            if not self._client.is_storage_initialized():
                return
            for table, columns in self._client.get_storage_tables(list(tables)):
                if columns:
                    self._client.sql_client.execute_sql(f"DELETE FROM {self._name(table)}")  # noqa: S608

    def latest(self, table: str, column: str, until: datetime) -> Any:
        """The latest time in a column.

        Args:
            table: The table.
            column: A column of times.
            until: Later ones do not count. In UTC.

        Returns:
            The time; `None` where there is none, or no such table or column.
        """
        if column not in self.columns(table):
            return None
        name = self._column(column)
        where = f"{name} <= '{until:%Y-%m-%dT%H:%M:%S}+00:00'"
        return self._query(f"SELECT max({name}) FROM {self._name(table)} WHERE {where}")[0][0]  # noqa: S608

    def sums(self, table: str, measures: Sequence[str], by: Sequence[str], where: str) -> Rows:
        """Sums of columns over the rows that meet a condition in SQL.

        Returns:
            For each group its columns, in the order of `by`, then the sums, in the order of `measures`.
        """
        columns = ", ".join(self._column(column) for column in by)
        sums = ", ".join(f"sum({self._column(measure)})" for measure in measures)
        return self._query(
            f"SELECT {columns}, {sums} FROM {self._name(table)} WHERE {where} GROUP BY {columns}"  # noqa: S608
        )

    def duplicates(
        self, table: str, key: Sequence[str], limit: int, *, optional: Sequence[str] = (), null: str | None = None
    ) -> tuple[int, Rows]:
        """Keys that are in the table more than once, or that are null in part.

        Args:
            table: The table.
            key: The key's columns.
            limit: How many to return, at most.
            optional: Columns of the key for which null is a value like any other.
            null: A column; where it is given, only rows in which it is null count.

        Returns:
            How many there are, and the first of them: the key's columns and the number of its rows.
        """
        columns = ", ".join(self._column(column) for column in key)
        where = f"WHERE {self._column(null)} IS NULL " if null else ""
        or_null = "".join(f" OR {self._column(column)} IS NULL" for column in key if column not in optional)
        found = (
            f"SELECT {columns}, count(*) AS rows_found FROM {self._name(table)} "  # noqa: S608
            f"{where}GROUP BY {columns} HAVING count(*) > 1{or_null}"
        )
        return self._count_and_first(found, columns, limit)

    def out_of_order(self, table: str, key: Sequence[str], earlier: str, later: str, limit: int) -> tuple[int, Rows]:
        """Keys of rows in which one column is not before another, where neither is null.

        Returns:
            How many there are, and the first of them: the key's columns and the number of such rows.
        """
        columns = ", ".join(self._column(column) for column in key)
        found = (
            f"SELECT {columns}, count(*) AS rows_found FROM {self._name(table)} "  # noqa: S608
            f"WHERE {self._column(later)} <= {self._column(earlier)} GROUP BY {columns}"
        )
        return self._count_and_first(found, columns, limit)

    def orphans(
        self, table: str, column: str, target: str, target_column: str, limit: int, *, where: str | None = None
    ) -> tuple[int, Rows]:
        """Values of a column that the target table does not have.

        Args:
            table: The table.
            column: Its column.
            target: The other table.
            target_column: Its column.
            limit: How many to return, at most.
            where: Which rows of the table to look at, as a condition in SQL; all where it is left out.

        Returns:
            How many there are, and the first of them: the value and the number of rows that hold it.
        """
        name, wanted = self._column(column), self._column(target_column)
        rows = f"(SELECT {name} FROM {self._name(table)} WHERE {where})" if where else self._name(table)  # noqa: S608
        found = (
            f"SELECT {name}, count(*) AS rows_found FROM {rows} AS child "  # noqa: S608
            f"WHERE {name} IS NOT NULL AND NOT EXISTS "
            f"(SELECT 1 FROM {self._name(target)} AS parent WHERE parent.{wanted} = child.{name}) GROUP BY {name}"
        )
        return self._count_and_first(found, name, limit)

    def rows(
        self, table: str, columns: Sequence[str], order: Sequence[str] = (), where: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Rows of the table, a chunk at a time. Look at nothing else until the last has come.

        Args:
            table: The table.
            columns: The columns that are wanted.
            order: The columns by which the rows come in order; in any where there are none.
            where: Which rows are wanted, as a condition in SQL; all where it is left out.
        """
        condition = f" WHERE {where}" if where else ""
        by = f" ORDER BY {', '.join(map(self._column, order))}" if order else ""
        chosen = ", ".join(map(self._column, columns))
        return self._stream(f"SELECT {chosen} FROM {self._name(table)}{condition}{by}")  # noqa: S608 - escaped names

    def least(self, table: str, column: str) -> Any:
        """The least value of a column; `None` where there is none."""
        sql = f"SELECT min({self._column(column)}) AS least FROM {self._name(table)}"  # noqa: S608
        return next(self._stream(sql))["least"]

    def later_versions(
        self, table: str, columns: Sequence[str], key: Sequence[str], validity: tuple[str, str], since: datetime
    ) -> Iterator[dict[str, Any]]:
        """Rows of a history that tell of a change, a chunk at a time: the retired ones and the later ones.

        Args:
            table: The history.
            columns: The columns that are wanted.
            key: Columns by which the rows come in order, and then by their time.
            validity: The columns that say from when and until when a row is the current one.
            since: Rows that began until then and still stand are left out.
        """
        start, end = map(self._column, validity)
        sql = (
            f"SELECT {', '.join(map(self._column, columns))} FROM {self._name(table)} "  # noqa: S608
            f"WHERE {end} IS NOT NULL OR {start} > %s ORDER BY {', '.join([*map(self._column, key), start])}"
        )
        return self._stream(sql, since)

    def first_loads(self, tables: Collection[str]) -> dict[str, datetime]:
        """When the loads ended that made these tables: the first, for each, that ended well, where it is known."""
        assert self._client is not None
        schema = self._client.schema
        ended, version, status = map(
            schema.naming.normalize_identifier, ("inserted_at", "schema_version_hash", "status")
        )
        sql = (
            f"SELECT {self._column(ended)}, {self._column(version)} FROM {self._name(schema.loads_table_name)} "  # noqa: S608
            f"WHERE {self._column(status)} = 0 ORDER BY {self._column(ended)}"
        )
        earliest: dict[str, datetime] = {}
        for load in self._stream(sql):
            earliest.setdefault(load[version], load[ended])
        found: dict[str, datetime] = {}
        for hash_, moment in earliest.items():
            if missing := [name for name in tables if name not in found]:
                stored = self._client.get_stored_schema_by_hash(hash_)
                made = orjson.loads(stored.schema)["tables"] if stored else {}
                found.update({name: moment for name in missing if name in made})
        return found

    def qualified_name(self, table: str) -> str:
        """The table's name with its database and dataset, unquoted: what Dagster shows and a person types."""
        assert self._client is not None
        path = self._client.sql_client.make_qualified_table_name_path(table, quote=False)
        database = self._destination and self._destination.database
        return ".".join([database, *path] if database else path)

    def _count_and_first(self, found: str, order: str, limit: int) -> tuple[int, Rows]:
        count = int(self._query(f"SELECT count(*) FROM ({found}) AS found")[0][0])  # noqa: S608
        return count, self._query(f"{found} ORDER BY {order} LIMIT {limit}") if count else []

    def _stream(self, sql: str, *values: datetime) -> Iterator[dict[str, Any]]:
        assert self._client is not None
        client = self._client.sql_client
        if self._destination and self._destination.capabilities.parses_json:
            _json_as_text(client.native_connection)
        with ExitStack() as stack:
            cursor = self._with_room(lambda: stack.enter_context(client.execute_query(sql, *values)))
            if self._destination and self._destination.capabilities.fetches_arrow:
                for chunk in cursor.iter_arrow(chunk_size=ROWS_PER_CHUNK):
                    yield from chunk.to_pylist()
                return
            names = [self._declared(column[0]) for column in cursor.description]
            while rows := cursor.fetchmany(ROWS_PER_CHUNK):
                yield from (dict(zip(names, row, strict=True)) for row in rows)

    def _query(self, sql: str) -> Rows:
        assert self._client is not None
        client = self._client.sql_client
        return self._with_room(lambda: client.execute_sql(sql)) or []

    def _with_room(self, execute: Callable[[], T]) -> T:
        """Execute SQL; once more with more memory where DuckDB has too little: it holds some 2,000 rows at once."""
        while True:
            try:
                return execute()
            except DatabaseException as failure:
                if (
                    self._destination is None
                    or self._destination.file is None
                    or not raise_memory_limit(self._destination.file, failure)
                ):
                    raise

    def _declared(self, column: str) -> str:
        """A column's name as it is declared; some destinations show it in capitals."""
        assert self._client is not None
        return column.lower() if self._client.capabilities.casefold_identifier is str.upper else column

    def _name(self, table: str) -> str:
        assert self._client is not None
        return self._client.sql_client.make_qualified_table_name(table)

    def _column(self, column: str) -> str:
        assert self._client is not None
        return self._client.sql_client.escape_column_name(column)


def _json_as_text(connection: Any) -> None:
    """Have psycopg2 give JSON as text: it makes floats of numbers, and a text in JSON looks like JSON itself."""
    extensions = import_module("psycopg2.extensions")
    as_text = extensions.new_type(_JSON_OF_POSTGRES, "JSON_AS_TEXT", lambda text, _: text)
    extensions.register_type(as_text, connection)


NO_TABLES = DatasetInspector(None)
"""A dataset without a table."""


@contextmanager
def inspect_dataset(destination: Destination) -> Iterator[DatasetInspector]:
    """Open the dataset for a look. A DuckDB file that is not there is not made."""
    if destination.file is not None and not destination.file.exists():
        yield NO_TABLES
        return
    install_log_filter()
    # not by the pipeline: looking needs no working directory; alone, as DuckDB would turn away a load meanwhile
    try:
        with (
            destination_lock(destination),
            _client_of(destination) as client,
            # files are looked at through a DuckDB of its own
            nullcontext() if isinstance(client, SqlJobClientBase) else client.sql_client,
        ):
            yield DatasetInspector(client, destination)
    except failures_of(destination.capabilities.driver) as failure:
        raise LoadError(format_load_error(failure, "read", destination)) from failure


def _client_of(destination: Destination) -> "SqlJobClientBase | FilesystemClient":
    try:
        client = dlt.dataset(destination.factory, destination.dataset).destination_client
    except ValueError as failure:
        # what drivers raise of settings that they cannot use: an address that is none, a port that is no number
        raise LoadError(format_load_error(failure, "connect", destination)) from failure
    return cast("SqlJobClientBase | FilesystemClient", client)
