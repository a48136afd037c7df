"""Delivery of exact traffic, and of other events that have outcomes: every stage follows from what was received."""

from collections.abc import Callable
from typing import NamedTuple

from segment_dagster.emulator.traffic import AT_DESTINATION, AT_SOURCE
from segment_dagster.emulator.world.exact import (
    outcomes_of,
    received,
    split,
    traffic_of,
    while_enabled,
    with_retries,
)
from segment_dagster.emulator.world.factories import TimedRequest
from segment_dagster.emulator.world.series import Stream


class Delivery(NamedTuple):
    """The events of a source or a destination."""

    stages: dict[str, list[Stream]]
    """The events by stage."""

    sent_on: list[Stream]
    """What goes on: to the destinations, or out of Segment."""


def at_source(request: TimedRequest, source_id: str, made_up: Callable[[], list[Stream]]) -> Delivery | None:
    """Return the exact events of a source, or `None` if it has neither traffic nor an outcome.

    Args:
        request: The request.
        source_id: Id of the source.
        made_up: Returns what it receives without traffic.
    """
    exact = bool(traffic_of(request, source_id))
    if not exact and not outcomes_of(request, AT_SOURCE, source_id):
        return None
    return _at_source(request, source_id, received(request, source_id) if exact else made_up())


def at_destination(
    request: TimedRequest, source_id: str, destination_id: str, made_up: Callable[[], list[Stream]]
) -> Delivery | None:
    """Return the exact events of a destination, or `None` if its source has no traffic and it has no outcome.

    Args:
        request: The request.
        source_id: Id of the source.
        destination_id: Id of the destination.
        made_up: Returns what the source receives without traffic.
    """
    exact = bool(traffic_of(request, source_id))
    if not exact and not outcomes_of(request, AT_DESTINATION, source_id, destination_id):
        return None
    source = _at_source(request, source_id, received(request, source_id) if exact else made_up())
    arriving = while_enabled(request, source.sent_on, destination_id)
    filtered, tried = split(arriving, outcomes_of(request, AT_DESTINATION[:1], source_id, destination_id))
    failed, delivered = split(tried, outcomes_of(request, AT_DESTINATION[1:2], source_id, destination_id))
    retries = outcomes_of(request, AT_DESTINATION[2:], source_id, destination_id)
    delivered = with_retries(delivered, retries)
    stages = {"filtered_at_destination": filtered, "failed_delivery": failed, "successful_delivery": delivered}
    return Delivery(stages, delivered)


def _at_source(request: TimedRequest, source_id: str, streams: list[Stream]) -> Delivery:
    failed, _ = split(streams, outcomes_of(request, AT_SOURCE[:1], source_id))
    filtered, sent_on = split(streams, outcomes_of(request, AT_SOURCE[1:], source_id))
    stages = {"successfully_received": streams, "failed_on_ingest": failed, "filtered_at_source": filtered}
    return Delivery(stages, sent_on)
