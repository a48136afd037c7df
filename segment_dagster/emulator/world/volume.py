"""Event volume of the workspace."""

from functools import partial

from segment_dagster.emulator.world.deterministic import stable_hash
from segment_dagster.emulator.world.exact import received, traffic_of, without_empty
from segment_dagster.emulator.world.factories import Record, TimedMaker, TimedRequest
from segment_dagster.emulator.world.series import (
    Stream,
    Window,
    counted_sources,
    daily_factor,
    format_times,
    group_counts,
    request_window,
)

EVENTS = (
    ("Order Completed", "track"),
    ("Home", "page"),
    ('Clicked "Buy"', "track"),
    ("Checkout", "screen"),
    ("登録完了 🎉", "track"),
    ("Cart/Basket 100% + more", "track"),
    ("Home", "screen"),
    ("A\u2028B", "track"),
    ("Checkout", "page"),
    ("None", "track"),
    ("Größe & Farbe?", "track"),
    (" spaces around ", "page"),
)
"""Names and types of named events."""

UNNAMED = ("identify", "group", "alias")
"""Types of events without a name."""

VERSIONS = ("2.0.1", "2.1.0 (beta)", "3.0")
"""App versions."""

_PER_DAY = (3, 40, 900, 12_000, 250_000)
"""Approximate daily events per kind and source."""

_LARGEST = 3_000_000_000


def is_mobile(source: Record) -> bool:
    """Return whether a source is a mobile app, whose events have a version."""
    return "Mobile" in source.get("metadata", {}).get("categories", ())


def _volume(most: int, request: TimedRequest) -> list[Record]:
    over = request_window(request)
    if not over.starts:
        return []
    wanted = request.query.get("sourceId", ())
    filters = {
        name: request.query[name] for name in ("eventName", "eventType", "appVersion") if request.query.get(name)
    }
    streams = [
        stream
        for source in counted_sources(request)
        if source["enabled"] and (not wanted or source["id"] in wanted)
        for stream in _streams(most, request, source, over)
        if all(stream.columns.get(name) in values for name, values in filters.items())
    ]
    written = format_times(over.starts)
    return [
        columns
        | {
            "total": sum(found),
            "series": [{"time": at, "count": count} for at, count in zip(written, found, strict=True)],
        }
        for columns, found, _ in group_counts(streams, request.query.get("groupBy", ()), over)
    ]


def _streams(most: int, request: TimedRequest, source: Record, over: Window) -> list[Stream]:
    about = {name: source[name] for name in ("id", "name", "slug") if name in source}
    if traffic_of(request, source["id"]):
        return without_empty(received(request, source["id"], {"source": about}), over)
    first = stable_hash(source["id"])
    named = [EVENTS[(first + place) % len(EVENTS)] for place in range(7 + first % 3)]
    kinds = [*named, *(("", type_) for type_ in UNNAMED[: first % len(UNNAMED) + 1])]
    factor = daily_factor(request, source["id"])
    made = []
    for place, (name, type_) in enumerate(kinds):
        number = stable_hash(request.seed, source["id"], name, type_)
        columns: Record = {"source": about, "eventType": type_}
        if name:
            columns["eventName"] = name
        if is_mobile(source) and place % 4:
            columns["appVersion"] = VERSIONS[place % len(VERSIONS)]
        per_day = _PER_DAY[number % len(_PER_DAY)] if number % 50 else _LARGEST
        made.append(Stream(number, min(per_day, most), columns, factor))
    return made


def volume_maker(most: int | None = None) -> TimedMaker:
    """Return the function that generates the event volume.

    Args:
        most: Approximate maximum per day, source and kind of event. `None` for none.
    """
    return partial(_volume, most or _LARGEST)


VOLUME = "events_volume"
"""The endpoint of the event volume."""

TIMED: dict[str, TimedMaker] = {VOLUME: volume_maker()}
"""Functions that generate the records, by endpoint name."""
