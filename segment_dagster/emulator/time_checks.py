"""Validates the time parameters of a request."""

import re
from datetime import date, datetime, timedelta

from segment_dagster.emulator.clock import parse_time
from segment_dagster.emulator.endpoint_rules import DEFAULT_GRANULARITY
from segment_dagster.emulator.errors import invalid_parameter
from segment_dagster.emulator.parameters import Query, optional, required
from segment_dagster.endpoints import Endpoint, Months, TimeRange

GRANULARITIES = ("DAY", "HOUR", "MINUTE")

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_time(row: Endpoint, query: Query, now: datetime) -> None:
    """Refuse a request whose time range the API does not allow.

    Args:
        row: The endpoint.
        query: The query parameters.
        now: The current time, in UTC.

    Raises:
        ApiError: A parameter is missing or not a time, the range exceeds the documented limits, or the month is in the
            future: status 422.
    """
    if isinstance(row.time, Months):
        _check_period(required(query, "period"), now)
    elif row.time:
        _check_range(row, row.time, query, now)


def _check_period(period: str, now: datetime) -> None:
    try:
        first = date.fromisoformat(period) if _DATE.fullmatch(period) else None
    except ValueError:
        first = None
    if first is None or first.day != 1:
        raise invalid_parameter("period", "period must be the first day of a month, such as 2021-02-01")
    if first > now.date():
        raise invalid_parameter("period", "period must not be in the future")


def _check_range(row: Endpoint, time: TimeRange, query: Query, now: datetime) -> None:
    granularity = None
    if time.granularity:
        granularity = optional(row, query, "granularity")
        granularity = DEFAULT_GRANULARITY.get(row.name) if granularity is None else granularity
        if granularity not in GRANULARITIES:
            raise invalid_parameter("granularity", f"granularity must be one of {', '.join(GRANULARITIES)}")
    start, end = _moment(row, query, "startTime"), _moment(row, query, "endTime")
    if start and end and end <= start:
        raise invalid_parameter("endTime", "endTime must be after startTime")
    for span in time.spans:
        if span.granularity == granularity and start:
            if now - start > span.oldest:
                message = f"startTime must be within the last {_length(span.oldest)} for granularity {granularity}"
                raise invalid_parameter("startTime", message)
            if (end or now) - start > span.longest:
                message = f"the range must be {_length(span.longest)} at most for granularity {granularity}"
                raise invalid_parameter("endTime", message)


def _moment(row: Endpoint, query: Query, name: str) -> datetime | None:
    text = optional(row, query, name)
    if text is None:
        return None
    moment = parse_time(text)
    if moment is None:
        raise invalid_parameter(name, f"{name} is not a time in ISO 8601")
    return moment


def _length(span: timedelta) -> str:
    hours = round(span.total_seconds() / 3600)
    return f"{hours} hours" if hours <= 48 else f"{span.days} days"
