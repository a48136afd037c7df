"""Counts that follow from traffic and outcomes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from functools import partial

from segment_dagster.emulator.traffic import Outcome, Traffic
from segment_dagster.emulator.world.deterministic import stable_hash
from segment_dagster.emulator.world.factories import Record, TimedRequest
from segment_dagster.emulator.world.series import Stream, Window, count_on_day, daily_factor

_1970 = date(1970, 1, 1)
_DAY = 86_400


def traffic_of(request: TimedRequest, source_id: str) -> list[Traffic]:
    """Return the traffic of a source. If it has any, it has no other counts."""
    return [each for each in request.state.numbers.traffic if each.source_id == source_id]


def outcomes_of(
    request: TimedRequest, stages: Iterable[str], source_id: str, destination_id: str | None = None
) -> list[Outcome]:
    """Return the outcomes of stages that apply to a source, or to a source and a destination."""
    return [
        each
        for each in request.state.numbers.outcomes
        if each.stage in stages
        and each.source_id in (None, source_id)
        and each.destination_id in (None, destination_id)
    ]


def received(request: TimedRequest, source_id: str, columns: Record | None = None) -> list[Stream]:
    """Return the traffic of a source as streams.

    Args:
        request: The request.
        source_id: Id of the source.
        columns: More columns of the events.
    """
    factor = daily_factor(request, source_id)
    made = []
    for traffic in traffic_of(request, source_id):
        named = {"eventName": traffic.event} if traffic.event else {}
        number = stable_hash(source_id, traffic.event or "", traffic.type)

        def exact(day: int, traffic: Traffic = traffic) -> int:
            count = traffic.count_on(_date(day))
            return int(count * factor(day)) if factor and count else count

        made.append(Stream(number, 0, {**(columns or {}), **named, "eventType": traffic.type}, exact=exact))
    return made


def new_users(request: TimedRequest, source_id: str, days: range) -> list[int]:
    """Return the new users of a source per day since 1970."""
    factor, every = daily_factor(request, source_id), traffic_of(request, source_id)
    counts = ((day, sum(traffic.users_on(_date(day)) for traffic in every)) for day in days)
    return [int(count * factor(day)) if factor and count else count for day, count in counts]


def split(streams: Sequence[Stream], outcomes: Sequence[Outcome]) -> tuple[list[Stream], list[Stream]]:
    """Split streams by outcomes.

    Returns:
        What the outcomes take, one stream for each with its reason, and what is left.
    """
    taken, left = [], []
    for stream in streams:
        own = [each for each in outcomes if each.event in (None, stream.columns.get("eventName"))]
        for place, outcome in enumerate(own):
            columns = {**stream.columns, **({"discardReason": outcome.reason} if outcome.reason else {})}
            exact = partial(_taken, stream, own[:place], own[: place + 1])
            taken.append(replace(stream, columns=columns, exact=exact, retries=0))
        left.append(replace(stream, exact=partial(_taken, stream, own, None)) if own else stream)
    return taken, left


def with_retries(streams: Sequence[Stream], outcomes: Sequence[Outcome]) -> list[Stream]:
    """Return delivered streams of which a share was retried."""
    made = []
    for stream in streams:
        own = [each for each in outcomes if each.event in (None, stream.columns.get("eventName"))]
        made.append(replace(stream, retries=0, retried=partial(_taken, stream, (), own)) if own else stream)
    return made


def while_enabled(request: TimedRequest, streams: Sequence[Stream], destination_id: str) -> list[Stream]:
    """Return the part of streams that arrives while a destination is enabled."""
    enabled = request.state.enabled
    if enabled is None:
        return list(streams)

    def exact(stream: Stream, day: int) -> int:
        return count_on_day(stream, day) if enabled("destinations", destination_id, day) else 0

    return [replace(stream, exact=partial(exact, stream)) for stream in streams]


def without_empty(streams: Sequence[Stream], over: Window) -> list[Stream]:
    """Drop the streams that have no event on any day of a window: the API lists no such group."""
    days = range(over.starts[0] // _DAY, (over.until - 1) // _DAY + 1) if over.starts else range(0)
    last = (over.starts[-1] + over.starts.step - 1) // _DAY if over.starts else 0
    return [stream for stream in streams if any(count_on_day(stream, day) for day in days if day <= last)]


def added(streams: Sequence[Stream], columns: Record) -> Stream:
    """Return one stream with the counts and retries of several."""

    def exact(day: int) -> int:
        return sum(count_on_day(stream, day) for stream in streams)

    def retried(day: int) -> int:
        return sum(_retried_on(stream, day) for stream in streams)

    return Stream(0, 0, columns, exact=exact, retried=retried)


def retries_of(streams: Sequence[Stream], columns: Record) -> Stream:
    """Return the retries of several streams as one."""
    return Stream(0, 0, columns, exact=lambda day: sum(_retried_on(stream, day) for stream in streams))


def _retried_on(stream: Stream, day: int) -> int:
    if stream.retried:
        return stream.retried(day)
    return count_on_day(stream, day) // stream.retries if stream.retries else 0


def _taken(stream: Stream, before: Sequence[Outcome], until: Sequence[Outcome] | None, day: int) -> int:
    """Return how many events of a day fall between two sums of shares. `None` stands for all events."""
    count, on = count_on_day(stream, day), _date(day)
    upper = count if until is None else _part(count, until, on)
    return upper - _part(count, before, on)


def _part(count: int, outcomes: Sequence[Outcome], day: date) -> int:
    return int(count * min(sum((each.share_on(day) for each in outcomes), Fraction(0)), Fraction(1)))


def _date(day: int) -> date:
    return _1970 + timedelta(days=day)
