"""Markdown previews of a few rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from segment_dagster.config import Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.json_text import dumps
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.times import Window
from segment_dagster.redaction.masks import mask, mask_people

PREVIEW = "segment/preview"
MAX_CELL = 60
"""Most characters of a cell; JSON columns can be long."""


def preview(rows: Sequence[Mapping[str, Any]], fields: Sequence[str], personal: Collection[str] | None = None) -> str:
    """Return a Markdown table.

    Args:
        rows: Records without secrets.
        fields: Columns to show, in order.
        personal: Columns to mask; in the others, e-mail and IP addresses are masked. `None` masks nothing.
    """
    if personal is not None:
        rows = [
            {field: mask(row.get(field)) if field in personal else mask_people(row.get(field)) for field in fields}
            for row in rows
        ]
    if not rows:
        return "*No rows.*"
    lines = [_line(fields), _line(["---"] * len(fields))]
    lines += [_line([_cell(row.get(field)) for field in fields]) for row in rows]
    return "\n".join(lines)


def first_rows(
    parts: Iterable[SpooledFile], endpoint: Endpoint, windows: Mapping[str, Window], most: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the first rows of each partition.

    Args:
        parts: Files with the extracted rows.
        endpoint: The endpoint, with the time column that assigns a row to a partition.
        windows: Time ranges of the partitions by key.
        most: Most rows per partition.

    Returns:
        Rows per partition key, with the API's field names.
    """
    assert endpoint.time is not None
    column = column_name(endpoint.time.column)
    fields = {column_name(each.field): each.field for each in endpoint.columns}
    rows: dict[str, list[dict[str, Any]]] = {key: [] for key in windows}
    for part in parts:
        for batch in pq.ParquetFile(part.path).iter_batches(columns=list(fields)):
            if not (wanting := [key for key in windows if len(rows[key]) < most]):
                return rows
            for key in wanting:
                inside = _within(batch.column(column), windows[key])
                some = batch.filter(inside).slice(0, most - len(rows[key]))
                rows[key] += [{fields[name]: _shown(value) for name, value in row.items()} for row in some.to_pylist()]
    return rows


def _within(moments: pa.Array, window: Window) -> pa.Array:
    assert window.end is not None
    dates = pa.types.is_date(moments.type)
    start, end = (pa.scalar(moment.date() if dates else moment, moments.type) for moment in (window.start, window.end))
    return pc.and_(pc.greater_equal(moments, start), pc.less(moments, end))


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def shown_rows(
    rows: Sequence[Mapping[str, Any]], fields: Sequence[str], personal: Collection[str], shown: Preview
) -> dg.MetadataValue[Any] | None:
    """Return the preview in a mode; `None` if that is `off`."""
    if shown is Preview.OFF:
        return None
    return dg.MetadataValue.md(preview(rows, fields, personal if shown is Preview.MASKED else None))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else dumps(value).decode()
    text = " ".join(text.split())
    if len(text) > MAX_CELL:
        text = f"{text[: MAX_CELL - 1]}…"
    # Markdown would read these as the end of the cell, code or markup
    for mark in "\\`*_<>[]|":
        text = text.replace(mark, f"\\{mark}")
    return text
