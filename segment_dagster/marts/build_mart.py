"""Work out the rows of a mart from the loaded tables, and load them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segment_dagster.assets.keys import asset_key
from segment_dagster.assets.translator import KeyOf
from segment_dagster.config import HealthSettings
from segment_dagster.endpoints import TABLES
from segment_dagster.endpoints.model import DataType
from segment_dagster.errors import SegmentError
from segment_dagster.extract.json_text import dumps
from segment_dagster.load import DatasetInspector, Destination, inspect_dataset
from segment_dagster.marts.load_rows import LoadedRows, row_spool
from segment_dagster.marts.mart import Mart, Row
from segment_dagster.marts.parameters import parameters
from segment_dagster.marts.sql import Columns, compile_sql, null_columns, quoted_name


class MissingTableError(SegmentError):
    """A table that a mart or its check needs is not in the dataset.

    Args:
        name: The mart or its check.
        table: The table.
        destination: The dataset.
        key_of: Returns the key of a table's asset.
    """

    def __init__(self, name: str, table: str, destination: Destination, key_of: KeyOf = asset_key) -> None:
        remedy = f"Materialize {key_of(table).to_user_string()} first."
        if destination.capabilities.merge is None and table in _SERIES:
            remedy = "Plain files hold no time series: set SEGMENT_TABLE_FORMAT to delta or iceberg."
        super().__init__(f"{name}: the dataset {destination.dataset} has no table {table}. {remedy}")


_SERIES = {endpoint.name for endpoint in TABLES if endpoint.partitioned}


@dataclass(frozen=True)
class BuiltMart:
    """A mart that was built."""

    loaded: LoadedRows
    missing: tuple[str, ...]
    """Optional tables that are not in the dataset."""


def build_mart(
    mart: Mart, destination: Destination, now: datetime, settings: HealthSettings, key_of: KeyOf = asset_key
) -> BuiltMart:
    """Work out a mart in the destination and load it into the same dataset.

    Args:
        mart: The mart.
        destination: The dataset.
        now: The current time.
        settings: Thresholds and plan.
        key_of: Returns the key of a table's asset.

    Raises:
        LoadError: The tables could not be read, or the mart could not be loaded.
        MissingTableError: A table that the mart needs is missing.
        SettingError: The destination's SQL is none that the marts are translated to.
    """
    with row_spool(destination, mart.name, mart.columns, mart.key) as spool:
        with inspect_dataset(destination) as tables:
            tables.prefetch(mart.tables)
            for table in mart.required:
                if not tables.columns(table):
                    raise MissingTableError(mart.name, table, destination, key_of)
            spool.write(mart_rows(mart, tables, now, settings))
            missing = tuple(table for table in mart.optional if not tables.columns(table))
        return BuiltMart(spool.load(now), missing)


def mart_rows(mart: Mart, tables: DatasetInspector, now: datetime, settings: HealthSettings) -> Iterator[Row]:
    """Return an iterator over the rows of a mart, with values of the declared types.

    Args:
        mart: The mart.
        tables: The dataset, with the tables that the mart needs.
        now: The current time.
        settings: Thresholds and plan.
    """
    sql = compile_sql(
        mart.sql,
        select_from(tables),
        tables.dialect,
        parameters(now, settings),
        lambda table: bool(tables.columns(table)),
    )
    rows: Iterator[Row] = tables.query(sql)
    if mart.finish:
        rows = mart.finish(rows, now, settings)
    return typed_rows(mart, rows)


def typed_rows(mart: Mart, rows: Iterator[Row]) -> Iterator[Row]:
    """Return an iterator over rows with values of the declared types: drivers return what they like.

    Args:
        mart: The mart.
        rows: Its rows.
    """
    convert = [(column.field, _CONVERT.get(column.type)) for column in mart.columns]
    for row in rows:
        yield {
            name: value if (value := row[name]) is None or to_type is None else to_type(value)
            for name, to_type in convert
        }


def select_from(tables: DatasetInspector) -> Callable[[str, Columns], str]:
    """Return what selects columns of the loaded tables, with nulls for those that are not there."""

    def select(table: str, columns: Columns) -> str:
        there, dialect = tables.columns(table), tables.dialect
        if not there:
            nothing = ", ".join(null_columns(columns, dialect))
            return f"SELECT {nothing} FROM (SELECT 1 AS one) AS nothing WHERE 1 = 0"  # noqa: S608 - names of columns
        selected = tables.select_as(table, {name: quoted_name(name, dialect) for name in columns if name in there})
        missing = null_columns({name: kind for name, kind in columns.items() if name not in there}, dialect)
        # nulls in front, as the SELECT ends with its table
        return selected.replace("SELECT ", f"SELECT {', '.join(missing)}, ", 1) if missing else selected

    return select


_CONVERT: Mapping[DataType, Callable[[Any], Any]] = {
    # sums are decimals in some destinations
    "bigint": int,
    "double": float,
    "bool": bool,
    "json": lambda value: value if isinstance(value, str) else dumps(value).decode(),
}
