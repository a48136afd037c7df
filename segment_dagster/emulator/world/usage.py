"""Monthly usage: API calls and tracked users, cumulative from the first day."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import accumulate

from segment_dagster.emulator.world.deterministic import stable_hash
from segment_dagster.emulator.world.exact import new_users, received, traffic_of
from segment_dagster.emulator.world.factories import Record, TimedMaker, TimedRequest
from segment_dagster.emulator.world.series import (
    Stream,
    count_on_day,
    counted_sources,
    daily_factor,
    format_times,
    get_parameter,
    parse_timestamp,
)

_DAY = 86_400
_CALLS = (0, 700, 90_000, 4_000_000, 150_000_000)
"""Approximate daily API calls of a source."""

_KINDS = {"anonymous": 40, "anonymousIdentified": 15, "identified": 25, "neverIdentified": 30}
"""The kinds of tracked users, with the approximate new ones per day in the smallest source that has any."""


def _days(request: TimedRequest) -> tuple[range, tuple[int, int]]:
    """Return the elapsed days of the month since 1970, and the start and end of the month in seconds."""
    first = parse_timestamp(get_parameter(request, "period") or "")
    following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    start, end = (int(at.timestamp()) for at in (first, following))
    today = int(request.now.timestamp()) // _DAY
    return range(start // _DAY, min(end // _DAY, today + 1)), (start, end)


def _used(request: TimedRequest, source: Record, kind: str, per_day: int, days: range) -> list[int]:
    """Return the cumulative usage of a source per day: the same in every list that reports it."""
    if traffic_of(request, source["id"]):
        return list(accumulate(_exactly(request, source["id"], kind, days)))
    factor = daily_factor(request, source["id"])
    stream = Stream(stable_hash(source["id"], kind), per_day if source["enabled"] else 0, factor=factor)
    return list(accumulate(count_on_day(stream, day) for day in days))


def _exactly(request: TimedRequest, source_id: str, kind: str, days: range) -> list[int]:
    """Return the usage of a source with traffic per day."""
    if kind == "apiCalls":
        streams = received(request, source_id)
        return [sum(count_on_day(stream, day) for stream in streams) for day in days]
    if kind == "identified":
        return new_users(request, source_id, days)
    return [0] * len(days)


def _calls(request: TimedRequest, source: Record, days: range) -> list[int]:
    return _used(request, source, "apiCalls", _CALLS[stable_hash(source["id"]) % len(_CALLS)], days)


def _users(request: TimedRequest, source: Record, kind: str, days: range) -> list[int]:
    return _used(request, source, kind, _KINDS[kind] * (stable_hash(source["id"]) % 5) ** 4, days)


def _api_calls(request: TimedRequest) -> list[Record]:
    days, _ = _days(request)
    each = [_calls(request, source, days) for source in counted_sources(request)]
    return [
        {"apiCalls": str(sum(used)), "timestamp": at}
        for at, used in zip(_midnights(days), zip(*each, strict=True), strict=False)
    ]


def _api_calls_per_source(request: TimedRequest) -> list[Record]:
    days, _ = _days(request)
    return _by_day(
        [
            [
                {"sourceId": source["id"], "apiCalls": str(used), "timestamp": at}
                for at, used in zip(_midnights(days), _calls(request, source, days), strict=True)
            ]
            for source in counted_sources(request)
        ]
    )


def _mtu(request: TimedRequest) -> list[Record]:
    days, period = _days(request)
    sources = counted_sources(request)
    if not sources:
        return []
    exact = [bool(traffic_of(request, source["id"])) for source in sources]
    each = {kind: zip(*(_users(request, source, kind, days) for source in sources), strict=True) for kind in _KINDS}
    together = {kind: [_in_workspace(used, exact) for used in users] for kind, users in each.items()}
    return _tracked(together, days, period)


def _in_workspace(used: Sequence[int], exact: Sequence[bool]) -> int:
    """Return the users of the workspace. One of two sources counts once, but sources with traffic share none."""
    shared = [users for users, alone in zip(used, exact, strict=True) if not alone]
    return max([*shared, sum(shared) * 3 // 4]) + sum(used) - sum(shared)


def _mtu_per_source(request: TimedRequest) -> list[Record]:
    days, period = _days(request)
    made = []
    for source in counted_sources(request):
        users = {kind: _users(request, source, kind, days) for kind in _KINDS}
        made.append([{"sourceId": source["id"]} | record for record in _tracked(users, days, period)])
    return _by_day(made)


def _tracked(users: dict[str, list[int]], days: range, period: tuple[int, int]) -> list[Record]:
    return [
        {"periodStart": period[0], "periodEnd": period[1]}
        | {kind: str(used[place]) for kind, used in users.items()}
        | {"timestamp": at}
        for place, at in enumerate(_midnights(days))
    ]


def _midnights(days: range) -> list[str]:
    return format_times((day * _DAY for day in days), ".000")


def _by_day(per_source: Sequence[Sequence[Record]]) -> list[Record]:
    return [record for day in zip(*per_source, strict=True) for record in day]


def _without_missing(maker: TimedMaker, request: TimedRequest) -> list[Record]:
    missing = request.state.numbers.missing
    return [record for record in maker(request) if record["timestamp"][:10] not in missing]


_SNAPSHOTS: dict[str, TimedMaker] = {
    "usage_api_calls_daily": _api_calls,
    "usage_api_calls_per_source_daily": _api_calls_per_source,
    "usage_mtu_daily": _mtu,
    "usage_mtu_per_source_daily": _mtu_per_source,
}
TIMED: dict[str, TimedMaker] = {name: partial(_without_missing, maker) for name, maker in _SNAPSHOTS.items()}
"""Functions that generate the records, by endpoint name."""
