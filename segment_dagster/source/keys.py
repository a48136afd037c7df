"""Whether a key comes twice among rows that are not all in memory."""

import threading
from array import array

import pyarrow as pa
import pyarrow.compute as pc

from segment_dagster.endpoints import Endpoint
from segment_dagster.source.columns import column_name

PARTS = 16
"""How often the keys are gone through: to count half a million at once takes 90 MB."""


class Keys:
    """The keys of an endpoint's rows, from several threads: 8 bytes of each.

    Args:
        endpoint: Says what the key is.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._columns = [column_name(field) for field in endpoint.primary_key]
        self._hashes = array("q")
        self._lock = threading.Lock()

    def add(self, table: pa.Table) -> None:
        """Add the keys of some rows."""
        columns = [table.column(name).to_pylist() for name in self._columns]
        with self._lock:
            self._hashes.extend(map(hash, zip(*columns, strict=True)))

    def differ(self) -> bool:
        """Whether it is sure that none comes twice: two that are alike in their hashes are taken for one."""
        values = pa.Array.from_buffers(pa.int64(), len(self._hashes), [None, pa.py_buffer(self._hashes)])
        of_part = pc.bit_wise_and(values, PARTS - 1)
        distinct = (pc.count_distinct(values.filter(pc.equal(of_part, part))).as_py() for part in range(PARTS))
        return bool(sum(distinct) == len(self._hashes))
