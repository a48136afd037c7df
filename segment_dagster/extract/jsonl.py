"""Rows as lines of JSON, for destinations that take JSON columns in no other form."""

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dlt
import orjson
import pyarrow.parquet as pq

from segment_dagster.extract.spool import SpooledFile


def jsonl_items(part: SpooledFile, nested: Iterable[str]) -> Path:
    """Write the rows of a part as lines of JSON, beside it. Memory stays within one row group.

    Args:
        part: The rows.
        nested: The columns that hold JSON as text: it becomes part of the line. dlt would make one text of it, which
            a column of JSON takes for a text.

    Returns:
        The file, compressed unless dlt's setting says otherwise. Times are in ISO 8601, in UTC.
    """
    columns = frozenset(nested)
    plain = dlt.config.get("normalize.data_writer.disable_compression", bool)
    path = part.path.with_suffix(".jsonl" if plain else ".jsonl.gz")
    unfinished = path.with_suffix(".unfinished")
    # compressed also where no row came: dlt 1.31 takes an empty file for a compressed one, which it would not be
    unfinished.touch(mode=0o600)
    with pq.ParquetFile(part.path) as rows, (open if plain else gzip.open)(unfinished, "wb") as file:
        for group in range(rows.num_row_groups):
            for row in rows.read_row_group(group).to_pylist():
                values = {name: _plain(value, name in columns) for name, value in row.items()}
                file.write(orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))
    # a new file: dlt may hold the one of an earlier run of the source
    unfinished.replace(path)
    return path


def _plain(value: Any, nested: bool) -> Any:
    return orjson.Fragment(value) if nested and value is not None else value
