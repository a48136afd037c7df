"""Attribute changes to the events of the audit trail, by resource."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name


@dataclass(frozen=True, order=True)
class Event:
    """One event of the audit trail."""

    at: datetime
    id: str
    type: str | None
    actor: str | None
    actor_email: str | None


class Events:
    """The audit trail's events, by resource.

    Args:
        trail: The endpoint of the audit trail.
        rows: Rows of its table, in any order.
        resources: Ids of the resources whose events are kept.
    """

    def __init__(self, trail: Endpoint, rows: Iterable[Mapping[str, Any]], resources: Collection[str]) -> None:
        self._by_resource: dict[str, list[Event]] = defaultdict(list)
        at, type_, actor, email, resource, key = columns_of_trail(trail)
        for row in rows:
            if row[resource] in resources and row[at] is not None:
                event = Event(row[at], str(row[key]), row[type_], row[actor], row[email])
                self._by_resource[row[resource]].append(event)
        for events in self._by_resource.values():
            events.sort(key=lambda event: (event.at, event.id))

    def latest(self, resources: Iterable[str], after: datetime, until: datetime) -> Event | None:
        """Return the latest event of the resources that is later than `after` and not later than `until`."""
        candidates = [event for resource in resources if (event := self._latest(resource, after, until))]
        return max(candidates, key=lambda event: (event.at, event.id), default=None)

    def _latest(self, resource: str, after: datetime, until: datetime) -> Event | None:
        events = self._by_resource.get(resource, [])
        position = bisect_right(events, until, key=lambda event: event.at)
        return events[position - 1] if position and events[position - 1].at > after else None


def columns_of_trail(trail: Endpoint) -> tuple[str, str, str, str, str, str]:
    """Return the audit trail's columns: timestamp, event, actor, the actor's e-mail address, resource and key."""
    fields = trail.audit_fields
    assert fields is not None
    moment, event, actor, email, resource, key = map(
        column_name,
        (fields.timestamp, fields.event, fields.actor, fields.actor_email, fields.resource, trail.primary_key[0]),
    )
    return moment, event, actor, email, resource, key
