"""The planted cases beside a made-up workspace. What they are is proven in `segment_dagster_tests/marts`."""

from datetime import datetime, timezone
from itertools import islice

import pytest

from segment_dagster.emulator import World, running
from segment_dagster.emulator.planted import history, numbers, planted_makers
from segment_dagster.emulator.planted.makers import IDS
from segment_dagster.emulator.world import MAKERS
from segment_dagster.endpoints import CATALOGUE

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 18, 12, tzinfo=timezone.utc)
LISTED = [row.name for row in CATALOGUE if row.time is None]
WEEK = {
    "startTime": ("2026-03-11",),
    "endTime": ("2026-03-18",),
    "granularity": ("DAY",),
    "groupBy": ("source", "eventName", "eventType"),
}


@pytest.fixture(scope="module")
def both():
    """A made-up workspace with the planted cases."""
    with running(planted=True, now=NOW) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def alone():
    with running(scale=0, planted=True, now=NOW) as emulator:
        yield emulator


@pytest.mark.parametrize("name", LISTED)
def test_made_up_records_are_the_same_beside_planted_ones(world, both, name):
    for values in islice(world.lists(name), 40):
        made_up = world.records(name, values)
        every = both.world.records(name, values)
        assert every[: len(made_up)] == made_up
        assert not every[len(made_up) :] or world.lists(name) == [{}] or name == "functions"


def test_made_up_events_are_the_same_beside_planted_ones(world, both):
    with running(world=world, now=NOW) as emulator:
        without = emulator.timed("events_volume", WEEK)
        trail = emulator.audit_events()
    beside = both.timed("events_volume", WEEK)
    assert [record for record in beside if record["source"]["id"] not in IDS] == without
    assert [event for event in both.audit_events() if event["actor"] not in {*IDS, "tok_deploy"}] == trail


def test_planted_events_are_the_same_beside_made_up_ones(both, alone):
    beside = both.timed("events_volume", WEEK)
    assert [record for record in beside if record["source"]["id"] in IDS] == alone.timed("events_volume", WEEK)
    for name in ("tracking_plan_rules", "user_group_users", "computed_traits"):
        own = [record for record in both.records(name) if not IDS.isdisjoint(map(str, record.values()))]
        assert own == alone.records(name)


def test_it_is_the_same_each_time(alone):
    with running(scale=0, planted=True, now=NOW) as again:
        assert again.timed("events_volume", WEEK) == alone.timed("events_volume", WEEK)
        assert again.audit_events() == alone.audit_events()
        assert again.records("sources") == alone.records("sources")


def test_the_days_are_counted_back_from_the_start():
    with running(scale=0, planted=True, now=datetime(2024, 3, 1)) as emulator:
        (removed,) = [edit for edit in emulator.edits.active if edit.action == "delete"]
        assert removed.at == datetime(2024, 2, 25, 15, tzinfo=timezone.utc)
        assert emulator.corrections.active == numbers(NOW.date().replace(2024, 3, 1))


def test_nothing_is_planted_unless_it_is_asked_for(emulator):
    assert (emulator.edits.active, emulator.corrections.active) == ([], [])
    assert IDS.isdisjoint(source["id"] for source in emulator.records("sources"))


def test_an_existing_workspace_is_refused(world):
    with (
        pytest.raises(ValueError, match="planted cases need a workspace of their own: give scale and seed"),
        running(world=world, planted=True),
    ):
        pass


def test_every_case_is_one_of_a_planted_record():
    ids = {*IDS, "tok_deploy"}
    assert {edit.id for edit in history(NOW.date())} <= ids
    named = {getattr(each, field, None) for each in numbers(NOW.date()) for field in ("source_id", "destination_id")}
    assert named - {None} <= ids


def test_secrets_of_planted_records_are_known():
    world = World(0, makers=planted_makers(MAKERS))
    keys = {key for source in world.records("sources") for key in source["writeKeys"]}
    assert keys
    assert keys <= world.secrets
