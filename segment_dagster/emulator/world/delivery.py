"""Delivery of events: counts at the source and at each destination."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from functools import partial

from segment_dagster.emulator.world.deterministic import stable_hash
from segment_dagster.emulator.world.exact import added, retries_of, without_empty
from segment_dagster.emulator.world.exact_delivery import at_destination, at_source
from segment_dagster.emulator.world.factories import Record, TimedMaker, TimedRequest
from segment_dagster.emulator.world.series import (
    Stream,
    Window,
    counted_records,
    counts,
    daily_factor,
    format_times,
    get_parameter,
    group_counts,
    parse_timestamp,
    request_window,
    window,
)
from segment_dagster.emulator.world.volume import EVENTS, UNNAMED, VERSIONS, is_mobile


@dataclass(frozen=True)
class _Stage:
    """A delivery stage."""

    per_day: tuple[int, ...]
    """Approximate daily events per kind."""

    reasons: tuple[str, ...] = ("",)
    """Discard reasons. An empty one is omitted."""

    at_destination: bool = False


_RECEIVED = "delivery_overview_successfully_received"
_COLUMNS = ("eventName", "eventType", "discardReason", "appVersion")
_MANY, _FEW = (40, 900, 12_000, 250_000), (0, 2, 30, 500)
_STAGES = {
    _RECEIVED: _Stage(_MANY),
    "delivery_overview_failed_on_ingest": _Stage(_FEW, ("invalid_json", "event_too_large", "", "bad 'userId'/\u2028")),
    "delivery_overview_filtered_at_source": _Stage(_FEW, ("blocked_by_schema", "unplanned_event", "")),
    "delivery_overview_filtered_at_destination": _Stage(
        _FEW, ("destination_filter", "no_matching_subscription", ""), at_destination=True
    ),
    "delivery_overview_failed_delivery": _Stage(
        _FEW, ("bad_request", "unauthorized", "", 'rejected: "quota" 100%'), at_destination=True
    ),
    "delivery_overview_successful_delivery": _Stage(_MANY, at_destination=True),
}
_RETRIES = (20, 0, 7)
"""One in this many events was retried; 0 if retries are not reported."""

_METRICS = {
    "successes": ("successes_on_first_attempt", "successes_after_retry"),
    "discarded": ("discarded_by_filter", "discarded_as_invalid"),
    "expired": (),
    "retried": (),
}
"""The metrics of a destination, with their breakdown."""

_DEFAULT_RANGES = {"MINUTE": timedelta(hours=1), "HOUR": timedelta(days=7), "DAY": timedelta(days=30)}
"""Default range of a metrics request, by granularity."""


def _overview(name: str, request: TimedRequest) -> list[Record]:
    over, stage = request_window(request), _STAGES[name]
    source, destination = _named(request, stage)
    if not over.starts or source is None or (stage.at_destination and destination is None):
        return []
    filters = {name: request.query.get(f"filter.{name}", ()) for name in _COLUMNS}
    streams = [
        stream
        for stream in _streams(name, request, source, destination or {}, over)
        if all(stream.columns.get(name) in values for name, values in filters.items() if values)
    ]
    # records have no field for the other groupings
    by = [name for name in request.query.get("groupBy", ()) if name in _COLUMNS]
    written = format_times(over.starts, ".000")
    return [_record(written, *group) for group in group_counts(streams, by, over)]


def _named(request: TimedRequest, stage: _Stage) -> tuple[Record | None, Record | None]:
    """Return the source and destination of a request if they are enabled and connected."""
    source = _enabled(request, "sources", get_parameter(request, "sourceId"))
    destination = _enabled(request, "destinations", get_parameter(request, "destinationConfigId"))
    if source and destination and destination["sourceId"] != source["id"]:
        destination = None
    return source, destination


def _enabled(request: TimedRequest, endpoint: str, identity: str | None) -> Record | None:
    return next((r for r in counted_records(request, endpoint) if r["id"] == identity and r["enabled"]), None)


def _streams(name: str, request: TimedRequest, source: Record, destination: Record, over: Window) -> list[Stream]:
    def made_up() -> list[Stream]:
        return _made_up_received(request, source)

    exact = (
        at_destination(request, source["id"], destination["id"], made_up)
        if destination
        else at_source(request, source["id"], made_up)
    )
    if exact is None:
        return _made_up(request, _STAGES[name], source, destination)
    return without_empty(exact.stages[name.removeprefix("delivery_overview_")], over)


def _made_up_received(request: TimedRequest, source: Record) -> list[Stream]:
    """Return what a source receives, as the list of it says."""
    seed = "/".join((request.seed.partition("/")[0], _RECEIVED, source["id"]))
    return _made_up(replace(request, seed=seed), _STAGES[_RECEIVED], source, {})


def _made_up(request: TimedRequest, stage: _Stage, source: Record, destination: Record) -> list[Stream]:
    ids = (source["id"], destination.get("id", ""))
    first = stable_hash(*ids)
    count = 2 + first % 2 if destination else 4 + first % 2
    kinds = [EVENTS[(first + place) % len(EVENTS)] for place in range(count)]
    # repeat the first two, so that only the reason or the version differs
    kinds += [("", UNNAMED[first % len(UNNAMED)]), *kinds[: 1 if destination else 2]]
    factor = daily_factor(request, source["id"], destination.get("id"))
    made: dict[str, Stream] = {}
    for place, (name, type_) in enumerate(kinds):
        reason = stage.reasons[(first + place) % len(stage.reasons)]
        version = VERSIONS[(first + place) % len(VERSIONS)] if is_mobile(source) and place % 3 else ""
        every = {"eventName": name, "eventType": type_, "discardReason": reason, "appVersion": version}
        number = stable_hash(request.seed, *ids, *every.values())
        made[repr(every)] = Stream(
            number=number,
            per_day=stage.per_day[number % len(stage.per_day)],
            columns={column: value for column, value in every.items() if value},
            factor=factor,
            retries=_RETRIES[(first + place) % len(_RETRIES)],
        )
    return list(made.values())


def _record(written: list[str], columns: Record, found: list[int], retried: list[int]) -> Record:
    series: list[Record] = [{"time": at, "count": count} for at, count in zip(written, found, strict=True)]
    record: Record = {**columns, "total": sum(found), "series": series}
    if retried:
        for point, count in zip(series, retried, strict=True):
            point["retryCount"] = count
        record["totalRetryCount"] = sum(retried)
    return record


def _metrics(request: TimedRequest) -> list[Record]:
    identity = get_parameter(request, "destinationId")
    destination = next((record for record in request.state.records("destinations") if record["id"] == identity), None)
    if destination is None:
        return []
    over = _metrics_window(request)
    source_id = get_parameter(request, "sourceId") or destination["sourceId"]
    receives = _enabled(request, "destinations", identity)
    counted = _METRICS if receives and receives["sourceId"] == source_id else {}
    streams = _metric_streams(request, source_id, destination["id"])
    return [
        {
            "sourceId": source_id,
            "destinationMetadataId": destination["metadata"]["id"],
            "metrics": [_metric(streams[name], parts, over) for name, parts in counted.items()],
        }
    ]


def _metric_streams(request: TimedRequest, source_id: str, destination_id: str) -> dict[str, Stream]:
    source = _enabled(request, "sources", source_id) or {"id": source_id}
    exact = at_destination(request, source_id, destination_id, lambda: _made_up_received(request, source))
    if exact is None:
        factor = daily_factor(request, source_id, destination_id)
        return {name: _counted(f"{request.seed}/{destination_id}", name, factor) for name in _METRICS}
    made = {
        "successes": added(exact.sent_on, {"metricName": "successes"}),
        "discarded": added(exact.stages["filtered_at_destination"], {"metricName": "discarded"}),
        "expired": added(exact.stages["failed_delivery"], {"metricName": "expired"}),
    }
    return made | {"retried": retries_of(exact.sent_on, {"metricName": "retried"})}


def _metrics_window(request: TimedRequest) -> Window:
    granularity = get_parameter(request, "granularity") or "MINUTE"
    start, end = get_parameter(request, "startTime"), get_parameter(request, "endTime")
    return window(
        parse_timestamp(start) if start else request.now - _DEFAULT_RANGES[granularity],
        parse_timestamp(end) if end else request.now,
        granularity,
        request.now,
    )


def _counted(seed: str, name: str, factor: Callable[[int], Fraction] | None) -> Stream:
    number = stable_hash(seed, name)
    return Stream(number, (2, 900, 40_000)[number % 3], {"metricName": name}, factor, retries=9)


def _metric(made: Stream, parts: tuple[str, ...], over: Window) -> Record:
    found, retried = counts(made, over)
    total, rest = sum(found), sum(retried)
    record: Record = {**made.columns, "total": total}
    if parts:
        values = zip(parts, (total - rest, rest), strict=True)
        record["breakdown"] = [{"metricName": part, "value": value} for part, value in values]
    return record


_OVERVIEWS: dict[str, Callable[[TimedRequest], list[Record]]] = {name: partial(_overview, name) for name in _STAGES}
TIMED: dict[str, TimedMaker] = {**_OVERVIEWS, "destination_delivery_metrics": _metrics}
"""Functions that generate the records, by endpoint name."""
