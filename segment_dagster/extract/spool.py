"""An endpoint's rows on disk, until the last page has come and they may go on to dlt."""

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segment_dagster.extract.fingerprint import Fingerprint

ROWS_PER_GROUP = 10_000
"""Rows that are held in memory before they are written: DuckDB reads a Parquet file by groups."""

BYTES_PER_GROUP = 8 * 1024 * 1024
"""Bytes of rows that are held in memory, where rows are large."""


PAGES_PER_GROUP = 500
"""Pages that are held in memory: one of a single row takes some 15 KB beyond its bytes."""


@dataclass(frozen=True)
class SpooledFile:
    """A Parquet file of rows that have the same columns."""

    path: Path
    rows: int
    columns: tuple[str, ...]
    bytes: int = 0
    """What the rows take in memory."""

    largest: int = 0
    """What the largest of its row groups takes there."""


class _Writer:
    def __init__(self, path: Path, schema: pa.Schema, fingerprint: Fingerprint | None) -> None:
        self.path = path
        self.rows = self.bytes = self.largest = 0
        self.schema = schema
        self._held: list[pa.Table] = []
        self._rows_held = 0
        self._bytes_held = 0
        # for its owner alone, wherever dlt moves it
        path.touch(mode=0o600)
        self._file = pq.ParquetWriter(path, schema)
        self._fingerprint = fingerprint

    def write(self, table: pa.Table) -> None:
        self._held.append(table)
        self.rows += table.num_rows
        self.bytes += table.nbytes
        self._rows_held += table.num_rows
        self._bytes_held += table.nbytes
        if (
            self._rows_held >= ROWS_PER_GROUP
            or self._bytes_held >= BYTES_PER_GROUP
            or len(self._held) >= PAGES_PER_GROUP
        ):
            self._flush()

    def close(self) -> SpooledFile:
        if not self.rows:
            # a file without a row group is no table to dlt
            self._held.append(self.schema.empty_table())
        self._flush()
        self._file.close()
        return SpooledFile(self.path, self.rows, tuple(self.schema.names), self.bytes, self.largest)

    def _flush(self) -> None:
        if self._held:
            self.largest = max(self.largest, self._bytes_held)
            group = pa.concat_tables(self._held).combine_chunks()
            self._file.write_table(group)
            # a group at a time: page by page it takes half as long again
            if self._fingerprint:
                self._fingerprint.add(group)
            self._held.clear()
            self._rows_held = self._bytes_held = 0


class Spool:
    """Takes the pages of one endpoint from several threads. Memory stays within one row group a part.

    Args:
        directory: A directory of its own; it need not exist yet.
        schema: The declared columns. They make the first part, which exists even where no row comes.
        fingerprint: Takes all rows, where it is given.
    """

    def __init__(self, directory: Path, schema: pa.Schema, fingerprint: Fingerprint | None = None) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        self._fingerprint = fingerprint
        self._lock = threading.Lock()
        self._writers: dict[tuple[str, ...], _Writer] = {}
        self._writer(schema)

    def write(self, table: pa.Table) -> None:
        """Add one page of rows."""
        if not table.num_rows:
            return
        with self._lock:
            self._writer(table.schema).write(table)

    def close(self) -> Sequence[SpooledFile]:
        """End writing.

        Returns:
            The parts: one for the declared columns and, where there are undeclared fields, one with those.
        """
        with self._lock:
            return [writer.close() for writer in self._writers.values()]

    def discard(self) -> None:
        """End writing and delete what was written."""
        self.close()
        shutil.rmtree(self._directory)

    def _writer(self, schema: pa.Schema) -> _Writer:
        columns = tuple(schema.names)
        if columns not in self._writers:
            path = self._directory / f"{len(self._writers)}.parquet"
            self._writers[columns] = _Writer(path, schema, self._fingerprint)
        return self._writers[columns]
