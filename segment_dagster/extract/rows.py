"""Records become typed rows: an Arrow table with the columns that the catalogue declares."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timezone
from functools import lru_cache
from math import isfinite
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from segment_dagster.endpoints import Column, DataType, Endpoint
from segment_dagster.extract.characters import NUL, NUL_ESCAPE, Replaced, clean, clean_text
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.errors import ValueTypeError
from segment_dagster.extract.json_text import TooDeepError, TooLongError, dumps
from segment_dagster.extract.undeclared import UNDECLARED

ARROW_TYPES: dict[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "json": pa.string(),
}
"""The Arrow type of each of dlt's data types; JSON travels as its text."""

Record = dict[str, Any]

_MISFITS = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_ISO_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)([T ](?P<time>\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
)

_YEARS: dict[pa.DataType, tuple[date, date]] = {
    ARROW_TYPES["date"]: (date.min, date.max),
    ARROW_TYPES["timestamp"]: (
        datetime.min.replace(tzinfo=timezone.utc),
        datetime.max.replace(tzinfo=timezone.utc),
    ),
}
"""The first and the last time of each type that Python has; destinations have no more."""


class _RangeError(ValueError):
    """A value is beyond what its type holds; the message says how, as a clause."""


def rows_of(endpoint: Endpoint, records: Sequence[Record], replaced: Replaced | None = None) -> pa.Table:
    """Type the records of one page.

    Args:
        endpoint: Declares the columns. A declared field that a record lacks is null.
        records: What the API gave, already without secrets.
        replaced: Counts the characters that no destination would take, and that others stand for now.

    Returns:
        One row a record: the declared columns in their order, and `undeclared_fields` where a record has fields beyond
        them that are not null: one JSON object.

    Raises:
        ValueTypeError: A value does not fit its column.
    """
    counts = replaced or Replaced()
    arrays = [_array(endpoint, column, records, counts) for column in endpoint.columns]
    table = pa.table(arrays, schema=schema_of(endpoint))
    beyond = _undeclared(endpoint, records)
    if any(beyond):
        table = table.append_column(UNDECLARED, _json_array(endpoint, UNDECLARED, beyond, records, counts))
    return table


@lru_cache(maxsize=256)
def schema_of(endpoint: Endpoint) -> pa.Schema:
    """Return the declared columns of an endpoint under their names in the destination."""
    return arrow_schema(endpoint.columns, endpoint.required_key)


def arrow_schema(columns: Sequence[Column], required: Sequence[str]) -> pa.Schema:
    """Columns under their names in the destination.

    Args:
        columns: The columns.
        required: Fields that are nowhere null.
    """
    return pa.schema(
        [
            # nullable as dlt declares it: it would write the file anew otherwise
            pa.field(column_name(column.field), ARROW_TYPES[column.type], column.field not in required)
            for column in columns
        ]
    )


def _undeclared(endpoint: Endpoint, records: Sequence[Record]) -> list[Record | None]:
    """Return the undeclared fields of each record that are not null; `None` where there are none."""
    declared = {column.field for column in endpoint.columns}
    return [
        {field: record[field] for field in record.keys() - declared if record[field] is not None} or None
        for record in records
    ]


def _array(endpoint: Endpoint, column: Column, records: Sequence[Record], replaced: Replaced) -> pa.Array:
    values = [record.get(column.field) for record in records]
    if column.field in endpoint.required_key:
        _refuse_null_key(endpoint, column, records, values)
    if column.type == "json":
        return _json_array(endpoint, column_name(column.field), values, records, replaced)
    try:
        return _typed(column, values, replaced)
    except _MISFITS:
        # one value spoils the whole array: find it, so that the error can name its row
        for record, value in zip(records, values, strict=True):
            try:
                _typed(column, [value], Replaced())
            except _MISFITS as error:
                misfit = f"holds {_kind(value)}, which is no {column.type}"
                problem = str(error) if isinstance(error, _RangeError) else misfit
                raise ValueTypeError(endpoint, record, column_name(column.field), problem) from None
        raise


def _typed(column: Column, values: list[Any], replaced: Replaced) -> pa.Array:
    data_type = column.type
    if data_type == "text":
        return _texts(values, replaced)
    if data_type == "timestamp":
        return _within_years(_unix_timestamps(values) if column.unix else _timestamps(values))
    if data_type == "date":
        return _within_years(pc.cast(pa.array(values, pa.string()), pa.date32()))
    if data_type == "bigint":
        # counts come as text from some endpoints
        values = [int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value for value in values]
    if data_type == "double":
        # Arrow refuses whole numbers that a double does not hold exactly
        values = [float(value) if type(value) is int else value for value in values]
        if not all(isfinite(value) for value in values if isinstance(value, float)):
            raise _RangeError("holds a number that is too large for a double")
    if data_type in ("bigint", "double"):
        # Arrow would take true for 1 and cut 1.5 to 1: as text they are refused
        values = [str(value) if _is_no_number(data_type, value) else value for value in values]
    return pa.array(values, ARROW_TYPES[data_type])


def _is_no_number(data_type: DataType, value: Any) -> bool:
    return isinstance(value, bool) or (data_type == "bigint" and isinstance(value, float) and not value.is_integer())


def _within_years(times: pa.Array) -> pa.Array:
    """Refuse times that neither Python nor all destinations have, such as milliseconds that are taken for seconds."""
    first, last = (pa.scalar(limit, times.type) for limit in _YEARS[times.type])
    if pc.any(pc.or_(pc.less(times, first), pc.greater(times, last))).as_py():
        raise _RangeError("holds a time that is not within the years 1 to 9999")
    return times


def _timestamps(values: list[Any]) -> pa.Array:
    texts = pa.array(values, pa.string())
    try:
        return pc.cast(texts, ARROW_TYPES["timestamp"])
    except pa.ArrowInvalid:
        # Arrow wants a zone and at most six fraction digits; the API promises neither, and its times are in UTC
        return pc.cast(pa.array([_in_full(value) for value in values], pa.string()), ARROW_TYPES["timestamp"])


def _unix_timestamps(values: list[Any]) -> pa.Array:
    seconds = [str(value) if _is_no_number("bigint", value) else value for value in values]
    return pc.cast(pc.cast(pa.array(seconds, pa.int64()), pa.timestamp("s", "UTC")), ARROW_TYPES["timestamp"])


def _in_full(text: str | None) -> str | None:
    match = _ISO_TIME.fullmatch(text) if text else None
    if match is None:
        return text
    return f"{match['day']}T{match['time'] or '00:00:00'}{(match['fraction'] or '')[:7]}{match['zone'] or 'Z'}"


def _refuse_null_key(endpoint: Endpoint, column: Column, records: Sequence[Record], values: list[Any]) -> None:
    if None not in values:
        return
    for record, value in zip(records, values, strict=True):
        if value is None:
            raise ValueTypeError(endpoint, record, column_name(column.field), "is part of the key and is missing")


def _json_array(
    endpoint: Endpoint, column: str, values: Sequence[Any], records: Sequence[Record], replaced: Replaced
) -> pa.Array:
    texts: list[bytes | None] = []
    for record, value in zip(records, values, strict=True):
        try:
            # as bytes: Arrow checks and copies them without a text of Python's in between; members in order: the API
            # promises none, and rows that say the same should be the same
            texts.append(None if value is None else _json_text(value, replaced))
        except TooDeepError:
            raise ValueTypeError(endpoint, record, column, "is nested too deep") from None
        except TooLongError:
            problem = "holds a whole number of more than 4,300 digits"
            raise ValueTypeError(endpoint, record, column, problem) from None
    return pa.array(texts, pa.string())


def _json_text(value: Any, replaced: Replaced) -> bytes:
    try:
        text = dumps(value)
    except UnicodeEncodeError:
        # half of a surrogate pair
        text = None
    return dumps(clean(value, replaced)) if text is None or b"\\u0000" in text else text


def _texts(values: Sequence[Any], replaced: Replaced) -> pa.Array:
    try:
        texts = pa.array(values, pa.string())
    except UnicodeEncodeError:
        texts = pa.array(
            [clean_text(each, replaced) if isinstance(each, str) else each for each in values], pa.string()
        )
    if found := pc.sum(pc.count_substring(texts, NUL)).as_py():
        replaced.add(nul=found)
        texts = pc.replace_substring(texts, NUL, NUL_ESCAPE)
    return texts


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return f"a text of {len(value)} characters"
