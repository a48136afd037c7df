"""Counts over time. The count of a minute, hour or day does not depend on the requested range."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from functools import partial
from itertools import accumulate

from segment_dagster.emulator.clock import parse_time
from segment_dagster.emulator.world.factories import Record, TimedRequest

_MINUTE, _DAY = 60, 86_400
_STEPS = {"DAY": _DAY, "HOUR": 3600, "MINUTE": _MINUTE}
_LAG = timedelta(minutes=1)
"""Delay of the counts."""

_HOURS = (2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 7, 7, 7, 7, 7, 7, 8, 9, 9, 7, 5, 3)
"""Weight of each hour of a day."""

_BEFORE = (0, *accumulate(_HOURS))
_WHOLE = _BEFORE[-1]


@dataclass(frozen=True)
class Stream:
    """Events that every grouping counts together."""

    number: int
    """Identifies the stream and seeds its counts."""

    per_day: int
    """Approximate number of events per day."""

    columns: Record = field(default_factory=dict)
    """The column values of the events. Missing columns are omitted."""

    factor: Callable[[int], Fraction] | None = None
    """Returns the factor of a day since 1970. `None` means 1."""

    retries: int = 0
    """One in this many events was retried; 0 if retries are not counted."""

    exact: Callable[[int], int] | None = None
    """Returns the number of events of a day since 1970. `None` means a made-up number around `per_day`."""

    retried: Callable[[int], int] | None = None
    """Returns how many events of a day were retried. `None` means as `retries` says."""


@dataclass(frozen=True)
class Window:
    """The requested days, hours or minutes for which counts exist."""

    starts: range
    """Their start times, in seconds since 1970."""

    until: int
    """End of the last counted minute, in seconds since 1970."""


def counted_sources(request: TimedRequest) -> list[Record]:
    """Return all sources that have counts: those of the workspace and a deleted one."""
    return add_deleted_source(counted_records(request, "sources"), request.scale)


def counted_records(request: TimedRequest, endpoint: str) -> list[Record]:
    """Return the sources or destinations that have counts: the original ones, and created ones with traffic."""
    counted, sending = (
        request.state.counted_records(endpoint),
        {each.source_id for each in request.state.numbers.traffic},
    )
    if not sending:
        return counted
    known, source_field = {record["id"] for record in counted}, "id" if endpoint == "sources" else "sourceId"
    created = [record for record in request.state.records(endpoint) if record["id"] not in known]
    # whether one was enabled on a day is known from the edits
    return [*counted, *(record | {"enabled": True} for record in created if record[source_field] in sending)]


def add_deleted_source(sources: list[Record], scale: int) -> list[Record]:
    """Add a source that was deleted before the world was generated: it has an id and no name."""
    return [*sources, *({"id": source["id"][::-1], "enabled": True} for source in sources[: min(scale, 1)])]


def get_parameter(request: TimedRequest, name: str) -> str | None:
    """Return the value of a parameter, or `None` if it is missing."""
    if name in request.values:
        return request.values[name]
    return next(iter(request.query.get(name, ())), None)


def parse_timestamp(text: str) -> datetime:
    """Parse an ISO 8601 text to a time, in UTC if it has no offset.

    Raises:
        ValueError: It is not ISO 8601.
    """
    if (at := parse_time(text)) is None:
        raise ValueError(f"{text!r} is not a time in ISO 8601")
    return at


def window(start: datetime, end: datetime, granularity: str, now: datetime) -> Window:
    """Return the part of a range for which counts exist.

    Args:
        start: The start of the range, included.
        end: The end of the range, excluded.
        granularity: `DAY`, `HOUR` or `MINUTE`.
        now: The current time. Counts are one minute behind.
    """
    step = _STEPS[granularity]
    until = int((now - _LAG).timestamp()) // _MINUTE * _MINUTE + _MINUTE
    return Window(range(_ceil(start) // -step * -step, min(_ceil(end), until), step), until)


def request_window(request: TimedRequest) -> Window:
    """Return the window of a request.

    Raises:
        ValueError: The request lacks `startTime`, `endTime` or `granularity`.
    """
    start, end, granularity = (get_parameter(request, name) for name in ("startTime", "endTime", "granularity"))
    if not start or not end or not granularity:
        raise ValueError("startTime, endTime and granularity are required")
    return window(parse_timestamp(start), parse_timestamp(end), granularity, request.now)


def format_times(starts: Iterable[int], fraction: str = "") -> list[str]:
    """Format times as the API does."""
    return [f"{datetime.fromtimestamp(start, timezone.utc):%Y-%m-%dT%H:%M:%S}{fraction}Z" for start in starts]


def daily_factor(
    request: TimedRequest, source_id: str, destination_id: str | None = None
) -> Callable[[int], Fraction] | None:
    """Return the daily factor of a source, or of a source and a destination."""
    enabled, factor = request.state.enabled, request.state.numbers.factor
    if enabled is None:
        return factor and partial(factor, source_id)

    def of(day: int) -> Fraction:
        if not enabled("sources", source_id, day):
            return Fraction(0)
        if destination_id is not None and not enabled("destinations", destination_id, day):
            return Fraction(0)
        return factor(source_id, day) if factor else Fraction(1)

    return of


def counts(stream: Stream, over: Window) -> tuple[list[int], list[int]]:
    """Return the events and the retries of a stream for each step of a window."""
    step, retries = over.starts.step, stream.retries
    found, retried = [], []
    of, total = -1, 0
    for start in over.starts:
        day, since = divmod(start, _DAY)
        if day != of:
            of, total = day, count_on_day(stream, day)
        first = _so_far(total, since // _MINUTE) if since else 0
        end = since + min(step, over.until - start)
        last = _so_far(total, end // _MINUTE) if end < _DAY else total
        found.append(last - first)
        if stream.retried:
            again = stream.retried(day)
            retried.append(last * again // total - first * again // total if total else 0)
        elif retries:
            retried.append(last // retries - first // retries)
    return found, retried


def count_on_day(stream: Stream, day: int) -> int:
    """Return the number of events of a stream on a day since 1970."""
    if stream.exact:
        return stream.exact(day)
    mixed = ((stream.number ^ day * 0x9E3779B1) & 0xFFFFFFFF) * 0x85EBCA6B & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 15) * 0xC2B2AE35 & 0xFFFFFFFF
    mixed ^= mixed >> 13
    if not mixed % 31:
        return 0
    # 1970-01-03 was a Saturday
    weekend = day % 7 in (2, 3)
    total = stream.per_day * (60 + mixed % 79) // (160 if weekend else 100)
    return int(total * stream.factor(day)) if stream.factor else total


def group_counts(
    streams: Sequence[Stream], by: Sequence[str], over: Window
) -> list[tuple[Record, list[int], list[int]]]:
    """Sum the counts of streams with the same column values.

    Args:
        streams: The streams.
        by: The columns to group by.
        over: The window.

    Returns:
        The columns, counts and retries of each group. Retries are empty if they are not counted.
    """
    groups: dict[tuple[str, ...], list[Stream]] = {}
    for stream in streams:
        # repr, so that an event called "None" is not merged with one without a name
        groups.setdefault(tuple(repr(stream.columns.get(name)) for name in by), []).append(stream)
    made = []
    for members in groups.values():
        found, retried = zip(*(counts(stream, over) for stream in members), strict=True)
        columns = {name: members[0].columns[name] for name in by if name in members[0].columns}
        made.append((columns, _added(found), _added([each for each in retried if each])))
    return made


def _added(lists: Sequence[list[int]]) -> list[int]:
    if len(lists) < 2:
        return lists[0] if lists else []
    return [sum(each) for each in zip(*lists, strict=True)]


def _so_far(total: int, minute: int) -> int:
    """Return how much of a day's total came before a minute: minutes add up to hours and hours to days."""
    hour, past = divmod(minute, 60)
    before = total * _BEFORE[hour] // _WHOLE
    return before + (total * _BEFORE[hour + 1] // _WHOLE - before) * past // 60


def _ceil(at: datetime) -> int:
    return -int(-at.timestamp() // 1)
