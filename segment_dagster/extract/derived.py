"""Endpoints that are computed from the rows of another: what each day added to its counts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.completeness import wrong_total
from segment_dagster.extract.deltas import daily_deltas
from segment_dagster.extract.page_writer import PREVIEW_ROWS
from segment_dagster.extract.result import Extract
from segment_dagster.extract.rows import schema_of
from segment_dagster.extract.spool import Spool


def derive(endpoint: Endpoint, base: Extract, directory: Path) -> Extract:
    """Compute an endpoint's rows from those of another, and write them to disk.

    Args:
        endpoint: Says what is computed.
        base: The rows of the other.
        directory: Where the file goes; it must not exist yet.
    """
    assert endpoint.time is not None and endpoint.timestamp is not None
    period, moment = column_name(endpoint.time.column), column_name(endpoint.timestamp)
    key = [column_name(field) for field in endpoint.primary_key]
    rows = list(
        daily_deltas(
            chain.from_iterable(pq.read_table(part.path).to_pylist() for part in base.parts),
            series=[name for name in key if name not in (period, moment)],
            period=period,
            moment=moment,
            counts=[column_name(field) for field in endpoint.measure],
        )
    )
    spool = Spool(directory, schema_of(endpoint))
    spool.write(pa.Table.from_pylist(rows, schema=schema_of(endpoint)))
    wrong = wrong_total(base)
    name = base.endpoint.name
    return replace(
        base,
        endpoint=endpoint,
        parts=spool.close(),
        rows=len(rows),
        records=len(rows),
        total_entries=None,
        parent_incomplete=f"{name}, which it is worked out from, {wrong}" if wrong else base.parent_incomplete,
        preview=[_preview(endpoint, row) for row in rows[:PREVIEW_ROWS]],
    )


def _preview(endpoint: Endpoint, row: Mapping[str, Any]) -> dict[str, Any]:
    values = {column.field: row[column_name(column.field)] for column in endpoint.columns}
    return {field: value.isoformat() if isinstance(value, date) else value for field, value in values.items()}
