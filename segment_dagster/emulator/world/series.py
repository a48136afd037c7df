"""Numbers over time: the same for the same minute, hour or day, whatever range is asked for."""

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
"""How far the counts are behind."""

_HOURS = (2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 7, 7, 7, 7, 7, 7, 8, 9, 9, 7, 5, 3)
"""How much of a day falls into each hour."""

_BEFORE = (0, *accumulate(_HOURS))
_WHOLE = _BEFORE[-1]


@dataclass(frozen=True)
class Stream:
    """Events that are counted together whatever they are grouped by."""

    number: int
    """Tells the stream from others: its counts come from it."""

    per_day: int
    """About how many events a day has."""

    columns: Record = field(default_factory=dict)
    """What the events have in common. A column they lack is not in it."""

    factor: Callable[[int], Fraction] | None = None
    """What its count of a day, counted from 1970, is multiplied by; `None` for 1."""

    retries: int = 0
    """Of how many events one was retried; 0 where retries are not counted."""


@dataclass(frozen=True)
class Window:
    """The days, hours or minutes that a request asks for and that there are counts of."""

    starts: range
    """When they begin, in seconds since 1970."""

    until: int
    """When the last minute that there are counts of ends."""


def counted_sources(request: TimedRequest) -> list[Record]:
    """Every source that has numbers: those of the workspace, and one that was deleted since."""
    return add_deleted_source(request.state.counted_records("sources"))


def add_deleted_source(sources: list[Record]) -> list[Record]:
    """The sources, and one that was deleted before the world was made: it has an id and nothing else to tell."""
    return [*sources, *({"id": source["id"][::-1], "enabled": True} for source in sources[:1])]


def get_parameter(request: TimedRequest, name: str) -> str | None:
    """The value of a parameter, or `None` where the request does not have it."""
    if name in request.values:
        return request.values[name]
    return next(iter(request.query.get(name, ())), None)


def parse_timestamp(text: str) -> datetime:
    """The point in time that an ISO 8601 text means; in UTC where it names no offset.

    Raises:
        ValueError: It is no such text.
    """
    if (at := parse_time(text)) is None:
        raise ValueError(f"{text!r} is not a time in ISO 8601")
    return at


def window(start: datetime, end: datetime, granularity: str, now: datetime) -> Window:
    """The part of a range that there are counts of.

    Args:
        start: The start of the range, included.
        end: The end of the range, excluded.
        granularity: `DAY`, `HOUR` or `MINUTE`.
        now: When it is asked for. Counts are one minute behind.
    """
    step = _STEPS[granularity]
    until = int((now - _LAG).timestamp()) // _MINUTE * _MINUTE + _MINUTE
    return Window(range(_ceil(start) // -step * -step, min(_ceil(end), until), step), until)


def request_window(request: TimedRequest) -> Window:
    """The window of a request.

    Raises:
        ValueError: It lacks `startTime`, `endTime` or `granularity`.
    """
    start, end, granularity = (get_parameter(request, name) for name in ("startTime", "endTime", "granularity"))
    if not start or not end or not granularity:
        raise ValueError("startTime, endTime and granularity are required")
    return window(parse_timestamp(start), parse_timestamp(end), granularity, request.now)


def format_times(starts: Iterable[int], fraction: str = "") -> list[str]:
    """The points in time as the API writes them."""
    return [f"{datetime.fromtimestamp(start, timezone.utc):%Y-%m-%dT%H:%M:%S}{fraction}Z" for start in starts]


def daily_factor(
    request: TimedRequest, source_id: str, destination_id: str | None = None
) -> Callable[[int], Fraction] | None:
    """What the events of a source are multiplied by, day by day; those for one destination where it is named."""
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
    """How many events of a stream each part of a window has, and how many of them were retried."""
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
        if retries:
            retried.append(last // retries - first // retries)
    return found, retried


def count_on_day(stream: Stream, day: int) -> int:
    """How many events a stream has on a day, counted from 1970."""
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
    """The counts of streams, added up where they have the same columns.

    Args:
        streams: All that is counted.
        by: The columns that are told apart.
        over: The window.

    Returns:
        The columns of each group, its counts, and its retries: empty where they are not counted.
    """
    groups: dict[tuple[str, ...], list[Stream]] = {}
    for stream in streams:
        # an event called "None" is not one without a name
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
    """How much of a day's total came before a minute of the day: hours add up to days, and minutes to hours."""
    hour, past = divmod(minute, 60)
    before = total * _BEFORE[hour] // _WHOLE
    return before + (total * _BEFORE[hour + 1] // _WHOLE - before) * past // 60


def _ceil(at: datetime) -> int:
    return -int(-at.timestamp() // 1)
