"""Rows as lines of JSON, for destinations that take JSON columns in no other form."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from segment_dagster.extract.spool import SpooledFile


@dataclass(frozen=True)
class JsonLines:
    """How dlt takes files of lines of JSON."""

    compressed: bool = True
    """Whether with gzip, as dlt's setting `normalize.data_writer.disable_compression` says."""


def jsonl_items(part: SpooledFile, nested: Iterable[str], *, compressed: bool) -> Path:
    """Write the rows of a part as lines of JSON, beside it. Memory stays within one row group.

    Args:
        part: The rows.
        nested: The columns that hold JSON as text: it becomes part of the line. dlt would make one text of it, which
            a column of JSON takes for a text.
        compressed: Whether to write it with gzip.

    Returns:
        The file. Times are in ISO 8601, in UTC.
    """
    columns = frozenset(nested)
    path = part.path.with_suffix(".jsonl.gz" if compressed else ".jsonl")
    unfinished = path.with_suffix(".unfinished")
    # compressed also where no row came: dlt 1.31 takes an empty file for a compressed one, which it would not be
    unfinished.touch(mode=0o600)
    with pq.ParquetFile(part.path) as rows, (gzip.open if compressed else open)(unfinished, "wb") as file:
        for group in range(rows.num_row_groups):
            for row in rows.read_row_group(group).to_pylist():
                values = {name: _plain(value, name in columns) for name, value in row.items()}
                file.write(orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))
    # a new file: dlt may hold the one of an earlier run of the source
    unfinished.replace(path)
    return path


def _plain(value: Any, nested: bool) -> Any:
    return orjson.Fragment(value) if nested and value is not None else value
