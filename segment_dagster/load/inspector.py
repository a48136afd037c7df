"""Read the tables in the destination: columns, counts, digests, keys and rows."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from dlt.common.data_types import TDataType
from dlt.common.schema.typing import TColumnSchema
from dlt.destinations.exceptions import DatabaseException, DatabaseTerminalException
from dlt.destinations.job_client_impl import SqlJobClientBase

from segment_dagster._compat.dlt_logs import install_log_filter
from segment_dagster._compat.dlt_state import stored_state
from segment_dagster.extract.disposition import quoted
from segment_dagster.load.capabilities import COLUMNS
from segment_dagster.load.clients import client_of
from segment_dagster.load.credentials import failures_of
from segment_dagster.load.destination import Destination
from segment_dagster.load.duckdb_file import raise_memory_limit
from segment_dagster.load.errors import LoadError, format_load_error, is_retryable
from segment_dagster.load.local_lock import local_lock
from segment_dagster.load.staging import check_staging

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

Rows = Sequence[Sequence[Any]]
T = TypeVar("T")
PARAMETER = "%s"
"""Stands for a parameter in SQL, as dlt takes it for every destination."""

ROWS_PER_STATEMENT = 50
"""Most rows that one statement inserts: Databricks takes 256 parameters."""

CONDITIONS_PER_QUERY = 100
"""Most conditions that one query counts."""

_JSON_OF_POSTGRES = (114, 3802)
"""PostgreSQL's type ids of `json` and `jsonb`."""

ROWS_PER_CHUNK = 1_000
"""Rows that are fetched at once and held in memory."""


class DatasetInspector:
    """The tables of one dataset, by their unqualified names. Create it with `inspect_dataset`."""

    def __init__(
        self, client: "SqlJobClientBase | FilesystemClient | None", destination: Destination | None = None
    ) -> None:
        self._client = client
        self._destination = destination
        self._columns: dict[str, Mapping[str, TColumnSchema]] = {}

    def columns(self, table: str) -> Mapping[str, TColumnSchema]:
        """Return the table's columns in the destination, with dlt's data types; empty if there is no table."""
        self.prefetch([table])
        return self._columns[table]

    def lands_as(self, data_type: TDataType | None) -> TDataType | None:
        """Return the type that a declared type has in this destination."""
        return (
            self._destination.capabilities.lands.get(data_type, data_type)
            if self._destination and data_type
            else data_type
        )

    def prefetch(self, tables: Iterable[str]) -> None:
        """Fetch and cache the columns of several tables: one table takes as long as all of them."""
        new = [table for table in dict.fromkeys(tables) if table not in self._columns]
        if self._client is None or (new and not self._client.is_storage_initialized()):
            self._columns.update({table: {} for table in new})
        elif new:
            for table, columns in self._client.get_storage_tables(new):
                self._columns[table] = {self._declared(name): column for name, column in columns.items()}

    def count(self, table: str, where: str | None = None) -> int:
        """Return the number of rows in the table, or of those that meet an SQL condition."""
        condition = f" WHERE {where}" if where else ""
        return int(self._query(f"SELECT count(*) FROM {self._name(table)}{condition}")[0][0])  # noqa: S608 - escaped names

    def counts(self, table: str, conditions: Sequence[str]) -> list[int]:
        """Return the number of rows that meet each SQL condition, in the order of the conditions."""
        counted: list[int] = []
        for start in range(0, len(conditions), CONDITIONS_PER_QUERY):
            some = conditions[start : start + CONDITIONS_PER_QUERY]
            columns = ", ".join(f"count(CASE WHEN {condition} THEN 1 END)" for condition in some)
            counted += map(int, self._query(f"SELECT {columns} FROM {self._name(table)}")[0])  # noqa: S608
        return counted

    def digest(self, table: str, where: str | None = None) -> tuple[int, str] | None:
        """Return a digest of the table's current columns and rows, computed in the destination.

        Args:
            table: The table.
            where: An SQL condition for the rows that count; by default all.

        Returns:
            The number of rows, and a digest that is equal for equal columns and rows in any order. `None` if there is
            no table, it may not be read, or the destination has no SQL for a digest.
        """
        columns = self.columns(table)
        if not columns or not (self._destination and self._destination.capabilities.digest):
            return None
        condition = f" WHERE {where}" if where else ""
        # sorted by name: somebody may have swapped the names of two columns
        listed = ", ".join(self._column(name) for name in sorted(columns))
        number_of = self._destination.capabilities.digest.replace(COLUMNS, listed)
        try:
            ((count, number),) = self._query(f"SELECT count(*), {number_of} FROM {self._name(table)}{condition}")  # noqa: S608
        except DatabaseTerminalException:
            # such as a table of another owner: the load itself reports why
            return None
        shape = sorted((name, column.get("data_type")) for name, column in columns.items())
        return int(count), hashlib.blake2b(repr((shape, number)).encode(), digest_size=16).hexdigest()

    def check_staging(self) -> None:
        """Refuse a staging dataset that belongs to somebody else: dlt would empty its tables.

        Raises:
            SettingError: The staging dataset belongs to somebody else.
        """
        if self._client is not None and self._destination is not None:
            check_staging(self._client, self._destination.name, self._destination.dataset)

    def has_dlt_tables(self) -> bool:
        """Return whether dlt's system tables exist. dlt finds no other table without them."""
        if self._client is None:
            return False
        schema = self._client.schema
        own = (schema.version_table_name, schema.loads_table_name, schema.state_table_name)
        self.prefetch(own)
        return all(self.columns(name) for name in own)

    def pipeline_state(self) -> Mapping[str, Any]:
        """Return dlt's pipeline state after the last completed load; empty if there is none.

        A load that is running or was interrupted does not count.
        """
        if self._client is None or not self.columns(self._client.schema.state_table_name):
            return {}
        assert self._destination is not None
        return stored_state(self._destination.pipeline_name, self._client)

    def upsert(
        self, table: str, types: Mapping[str, TDataType], rows: Sequence[Sequence[Any]], *, keys: int = 1
    ) -> None:
        """Upsert rows into one of the project's own tables, in one transaction. Create the table if it is missing.

        Args:
            table: The table.
            types: Its columns and their data types. The first ones are the key: a new row replaces an old one.
            rows: The values of each row, in the order of the columns.
            keys: How many columns the key has. A destination that is files takes one alone.
        """
        assert self._client is not None
        if not isinstance(self._client, SqlJobClientBase):
            self._upsert_in_file(self._client, table, types, rows)
            return
        sql = self._client.sql_client
        name = self._name(table)
        existing = self.columns(table)
        if set(existing) != set(types):
            if existing:
                sql.execute_sql(f"DROP TABLE {name}")
            kind_of = self._client.capabilities.get_type_mapper().to_destination_type
            columns = [
                f"{self._column(column)} {kind_of({'name': column, 'data_type': kind}, {'name': table})}"
                for column, kind in types.items()
            ]
            sql.execute_sql(f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)})")
            del self._columns[table]
        key_columns = [self._column(key) for key in [*types][:keys]]
        with sql.begin_transaction():
            for start in range(0, len(rows), ROWS_PER_STATEMENT):
                some = rows[start : start + ROWS_PER_STATEMENT]
                same = [" AND ".join(map("{} = {}".format, key_columns, map(_literal, row))) for row in some]
                sql.execute_sql(f"DELETE FROM {name} WHERE ({') OR ('.join(same)})")  # noqa: S608 - escaped values
                new = ", ".join(f"({', '.join(map(_literal, row))})" for row in some)
                given = [value for row in some for value in row if _literal(value) == PARAMETER]
                sql.execute_sql(f"INSERT INTO {name} VALUES {new}", *given)  # noqa: S608 - escaped values

    @property
    def replaces_at_once(self) -> bool:
        """Return whether dlt replaces a part of a table in one transaction: a run that is killed leaves all or none."""
        return self._client is not None and bool(self._client.capabilities.supports_transactions)

    def delete(self, table: str, conditions: Iterable[str]) -> None:
        """Delete the rows that meet any of the SQL conditions, in one transaction."""
        assert self._client is not None and isinstance(self._client, SqlJobClientBase)
        sql = self._client.sql_client
        with sql.begin_transaction():
            for condition in conditions:
                sql.execute_sql(f"DELETE FROM {self._name(table)} WHERE {condition}")  # noqa: S608 - escaped values

    def row_counts(self, table: str, by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], int]]:
        """Return an iterator over the distinct values of columns, each with its number of rows."""
        columns = ", ".join(map(self._column, by))
        sql = f"SELECT {columns}, count(*) AS rows_found FROM {self._name(table)} GROUP BY {columns}"  # noqa: S608
        for *values, count in self._query(sql):
            yield tuple(values), int(count)

    def read_stored(self, table: str, types: Mapping[str, TDataType]) -> list[dict[str, Any]]:
        """Return the rows that `upsert` wrote; empty if the table is missing or has other columns."""
        if self._client is None:
            return []
        if isinstance(self._client, SqlJobClientBase):
            return list(self.rows(table, list(types))) if set(self.columns(table)) == set(types) else []
        files, path = self._client.fs_client, self._file_of(self._client, table)
        return [orjson.loads(line) for line in files.read_text(path).splitlines()] if files.exists(path) else []

    def _upsert_in_file(
        self, client: "FilesystemClient", table: str, types: Mapping[str, TDataType], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Write rows as JSON lines to a file beside the tables, as dlt does for its own tables."""
        key, *_ = types
        new = [dict(zip(types, row, strict=True)) for row in rows]
        others = [row for row in self.read_stored(table, types) if row[key] not in {each[key] for each in new}]
        text = "".join(f"{orjson.dumps(row).decode()}\n" for row in (*others, *new))
        client.fs_client.write_text(self._file_of(client, table), text, encoding="utf-8")

    def _file_of(self, client: "FilesystemClient", table: str) -> str:
        return f"{client.dataset_path}/{table}.jsonl"

    def rewrite(self, table: str, rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
        """Update rows of the table, in one transaction.

        Args:
            table: The table.
            rows: For each row, the columns and values that identify it, and the new values by column.
        """
        assert self._client is not None and isinstance(self._client, SqlJobClientBase)
        sql = self._client.sql_client
        with sql.begin_transaction():
            for key, values in rows:
                assignments = ", ".join(f"{self._column(column)} = %s" for column in values)
                where = " AND ".join(f"{self._column(column)} IS NOT DISTINCT FROM %s" for column in key)
                change = f"UPDATE {self._name(table)} SET {assignments} WHERE {where}"  # noqa: S608
                sql.execute_sql(change, *values.values(), *key.values())

    def empty_staging(self, tables: Iterable[str]) -> None:
        """Delete the rows of these tables in dlt's staging dataset. The next load would replace them anyway."""
        assert self._client is not None and isinstance(self._client, SqlJobClientBase)
        with self._client.sql_client.with_staging_dataset():
            if not self._client.is_storage_initialized():
                return
            for table, columns in self._client.get_storage_tables(list(tables)):
                if columns:
                    self._client.sql_client.execute_sql(f"DELETE FROM {self._name(table)}")  # noqa: S608

    def latest(self, table: str, column: str, until: datetime) -> Any:
        """Return the latest time in a column.

        Args:
            table: The table.
            column: A timestamp column.
            until: Later times do not count. In UTC.

        Returns:
            The time; `None` if there is none, or no such table or column.
        """
        if column not in self.columns(table):
            return None
        name = self._column(column)
        where = f"{name} <= '{until:%Y-%m-%dT%H:%M:%S}+00:00'"
        return self._query(f"SELECT max({name}) FROM {self._name(table)} WHERE {where}")[0][0]  # noqa: S608

    def sums(self, table: str, measures: Sequence[str], by: Sequence[str], where: str) -> Rows:
        """Return sums of columns over the rows that meet an SQL condition.

        Returns:
            For each group, its columns in the order of `by`, then the sums in the order of `measures`.
        """
        columns = ", ".join(self._column(column) for column in by)
        sums = ", ".join(f"sum({self._column(measure)})" for measure in measures)
        return self._query(
            f"SELECT {columns}, {sums} FROM {self._name(table)} WHERE {where} GROUP BY {columns}"  # noqa: S608
        )

    def duplicates(
        self, table: str, key: Sequence[str], limit: int, *, optional: Sequence[str] = (), null: str | None = None
    ) -> tuple[int, Rows]:
        """Return keys that occur more than once or contain null.

        Args:
            table: The table.
            key: The key's columns.
            limit: Most keys to return.
            optional: Columns of the key in which null is a valid value.
            null: If given, only rows in which this column is null count.

        Returns:
            The number of such keys, and the first of them: the key's columns and the number of its rows.
        """
        columns = ", ".join(self._column(column) for column in key)
        where = f"WHERE {self._column(null)} IS NULL " if null else ""
        or_null = "".join(f" OR {self._column(column)} IS NULL" for column in key if column not in optional)
        query = (
            f"SELECT {columns}, count(*) AS rows_found FROM {self._name(table)} "  # noqa: S608
            f"{where}GROUP BY {columns} HAVING count(*) > 1{or_null}"
        )
        return self._count_and_first(query, columns, limit)

    def out_of_order(self, table: str, key: Sequence[str], earlier: str, later: str, limit: int) -> tuple[int, Rows]:
        """Return keys of rows in which `later` is not after `earlier`. Rows with a null in either do not count.

        Returns:
            The number of such keys, and the first of them: the key's columns and the number of such rows.
        """
        columns = ", ".join(self._column(column) for column in key)
        query = (
            f"SELECT {columns}, count(*) AS rows_found FROM {self._name(table)} "  # noqa: S608
            f"WHERE {self._column(later)} <= {self._column(earlier)} GROUP BY {columns}"
        )
        return self._count_and_first(query, columns, limit)

    def orphans(
        self, table: str, column: str, target: str, target_column: str, limit: int, *, where: str | None = None
    ) -> tuple[int, Rows]:
        """Return values of a column that are missing in the target table.

        Args:
            table: The table.
            column: The column of the table.
            target: The table that is referenced.
            target_column: The column that is referenced.
            limit: Most values to return.
            where: An SQL condition for the rows to check; by default all.

        Returns:
            The number of such values, and the first of them: the value and the number of its rows.
        """
        name, wanted = self._column(column), self._column(target_column)
        rows = f"(SELECT {name} FROM {self._name(table)} WHERE {where})" if where else self._name(table)  # noqa: S608
        query = (
            f"SELECT {name}, count(*) AS rows_found FROM {rows} AS child "  # noqa: S608
            f"WHERE {name} IS NOT NULL AND NOT EXISTS "
            f"(SELECT 1 FROM {self._name(target)} AS parent WHERE parent.{wanted} = child.{name}) GROUP BY {name}"
        )
        return self._count_and_first(query, name, limit)

    def rows(
        self, table: str, columns: Sequence[str], order: Sequence[str] = (), where: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Return an iterator over rows, fetched in chunks. Run no other query before it is exhausted.

        Args:
            table: The table.
            columns: The columns to read.
            order: The columns to sort by; without them the order is undefined.
            where: An SQL condition for the rows to read; by default all.
        """
        condition = f" WHERE {where}" if where else ""
        by = f" ORDER BY {', '.join(map(self._column, order))}" if order else ""
        chosen = ", ".join(map(self._column, columns))
        return self._stream(f"SELECT {chosen} FROM {self._name(table)}{condition}{by}")  # noqa: S608 - escaped names

    @property
    def dialect(self) -> str:
        """Return sqlglot's name of the SQL that the dataset takes."""
        assert self._client is not None
        return str(self._client.sql_client.capabilities.sqlglot_dialect)

    def select_as(self, table: str, names: Mapping[str, str]) -> str:
        """Return SQL that selects columns of a table under other names, which are SQL already.

        Args:
            table: The table.
            names: SQL of the new name by the column's.
        """
        columns = ", ".join(f"{self._column(column)} AS {name}" for column, name in names.items())
        return f"SELECT {columns} FROM {self._name(table)}"  # noqa: S608 - escaped names

    def query(self, sql: str) -> Iterator[dict[str, Any]]:
        """Return an iterator over the rows of a query, fetched in chunks. Run no other before it is exhausted.

        Args:
            sql: The query, in the dataset's dialect.
        """
        return self._stream(sql)

    def least(self, table: str, column: str) -> Any:
        """Return the least value of a column; `None` if there is none."""
        sql = f"SELECT min({self._column(column)}) AS least FROM {self._name(table)}"  # noqa: S608
        return next(self._stream(sql))["least"]

    def later_versions(
        self, table: str, columns: Sequence[str], key: Sequence[str], validity: tuple[str, str], since: datetime
    ) -> Iterator[dict[str, Any]]:
        """Return an iterator over the rows of a history that stem from a change, fetched in chunks.

        Args:
            table: The history.
            columns: The columns to read.
            key: The columns to sort by, before the start of validity.
            validity: The columns with the start and the end of a row's validity.
            since: Rows that started at or before this time and are still current are left out.
        """
        start, end = map(self._column, validity)
        sql = (
            f"SELECT {', '.join(map(self._column, columns))} FROM {self._name(table)} "  # noqa: S608
            f"WHERE {end} IS NOT NULL OR {start} > %s ORDER BY {', '.join([*map(self._column, key), start])}"
        )
        return self._stream(sql, since)

    def first_loads(self, tables: Collection[str]) -> dict[str, datetime]:
        """Return, by table, when the load ended that created it, if known. Failed loads do not count."""
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
        created: dict[str, datetime] = {}
        for hash_, moment in earliest.items():
            if missing := [name for name in tables if name not in created]:
                stored = self._client.get_stored_schema_by_hash(hash_)
                stored_tables = orjson.loads(stored.schema)["tables"] if stored else {}
                created.update({name: moment for name in missing if name in stored_tables})
        return created

    def qualified_name(self, table: str) -> str:
        """Return the table's name with database and dataset, unquoted, as Dagster shows it."""
        assert self._client is not None
        path = self._client.sql_client.make_qualified_table_name_path(table, quote=False)
        database = self._destination and self._destination.database
        return ".".join([database, *path] if database else path)

    def _count_and_first(self, query: str, order: str, limit: int) -> tuple[int, Rows]:
        count = int(self._query(f"SELECT count(*) FROM ({query}) AS found")[0][0])  # noqa: S608
        return count, self._query(f"{query} ORDER BY {order} LIMIT {limit}") if count else []

    def _stream(self, sql: str, *values: datetime) -> Iterator[dict[str, Any]]:
        assert self._client is not None
        client = self._client.sql_client
        if self._destination and self._destination.capabilities.parses_json:
            _json_as_text(client.native_connection)
        with ExitStack() as stack:
            cursor = self._retry_with_memory(lambda: stack.enter_context(client.execute_query(sql, *values)))
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
        return self._retry_with_memory(lambda: client.execute_sql(sql)) or []

    def _retry_with_memory(self, execute: Callable[[], T]) -> T:
        """Execute SQL, and again with more memory if DuckDB runs out: it holds some 2,000 rows at once."""
        while True:
            try:
                return execute()
            except DatabaseException as failure:
                if (
                    self._destination is None
                    or self._destination.file is None
                    or not raise_memory_limit(self._destination.file, failure, self._destination.name)
                ):
                    raise

    def _declared(self, column: str) -> str:
        """Return a column's declared name; some destinations return names in upper case."""
        assert self._client is not None
        return column.lower() if self._client.capabilities.casefold_identifier is str.upper else column

    def _name(self, table: str) -> str:
        assert self._client is not None
        return self._client.sql_client.make_qualified_table_name(table)

    def _column(self, column: str) -> str:
        assert self._client is not None
        return self._client.sql_client.escape_column_name(column)


def _literal(value: Any) -> str:
    """Return a value in SQL: a text, which DuckDB takes 0.3 ms for as a parameter, as a literal."""
    return "NULL" if value is None else quoted(value) if isinstance(value, str) else PARAMETER


def _json_as_text(connection: Any) -> None:
    """Make psycopg2 return JSON as text: parsed, numbers become floats, and a JSON string could look like JSON."""
    extensions = import_module("psycopg2.extensions")
    as_text = extensions.new_type(_JSON_OF_POSTGRES, "JSON_AS_TEXT", lambda text, _: text)
    extensions.register_type(as_text, connection)


NO_TABLES = DatasetInspector(None)
"""A dataset without a table."""


@contextmanager
def inspect_dataset(destination: Destination) -> Iterator[DatasetInspector]:
    """Open the dataset for reading. A DuckDB file that does not exist is not created.

    Raises:
        LoadError: The destination cannot be read.
    """
    if destination.file is not None and not destination.file.exists():
        yield NO_TABLES
        return
    install_log_filter()
    # without the pipeline, because reading needs no working directory; locked, because DuckDB would refuse a load in
    # the meantime
    try:
        with (
            local_lock(destination),
            client_of(destination) as client,
            # dlt reads files through a DuckDB connection of its own
            nullcontext() if isinstance(client, SqlJobClientBase) else client.sql_client,
        ):
            yield DatasetInspector(client, destination)
    except failures_of(destination.capabilities.driver) as failure:
        raise LoadError(
            format_load_error(failure, "read", destination), retryable=is_retryable(failure, "read", destination)
        ) from failure
