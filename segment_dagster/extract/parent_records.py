"""The records of a parent by what they give to the requests, each with a fingerprint: it tells what has changed."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import pyarrow.parquet as pq

from segment_dagster.endpoints import Parent
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import parent_columns
from segment_dagster.extract.parents import params_from_rows
from segment_dagster.extract.result import Extract, ParentKey
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.versions import counted_values, row_version

ROWS_AT_ONCE = 1_000
"""Rows of the parent that are held in memory."""


def fingerprints(extract: Extract, parent: Parent) -> dict[ParentKey, str]:
    """Return a fingerprint for each key, in the order of the records.

    What changes by itself, such as the size of an audience, does not count.

    Args:
        extract: The records of the parent.
        parent: Says which of them count, and what they give to the requests. Those that lack a value give no list.
    """
    values = counted_values(extract.endpoint)
    versions: dict[ParentKey, list[str]] = {}
    for row in _rows(extract.parts):
        for params in params_from_rows([row], parent, column_name):
            if None not in params.values():
                versions.setdefault(tuple(map(str, params.values())), []).append(row_version(values(row)))
    # records with the same values share a list
    return {
        key: each[0] if len(each) == 1 else blake2b("".join(sorted(each)).encode(), digest_size=16).hexdigest()
        for key, each in versions.items()
    }


def without_rows(extract: Extract) -> list[ParentKey]:
    """Return the parents of a slice that have no rows."""
    columns = parent_columns(extract.endpoint)
    found = {
        tuple(row[column] for column in columns)
        for part in extract.parts
        for row in pq.read_table(part.path, columns=columns).to_pylist()
    }
    return [key for key in extract.parents or () if key not in found]


def _rows(parts: Sequence[SpooledFile]) -> Iterator[dict[str, Any]]:
    for part in parts:
        with pq.ParquetFile(part.path) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE):
                yield from batch.to_pylist()
