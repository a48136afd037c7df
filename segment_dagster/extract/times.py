"""The times of an endpoint's requests, within the limits of Segment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from segment_dagster.endpoints import Endpoint, Months, Span, TimeRange
from segment_dagster.extract.errors import FutureError, LookBackError
from segment_dagster.text import pluralize

Params = dict[str, str]
"""The parameters of a request, by name: those that fill its path and those of its query, without the paging."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Window:
    """A range of time, in UTC."""

    start: datetime
    """Included."""

    end: datetime | None = None
    """Excluded; `None` where it goes on until now."""


@dataclass(frozen=True)
class StreamSlice:
    """One list to read."""

    params: Params
    window: Window | None = None
    """Which rows of the list count, where a neighbouring slice may hold the others too."""


def span_of(endpoint: Endpoint) -> Span | None:
    """Return the documented limits of an endpoint's granularity; `None` where there are none."""
    time = endpoint.time
    if not isinstance(time, TimeRange):
        return None
    return next((span for span in time.spans if span.granularity == time.granularity), None)


def beyond(span: Span) -> str:
    """Return that a time is longer ago than a limit, as a clause."""
    return f"longer ago than the {length(span.oldest)} that Segment goes back for granularity {span.granularity}"


def first_day(span: Span, now: datetime) -> datetime:
    """Return the first whole day, in UTC, that is not longer ago than a limit."""
    oldest = now - span.oldest
    day = midnight(oldest)
    return day if day == oldest else day + _DAY


def midnight(moment: datetime) -> datetime:
    """Return the beginning of the day in UTC."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def first_of_month(moment: datetime) -> datetime:
    """Return the beginning of the month in UTC."""
    return midnight(moment).replace(day=1)


def next_month(first: datetime) -> datetime:
    """Return the first day of the month after the one that begins at `first`."""
    return (first + 32 * _DAY).replace(day=1)


def default_window(endpoint: Endpoint, now: datetime) -> Window | None:
    """Return the time that a full read of an endpoint covers; `None` where it takes no time."""
    time = endpoint.time
    if isinstance(time, Months):
        first = first_of_month(now)
        for _ in range(time.count - 1):
            first = first_of_month(first - _DAY)
        return Window(first, next_month(first_of_month(now)))
    if isinstance(time, TimeRange):
        today = midnight(now)
        return Window(today - time.days * _DAY, None if time.until_now else today)
    return None


def times_of(endpoint: Endpoint, window: Window | None, now: datetime, pieces: int = 1) -> list[StreamSlice]:
    """Return the times of an endpoint's requests: as few requests as the limits allow.

    Args:
        endpoint: Says how its requests name a time.
        window: What is to be read; `default_window` where it is left out.
        now: The present, in UTC.
        pieces: Into how many requests a range without an end may be split, to be read side by side.

    Raises:
        LookBackError: The window begins longer ago than Segment goes back.
        FutureError: Nothing of the window has come yet.
    """
    time, window = endpoint.time, window or default_window(endpoint, now)
    if time is None or window is None:
        return [StreamSlice({})]
    if isinstance(time, Months):
        return [StreamSlice({time.column: f"{first:%Y-%m-%d}"}) for first in _months(endpoint, window, now)]
    if endpoint.incremental:
        return list(_pieces(window.start, window.end or now, pieces, open_end=window.end is None))
    end = min(window.end or now, counted_until(time, now))
    if window.start >= end:
        raise FutureError(endpoint, window.start)
    span = span_of(endpoint)
    if span and now - window.start > span.oldest:
        raise LookBackError(endpoint, window.start, beyond(span), first_day(span, now))
    longest = min(span.longest if span else end - window.start, _DAY if time.totals else timedelta.max)
    return [StreamSlice(_range(time, *part)) for part in _parts(window.start, end, longest)]


def iso(moment: datetime) -> str:
    """Format a point in time as the API takes it: `2026-02-01T00:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _months(endpoint: Endpoint, window: Window, now: datetime) -> Iterator[datetime]:
    first, end = first_of_month(window.start), window.end or now
    if first > now:
        raise FutureError(endpoint, window.start)
    while first < end and first <= now:
        yield first
        first = next_month(first)


def counted_until(time: TimeRange, now: datetime) -> datetime:
    """Return the last whole minute that is counted already."""
    return (now - time.lag).replace(second=0, microsecond=0)


def _parts(start: datetime, end: datetime, longest: timedelta) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        until = min(start + longest, end)
        yield start, until
        start = until


def _range(time: TimeRange, start: datetime, end: datetime) -> Params:
    values = {"startTime": iso(start), "endTime": iso(end)}
    return {**values, "granularity": time.granularity} if time.granularity else values


def _pieces(start: datetime, end: datetime, pieces: int, *, open_end: bool) -> Iterator[StreamSlice]:
    """Ranges that meet in whole seconds, of a day or more each.

    Whether the API counts the start and the end of a range in is not documented: each range is asked for with a second
    before it, and what is outside of it does not count.
    """
    start = start.replace(microsecond=0)
    count = max(1, min(pieces, (end - start) // _DAY))
    edges = [start + round((end - start) / count / _SECOND) * _SECOND * place for place in range(count)]
    for place, edge in enumerate(edges):
        values = {"startTime": iso(edge - _SECOND)}
        until = edges[place + 1] if place + 1 < count else None if open_end else end
        if until is not None:
            values["endTime"] = iso(until + _SECOND)
        yield StreamSlice(values, Window(edge, until))


def length(span: timedelta) -> str:
    """Say how long a time is: `48 hours`, `30 days`."""
    hours = round(span.total_seconds() / 3600)
    return pluralize(hours, "hour") if hours <= 48 else pluralize(span.days, "day")
