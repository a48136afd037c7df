"""Whether a key comes twice among rows that are not all in memory."""

import threading
from array import array
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name

PARTS = 16
"""How often the keys are gone through: to count half a million at once takes 90 MB."""

ROWS_AT_ONCE = 1_000
"""Rows that are held in memory while those are looked for whose keys come twice."""


class KeySet:
    """The keys of an endpoint's rows, from several threads: 8 bytes of each.

    Args:
        endpoint: Says what the key is.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._columns = [column_name(field) for field in endpoint.primary_key]
        self._hashes = array("q")
        self._same_page = 0
        self._lock = threading.Lock()

    def add(self, table: pa.Table) -> None:
        """Add the keys of a page's rows."""
        hashes = self._of(table)
        # seldom: no list has a row twice on a page
        same = 0 if len(set(hashes)) == len(hashes) else table.num_rows - len(set(_rows(table)))
        with self._lock:
            self._hashes.extend(hashes)
            self._same_page += same

    def all_unique(self) -> bool:
        """Return whether it is certain that no key comes twice: two with the same hash count as one."""
        distinct = (pc.count_distinct(hashes).as_py() for hashes in self._by_part())
        return bool(sum(distinct) == len(self._hashes))

    def repeated(self, files: Iterable[Path]) -> int:
        """Return how many rows came again on another page with the same values: new rows pushed them there.

        Args:
            files: The Parquet files that hold all the rows.
        """
        twice: set[int] = set()
        for hashes in self._by_part():
            counts = pc.value_counts(hashes)
            twice.update(counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist())
        if not twice:
            return 0
        found = 0
        distinct: set[int] = set()
        for path in files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(ROWS_AT_ONCE):
                    table = pa.Table.from_batches([batch])
                    rows = table.filter(pa.array([key in twice for key in self._of(table)], pa.bool_()))
                    found += rows.num_rows
                    distinct.update(map(hash, _rows(rows)))
        return found - len(distinct) - self._same_page

    def _of(self, table: pa.Table) -> list[int]:
        columns = [table.column(name).to_pylist() for name in self._columns]
        return list(map(hash, zip(*columns, strict=True)))

    def _by_part(self) -> Iterable[pa.Array]:
        values = pa.Array.from_buffers(pa.int64(), len(self._hashes), [None, pa.py_buffer(self._hashes)])
        of_part = pc.bit_wise_and(values, PARTS - 1)
        return (values.filter(pc.equal(of_part, part)) for part in range(PARTS))


def _rows(table: pa.Table) -> list[str]:
    """Return a text for each row. Nulls are left out: not every page has all undeclared columns."""
    rows = table.to_pylist()
    return [repr(sorted((name, repr(value)) for name, value in row.items() if value is not None)) for row in rows]
