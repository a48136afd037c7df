"""One endpoint's pages become rows on disk: redaction, types, window, file."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Column, Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.extract.characters import Replaced, clean
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.errors import NestingError
from segment_dagster.extract.fingerprint import Fingerprint, as_text
from segment_dagster.extract.json_text import loads
from segment_dagster.extract.keys import KeySet
from segment_dagster.extract.records import records_of_rows
from segment_dagster.extract.rows import rows_of, schema_of
from segment_dagster.extract.spool import Spool, SpooledFile
from segment_dagster.extract.times import StreamSlice, Window
from segment_dagster.extract.undeclared import UNDECLARED
from segment_dagster.redaction import redactor

PREVIEW_ROWS = 5


class PageWriter:
    """Writes the pages of one endpoint. Threads may share one.

    Args:
        endpoint: Declares the columns.
        directory: Where the files go; it must not exist yet.
        settings: Say whether secrets are kept.
        count_rows: Is told the name of the endpoint and the number of rows of each page that was written.
    """

    def __init__(
        self, endpoint: Endpoint, directory: Path, settings: ApiSettings, count_rows: Callable[[str, int], None]
    ) -> None:
        self.endpoint = endpoint
        self.preview: list[dict[str, Any]] = []
        """The first few rows, without secrets whatever the settings say."""

        self.rows = 0
        self.records = 0
        """The API's records."""

        self.failure: SegmentError | None = None
        """Why this endpoint failed, where others that share the response go on."""

        self.keys = KeySet(endpoint) if endpoint.incremental else None
        """The keys of the rows, where rows are merged by them."""

        self.replaced = Replaced()
        """The characters that not every destination takes."""

        self._fingerprint = None if endpoint.partitioned else Fingerprint(schema_of(endpoint))
        self._spool = Spool(directory, schema_of(endpoint), self._fingerprint)
        self._redact = redactor(endpoint, settings)
        self._redact_preview = redactor(endpoint, settings.model_copy(update={"include_secrets": False}))
        self._max_undeclared_columns = settings.max_undeclared_columns
        self._count_rows = count_rows
        self._lock = threading.Lock()

    def process_page(self, page: Sequence[dict[str, Any]], stream_slice: StreamSlice) -> None:
        """Turn a page of the API's records into rows on disk.

        Args:
            page: The records, as the API gave them.
            stream_slice: The list that the page is of.

        Raises:
            RecordError: A record is not as the catalogue declares it.
            OSError: The rows cannot be written.
        """
        records = records_of_rows(self.endpoint, page, stream_slice.params)
        try:
            redacted = [self._redact(record) for record in records]
            # Dagster keeps the preview: it has to be text that can be written, too
            preview = [clean(self._redact_preview(record), Replaced()) for record in records[:PREVIEW_ROWS]]
        except RecursionError as error:
            raise NestingError(self.endpoint) from error
        table = rows_in_window(self.endpoint, rows_of(self.endpoint, redacted, self.replaced), stream_slice.window)
        self._spool.write(table)
        if self.keys:
            self.keys.add(table)
        with self._lock:
            self.rows += table.num_rows
            self.records += len(page)
            self.preview += preview[: PREVIEW_ROWS - len(self.preview)]
        self._count_rows(self.endpoint.name, table.num_rows)

    def add(self, parts: Iterable[SpooledFile]) -> None:
        """Add rows that are not of a page, as they are: their secrets are as the settings say already.

        Args:
            parts: Files with the declared columns, and others that hold JSON.

        Raises:
            OSError: The rows cannot be written.
        """
        for part in parts:
            with pq.ParquetFile(part.path) as file:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    self._spool.write(table)
                    with self._lock:
                        self.rows += table.num_rows
                        self.records += table.num_rows
                        missing = PREVIEW_ROWS - len(self.preview)
                        self.preview += [self._preview_of(row) for row in table.slice(0, missing).to_pylist()]

    def _preview_of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        values = {column.field: _as_sent(row[column_name(column.field)], column) for column in self.endpoint.columns}
        return self._redact_preview(values)

    def close(self) -> Sequence[SpooledFile]:
        """End writing and return the files."""
        return self._spool.close()

    def discard(self) -> None:
        """End writing and delete the files."""
        self._spool.discard()

    def fingerprint(self, window: Window | None, parts: Sequence[SpooledFile]) -> str | None:
        """Return a hash of the rows and what they are of; `None` for partitioned endpoints.

        Args:
            window: The time that was read.
            parts: The files, closed: the hash is whole once they are.
        """
        if self._fingerprint is None:
            return None
        about = as_text(window)
        if any(UNDECLARED in part.columns for part in parts):
            # the setting changes which columns the table gets
            about = f"{about} {self._max_undeclared_columns}"
        return self._fingerprint.hexdigest(about)


def _as_sent(value: Any, column: Column) -> Any:
    """Return the value of a row as the API sent it."""
    if value is not None and column.type == "json":
        return loads(value)
    return value.isoformat() if isinstance(value, date) else value


def rows_in_window(endpoint: Endpoint, table: pa.Table, window: Window | None) -> pa.Table:
    """Keep rows inside the window, and rows without a timestamp."""
    if window is None or endpoint.time is None:
        return table
    moments = table.column(column_name(endpoint.time.column))
    kept = pc.greater_equal(moments, pa.scalar(window.start, moments.type))
    if window.end is not None:
        kept = pc.and_(kept, pc.less(moments, pa.scalar(window.end, moments.type)))
    return table.filter(pc.or_kleene(kept, pc.is_null(moments)))
