"""The history of a table: every version of every row, by dlt's merge strategy `scd2`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.schema.typing import TColumnSchema, TScd2StrategyDict
from dlt.extract import DltSource

from segment_dagster.endpoints import Endpoint
from segment_dagster.source.columns import columns_of
from segment_dagster.source.rows import ARROW_TYPES
from segment_dagster.source.spool import Part
from segment_dagster.source.versions import (
    OF_HISTORY,
    ROW_VERSION,
    VALID_FROM,
    VALID_TO,
    counted_values,
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

VERSION_COLUMN = pa.schema([pa.field(ROW_VERSION, pa.string(), False)])
"""The type of the version, which dlt 1.31 forgets where it is only declared: `scd2` puts hints of its own there."""


def history_columns(endpoint: Endpoint) -> dict[str, TColumnSchema]:
    """The declared columns of an endpoint's history, as dlt writes them; dlt adds those of the validity itself."""
    return {ROW_VERSION: {"name": ROW_VERSION, "data_type": "text", "nullable": False}, **columns_of(endpoint)}


def versions_of(endpoint: Endpoint, parts: Sequence[Part]) -> Iterator[Part]:
    """What was delivered, with the version of each row: a file beside each of the parts.

    Memory stays within one row group. A file that is there already is not made again.
    """
    for part in parts:
        path = part.path.with_name(f"versions_{part.path.name}")
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            _write(endpoint, part, unfinished)
            unfinished.rename(path)
        yield Part(path, part.rows, tuple(_renamed(part.columns)))


def _write(endpoint: Endpoint, part: Part, path: Path) -> None:
    values = counted_values(endpoint)
    with pq.ParquetFile(part.path) as delivered:
        names = _renamed(delivered.schema_arrow.names)
        kept = [field.with_name(name) for field, name in zip(delivered.schema_arrow, names, strict=True)]
        # empty until the merge, but there, and in dlt's order: it would write the file anew otherwise
        validity = [pa.field(name, ARROW_TYPES["timestamp"]) for name in (VALID_FROM, VALID_TO)]
        schema = pa.schema([*VERSION_COLUMN, *kept, *validity])
        with pq.ParquetWriter(path, schema) as file:
            for group in range(delivered.num_row_groups):
                rows = delivered.read_row_group(group).rename_columns(names)
                versions = pa.array([row_version(values(row)) for row in rows.to_pylist()], pa.string())
                nothing = pa.nulls(rows.num_rows, ARROW_TYPES["timestamp"])
                file.write_table(pa.table([versions, *rows.columns, nothing, nothing], schema=schema))


def _renamed(columns: Sequence[str]) -> list[str]:
    """Columns by the names they have in the history: one that is not declared gives way to the history's own."""
    return [f"undeclared_{name}" if name in OF_HISTORY else name for name in columns]


class SourceWithHistory(DltSource):
    """A source in which a table and its history go together, as they are to be loaded in one package."""

    def with_resources(self, *resource_names: str) -> DltSource:
        """The source with the resources of these names selected, and their histories."""
        histories = [name for name in map(history_table, resource_names) if name in self.resources]
        return super().with_resources(*resource_names, *histories)

    def clone(self, with_name: str | None = None) -> "SourceWithHistory":
        """A copy that still knows what goes together."""
        schema = self.schema.clone(with_name=with_name) if with_name else self.schema.clone()
        return SourceWithHistory(schema, self.section, list(self.resources.values()))
