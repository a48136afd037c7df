"""What a table's rows come to: the same 32 characters for the same rows, in whatever order and pages they come."""

import hashlib
import threading

import pyarrow as pa
import pyarrow.compute as pc

from segment_dagster.extract.times import Window

ROWS_AT_ONCE = 1_000
"""Rows whose texts are held in memory."""

_SEPARATOR = ";"
_NULL = "-"


class Fingerprint:
    """Takes the rows of one table from several threads: some 400,000 a second.

    Every value counts, and the names and types of the declared columns. A column beyond them counts where it is not
    null: one that the API adds and leaves empty changes nothing.

    Args:
        schema: The declared columns. All rows have them first, in this order.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._lock = threading.Lock()
        self._rows = 0
        # a sum does not know an order, and unlike XOR it does know how often a row came
        self._sum = 0

    def add(self, table: pa.Table) -> None:
        """Add rows."""
        found = 0
        for batch in table.combine_chunks().to_batches(max_chunksize=ROWS_AT_ONCE):
            found += sum([int.from_bytes(hashlib.sha256(text).digest(), "big") for text in self._texts(batch)])
        with self._lock:
            self._rows += table.num_rows
            self._sum += found

    def hexdigest(self, about: str = "") -> str:
        """Return the fingerprint of the rows so far.

        Args:
            about: What it is to stand for besides them, such as the time that they are of.
        """
        columns = [f"{field.name} {field.type}" for field in self._schema]
        content = "\n".join([*columns, about, str(self._rows), str(self._sum)])
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    def _texts(self, batch: pa.RecordBatch) -> list[bytes]:
        """Return a text for each row that only equal rows have: the lengths of its values, then the values."""
        values = [_text(column) for column in batch.columns]
        lengths = [pc.cast(pc.binary_length(value), pa.string()) for value in values]
        declared = len(self._schema)
        row = pc.binary_join_element_wise(
            *lengths[:declared], *values[:declared], _SEPARATOR, null_handling="replace", null_replacement=_NULL
        )
        # null where the value is, and then left out
        beyond = [
            pc.binary_join_element_wise(name, length, value, _SEPARATOR)
            for name, length, value in zip(
                batch.schema.names[declared:], lengths[declared:], values[declared:], strict=True
            )
        ]
        if beyond:
            row = pc.binary_join_element_wise(row, *beyond, _SEPARATOR, null_handling="skip")
        texts: list[bytes] = pc.cast(row, pa.binary()).to_pylist()
        return texts


def as_text(window: Window | None) -> str:
    """Return a window as text, for a fingerprint."""
    return f"{window.start.isoformat()}/{window.end.isoformat() if window.end else ''}" if window else ""


def _text(column: pa.Array) -> pa.Array:
    kind = column.type
    # as the numbers they are: written out as dates they take ten times as long
    if pa.types.is_timestamp(kind) or pa.types.is_float64(kind):
        column = column.view(pa.int64())
    elif pa.types.is_date32(kind):
        column = column.view(pa.int32())
    return column if pa.types.is_string(kind) else pc.cast(column, pa.string())
