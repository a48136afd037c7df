"""The history of a table: every version of every row, by dlt's merge strategy `scd2`."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.schema.typing import TColumnSchema, TScd2StrategyDict

from segment_dagster._compat.dlt_source import ExpandingSource
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import columns_of
from segment_dagster.extract.rows import ARROW_TYPES
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.undeclared import MAX_COLUMNS, Columns, choose_columns, with_columns
from segment_dagster.extract.versions import (
    OF_HISTORY,
    ROW_VERSION,
    VALID_FROM,
    VALID_TO,
    counted_values,
    history_column,
    history_table,
    row_version,
)

SCD2: TScd2StrategyDict = {
    "disposition": "merge",
    "strategy": "scd2",
    "validity_column_names": [VALID_FROM, VALID_TO],
    "row_version_column_name": ROW_VERSION,
}
"""A row whose version is not among those delivered is retired, a version that is new is added. The moment of both is
that at which dlt made the load package: one for all tables of a load."""

VERSION_COLUMN: TColumnSchema = {"name": ROW_VERSION, "data_type": "text", "nullable": False}
"""The version, whose type dlt 1.31 forgets where it is only declared: `scd2` puts hints of its own there."""


def history_columns(endpoint: Endpoint) -> dict[str, TColumnSchema]:
    """Return the declared columns of an endpoint's history, as dlt writes them; dlt adds those of the validity."""
    return {ROW_VERSION: VERSION_COLUMN, **columns_of(endpoint)}


def versions_of(
    endpoint: Endpoint, parts: Sequence[SpooledFile], existing: Collection[str] = (), limit: int = MAX_COLUMNS
) -> Iterator[SpooledFile]:
    """Write the delivered rows with the version of each: a file beside each of the parts.

    A row that came twice is one version: of two that are alike none would ever be retired. Memory stays within one row
    group and 100 bytes a row.

    Args:
        endpoint: The endpoint.
        parts: The rows as they were delivered.
        existing: The columns that undeclared fields have in the history already.
        limit: How many columns undeclared fields may have.
    """
    seen: set[bytes] = set()
    names = {history_column(name): name for name in OF_HISTORY}
    columns = choose_columns(endpoint, parts, [names.get(name, name) for name in existing], limit)
    for part in parts:
        path = part.path.with_name(f"versions_{part.path.name}")
        unfinished = path.with_suffix(".unfinished")
        rows, landed = _write(endpoint, part, unfinished, seen, columns)
        # a new file: dlt may hold the one of an earlier run of the source
        unfinished.replace(path)
        yield SpooledFile(path, rows, landed)


def _write(
    endpoint: Endpoint, part: SpooledFile, path: Path, seen: set[bytes], columns: Columns
) -> tuple[int, tuple[str, ...]]:
    """Write the versions of a part that have not been seen.

    Returns:
        How many there are, and the columns that they have of the rows.
    """
    values = counted_values(endpoint)
    written = 0
    with pq.ParquetFile(part.path) as delivered:
        landed = with_columns(delivered.schema_arrow.empty_table(), columns).schema
        names = [history_column(name) for name in landed.names]
        kept = [field.with_name(name) for field, name in zip(landed, names, strict=True)]
        # empty until the merge, but there, and in dlt's order: it would write the file anew otherwise
        validity = [pa.field(name, ARROW_TYPES["timestamp"]) for name in (VALID_FROM, VALID_TO)]
        schema = pa.schema([pa.field(ROW_VERSION, pa.string(), False), *kept, *validity])
        path.touch(mode=0o600)
        with pq.ParquetWriter(path, schema) as file:
            for group in range(delivered.num_row_groups):
                found = delivered.read_row_group(group)
                versions = [row_version(values(row)) for row in found.to_pylist()]
                rows = with_columns(found, columns)
                new = [_is_new(bytes.fromhex(version), seen) for version in versions]
                nothing = pa.nulls(rows.num_rows, ARROW_TYPES["timestamp"])
                table = pa.table([pa.array(versions, pa.string()), *rows.columns, nothing, nothing], schema=schema)
                file.write_table(table if all(new) else table.filter(pa.array(new, pa.bool_())))
                written += sum(new)
    return written, tuple(names)


def _is_new(version: bytes, seen: set[bytes]) -> bool:
    repeated = version in seen
    seen.add(version)
    return not repeated


class SourceWithHistory(ExpandingSource):
    """A source in which a table and its history go together, as they are to be loaded in one package."""

    @staticmethod
    def expand(name: str) -> str:
        """Return the name of a table's history."""
        return history_table(name)
