"""Fields that the catalogue does not declare: columns of their own, up to a limit, and one column for the rest.

A page's rows hold them as one JSON object each, in the column `undeclared_fields`. What becomes a column is settled
when all pages have come and the table's columns are known: those that the table has stay, and further fields follow in
the order of their names until there are as many as the setting allows. What is left stays in `undeclared_fields`.
"""

import hashlib
import re
from bisect import insort
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.schema.typing import TColumnSchema

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.json_text import dumps, loads
from segment_dagster.extract.spool import SpooledFile

UNDECLARED = "undeclared_fields"
"""The column that holds undeclared fields as one JSON object."""

MAX_COLUMNS: int = ApiSettings.model_fields["max_undeclared_columns"].default
"""Columns that undeclared fields may make in one table, where no setting says otherwise."""

MAX_BYTES = 63
"""Bytes of a column's name in PostgreSQL, the least of all destinations: dlt would shorten a longer one."""

SYSTEM_COLUMNS = frozenset(
    (
        # PostgreSQL and Redshift
        *("tableoid", "oid", "xmin", "xmax", "cmin", "cmax", "ctid", "insertxid", "deletexid"),
        # DuckDB and DuckLake
        *("rowid", "row_id", "begin_snapshot", "end_snapshot"),
        # Snowflake, which has no columns of these names
        *("current_date", "current_time", "current_timestamp", "current_user", "localtime", "localtimestamp"),
    )
)
"""Names that destinations keep for columns or functions of their own. Those that begin with an underscore are none of
any undeclared field."""

_CAMEL_CASE = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]+)*[A-Z]?")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_HASHED = re.compile(r".*_[0-9a-f]{12}")
_PREFIX = "undeclared"


@lru_cache(maxsize=4096)
def undeclared_column(field: str, declared: frozenset[str]) -> str:
    """Name the column of an undeclared field.

    Two fields never have the same name, whatever else a record or a table holds: a field in camelCase, as the API
    writes its own, has the name that dlt gives it, and any other has a hash of itself in its name.

    Args:
        field: The field as the API writes it.
        declared: The columns that the endpoint declares.

    Returns:
        `ip_address` for `ipAddress`, `ip_address_3f0c…` for `ip_address`. Lower-case letters, digits and underscores,
        63 at most, a letter first.
    """
    plain = _CAPITAL.sub("_", field).lower() if _CAMEL_CASE.fullmatch(field) else None
    if plain in declared:
        plain = f"{_PREFIX}_{plain}"
    elif plain and plain.startswith(_PREFIX):
        plain = None
    if (
        plain
        and len(plain) <= MAX_BYTES
        and plain not in (*SYSTEM_COLUMNS, UNDECLARED)
        and not _HASHED.fullmatch(plain)
    ):
        return plain
    tag = hashlib.blake2b(field.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    readable = _OTHER.sub("_", _WORD.sub("_", field[:MAX_BYTES]).lower()).strip("_")
    readable = readable[: MAX_BYTES - len(tag) - 1].rstrip("_")
    return f"{readable if readable[:1].isalpha() else f'{_PREFIX}_{readable}'.rstrip('_')[:50]}_{tag}"


def declared_columns(endpoint: Endpoint) -> frozenset[str]:
    """Return the names of the columns that an endpoint declares."""
    return _declared(endpoint.columns)


@lru_cache(maxsize=256)
def _declared(columns: Sequence[Any]) -> frozenset[str]:
    return frozenset(column_name(column.field) for column in columns)


def existing_columns(columns: Mapping[str, TColumnSchema], declared: Collection[str]) -> frozenset[str]:
    """Pick from a table's columns those that undeclared fields have made.

    Args:
        columns: All that the table has, by dlt's schema.
        declared: The names of those that are declared.
    """
    return frozenset(
        name
        for name, column in columns.items()
        if column.get("data_type") == "json" and name not in declared and name != UNDECLARED
    )


@dataclass(frozen=True)
class Columns:
    """Which undeclared fields have columns of their own."""

    by_field: Mapping[str, str]
    rest: bool
    """Whether there are others."""


def choose_columns(
    endpoint: Endpoint, parts: Sequence[SpooledFile], existing: Collection[str] = (), limit: int = MAX_COLUMNS
) -> Columns:
    """Choose which undeclared fields have columns of their own.

    Args:
        endpoint: Says which columns are declared.
        parts: The rows.
        existing: The columns that undeclared fields have in the table already. They stay.
        limit: How many there may be, those included.
    """
    declared = declared_columns(endpoint)
    room = max(0, limit - len(existing))
    by_column: dict[str, str] = {}
    new: list[str] = []
    rest = False
    for part in parts:
        if UNDECLARED not in part.columns:
            continue
        with pq.ParquetFile(part.path) as rows:
            for group in range(rows.num_row_groups):
                for text in rows.read_row_group(group, columns=[UNDECLARED]).column(0).to_pylist():
                    for field in loads(text) if text else ():
                        column = undeclared_column(field, declared)
                        if by_column.get(column) == field:
                            continue
                        if column in by_column:
                            # of two whose hashes are the same, one stays apart
                            rest = True
                        elif column in existing:
                            by_column[column] = field
                        elif room and (len(new) < room or field < new[-1]):
                            insort(new, field)
                            by_column[column] = field
                            if len(new) > room:
                                del by_column[undeclared_column(new.pop(), declared)]
                                rest = True
                        else:
                            rest = True
    return Columns({field: column for column, field in sorted(by_column.items())}, rest)


def with_columns(table: pa.Table, columns: Columns) -> pa.Table:
    """Give the chosen fields columns of their own.

    Args:
        table: Rows of which the column `undeclared_fields` holds all undeclared fields.
        columns: The chosen ones.

    Returns:
        The rows with a column of JSON for each chosen field, and `undeclared_fields` where there are others.
    """
    if UNDECLARED not in table.column_names:
        return table
    found: dict[str, list[bytes | None]] = {column: [None] * table.num_rows for column in columns.by_field.values()}
    rest: list[bytes | None] = [None] * table.num_rows
    for row, text in enumerate(table.column(UNDECLARED).to_pylist()):
        others = {}
        for field, value in (loads(text) if text else {}).items():
            if column := columns.by_field.get(field):
                found[column][row] = dumps(value)
            else:
                others[field] = value
        if others:
            rest[row] = dumps(others)
    table = table.drop_columns([UNDECLARED])
    for column, values in found.items():
        table = table.append_column(column, pa.array(values, pa.string()))
    return table.append_column(UNDECLARED, pa.array(rest, pa.string())) if columns.rest else table


def parts_with_columns(
    endpoint: Endpoint, parts: Sequence[SpooledFile], existing: Collection[str] = (), limit: int = MAX_COLUMNS
) -> Iterator[SpooledFile]:
    """Write the rows anew, beside those delivered, with columns for the chosen fields. Memory stays within a row group.

    Args:
        endpoint: Says which columns are declared.
        parts: The rows as they were delivered.
        existing: The columns that undeclared fields have in the table already.
        limit: How many columns undeclared fields may have.

    Yields:
        The parts that hold undeclared fields as new ones, the others as they are.
    """
    columns = choose_columns(endpoint, parts, existing, limit)
    for part in parts:
        yield _write(part, columns) if UNDECLARED in part.columns else part


def _write(part: SpooledFile, columns: Columns) -> SpooledFile:
    path = part.path.with_name(f"columns_{part.path.name}")
    unfinished = path.with_suffix(".unfinished")
    with pq.ParquetFile(part.path) as rows:
        schema = with_columns(rows.schema_arrow.empty_table(), columns).schema
        unfinished.touch(mode=0o600)
        with pq.ParquetWriter(unfinished, schema) as file:
            for group in range(rows.num_row_groups):
                file.write_table(with_columns(rows.read_row_group(group), columns))
    # a new file: dlt may hold the one of an earlier run of the source
    unfinished.replace(path)
    return SpooledFile(path, part.rows, tuple(schema.names), part.bytes, part.largest)
