"""Which event of the audit trail is taken for the cause."""

from datetime import datetime, timedelta, timezone

import pytest

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.audit_trail import audit_trail
from segment_dagster.marts.attribution import Event, Events

NOON = datetime(2024, 3, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def row(id, resource, hours, **more):
    return {
        "id": id,
        "timestamp": None if hours is None else NOON + hours * HOUR,
        "type": "Source Modified",
        "actor": f"user of {id}",
        "actor_email": f"{id}@example.com",
        "resource_id": resource,
        **more,
    }


def events(*rows, resources=("s1", "s2", "w1")):
    trail = audit_trail(CATALOGUE)
    assert trail is not None
    return Events(trail, rows, set(resources))


def latest(found, resources=("s1",), after=0.0, until=10.0):
    event = found.latest(resources, NOON + after * HOUR, NOON + until * HOUR)
    return event and event.id


def test_the_latest_of_the_time_in_question_counts():
    found = events(row("c", "s1", 9), row("a", "s1", 1), row("d", "s1", 11), row("b", "s1", 5))
    assert latest(found) == "c"
    assert latest(found, until=8) == "b"
    assert latest(found, after=1, until=4) is None


@pytest.mark.parametrize(("hours", "counts"), [(0, False), (0.001, True), (10, True), (10.001, False)])
def test_the_end_of_the_time_counts_and_its_beginning_does_not(hours, counts):
    assert (latest(events(row("a", "s1", hours))) == "a") is counts


def test_what_happened_to_others_does_not_count():
    assert latest(events(row("a", "s2", 5), row("b", "w9", 6), row("c", None, 7))) is None


def test_any_of_several_resources_will_do_and_the_latest_counts():
    found = events(row("a", "s1", 5), row("b", "w1", 6))
    assert latest(found, ("w1", "s1")) == "b"
    assert latest(found, ("unknown", "s1")) == "a"
    assert latest(found, ()) is None


def test_of_two_at_once_it_is_always_the_same_one():
    rows = [row("a", "s1", 5), row("b", "s1", 5)]
    assert latest(events(*rows)) == latest(events(*reversed(rows))) == "b"


def test_an_event_without_a_time_does_not_count():
    assert latest(events(row("a", "s1", None))) is None


def test_an_event_says_who_it_was():
    found = events(row("a", "s1", 5, actor="u7", actor_email=None)).latest(["s1"], NOON, NOON + 9 * HOUR)
    assert found == Event(at=NOON + 5 * HOUR, id="a", type="Source Modified", actor="u7", actor_email=None)
