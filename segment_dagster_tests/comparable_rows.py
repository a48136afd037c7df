"""Records of the emulated workspace, and rows of any table, in one form in which they can be compared."""

from datetime import date, datetime, timedelta, timezone

import orjson

ON_REQUEST = {"samples", "schedules"}
"""Fields that the emulator's records have, and an answer has only where the request asks for them."""

_MICROSECOND = timedelta(microseconds=1)
_1970 = datetime(1970, 1, 1, tzinfo=timezone.utc)


def row_of(endpoint, record):
    """The row that a record is to be."""
    return tuple(plain(column, _given(column, record)) for column in endpoint.columns)


def plain(column, value):
    """A value of a column: JSON with the members of objects in order, times as microseconds since 1970."""
    if value is None:
        return None
    if column.type == "json":
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    if column.type == "timestamp":
        return round(value * 1_000_000) if column.unix and not isinstance(value, datetime) else micros(value)
    if column.type == "date":
        return value.isoformat() if isinstance(value, date) else str(value)[:10]
    return {"bigint": int, "double": float, "bool": bool, "text": str}[column.type](value)


def micros(moment):
    """Microseconds since 1970; a time without a zone is UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return ((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)) - _1970) // _MICROSECOND


def moment_of(microseconds):
    """The other way round, in UTC."""
    return _1970 + microseconds * _MICROSECOND


def _given(column, record):
    if column.field in ON_REQUEST:
        return None
    value = record.get(column.field)
    if value is None and column.source_path:
        value = record
        for key in column.source_path:
            value = (value or {}).get(key)
    return value
