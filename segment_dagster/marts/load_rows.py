"""Load the rows of a table that is worked out from others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import dlt
import pyarrow as pa
from dlt.extract import DltResource
from dlt.extract.items import DataItemWithMeta

from segment_dagster.endpoints.model import Column
from segment_dagster.extract.columns import declared
from segment_dagster.extract.fingerprint import Fingerprint
from segment_dagster.extract.jsonl import JsonLines
from segment_dagster.extract.resources import SOURCE_NAME, file_imports
from segment_dagster.extract.rows import arrow_schema
from segment_dagster.extract.spool import Spool, SpooledFile
from segment_dagster.extract.temp_dir import TempDir
from segment_dagster.load import Destination, TableState, destination_lock, jsonl_of, load_table
from segment_dagster.marts.mart import Row

ROWS_PER_WRITE = 1_000
PREVIEW_ROWS = 5


@dataclass(frozen=True)
class LoadedRows:
    """The table that was loaded."""

    table: str
    """The table's name with database and dataset."""

    rows: int
    first: Sequence[Row]
    """The first rows."""

    fingerprint: str
    """Fingerprint of the rows."""

    unchanged: bool
    """Whether the table already held the rows and was not written."""


class RowSpool:
    """Keeps the rows of a table on disk until they are loaded. Create it with `row_spool`."""

    def __init__(
        self, destination: Destination, name: str, columns: Sequence[Column], required: Sequence[str], temp_dir: TempDir
    ) -> None:
        self._destination = destination
        self._name = name
        self._hints = declared(columns, required)
        self._schema = arrow_schema(columns, required)
        self._fingerprint = Fingerprint(self._schema)
        self._spool = Spool(temp_dir.path / name, self._schema, self._fingerprint)
        self._first: list[Row] = []

    def write(self, rows: Iterator[Row]) -> None:
        """Write rows. They have all columns."""
        while batch := list(islice(rows, ROWS_PER_WRITE)):
            self._first += batch[: PREVIEW_ROWS - len(self._first)]
            self._spool.write(pa.Table.from_pylist(batch, self._schema))

    def load(self, now: datetime) -> LoadedRows:
        """Replace the table by the rows, unless it holds them.

        Args:
            now: The current time, in UTC.

        Raises:
            LoadError: The table could not be loaded.
        """
        parts = self._spool.close()
        state = TableState(self._name, self._fingerprint.hexdigest(), sum(part.rows for part in parts))
        source = self._source(parts, jsonl_of(self._destination))
        loaded, table = load_table(source, state, self._destination, parts, now)
        return LoadedRows(table, state.rows or 0, self._first, state.fingerprint, not loaded)

    def _source(self, parts: Sequence[SpooledFile], jsonl: JsonLines | None) -> dlt.sources.DltSource:
        def rows() -> Iterator[DataItemWithMeta]:
            yield from file_imports(parts, self._hints, jsonl=jsonl)

        # the name of the endpoints' source, so that the table is in the same dlt schema
        @dlt.source(name=SOURCE_NAME, max_table_nesting=0)
        def source() -> DltResource:
            return dlt.resource(rows, name=self._name, columns=self._hints, write_disposition="replace")

        return source()


@contextmanager
def row_spool(
    destination: Destination, name: str, columns: Sequence[Column], required: Sequence[str]
) -> Iterator[RowSpool]:
    """Lock the destination, and return a spool for the rows of a table.

    The lock is held throughout: a load in between would change the tables after they were read.

    Args:
        destination: The dataset.
        name: The table.
        columns: Its columns.
        required: Columns that are never null.
    """
    with destination_lock(destination), TempDir() as temp_dir:
        yield RowSpool(destination, name, columns, required, temp_dir)
