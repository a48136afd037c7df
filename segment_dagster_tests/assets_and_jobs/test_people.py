"""No event of a run tells who somebody is, unless that is asked for."""

import pytest

from segment_dagster.emulator import Fault

pytestmark = pytest.mark.slow

NAMES = ("users", "invites", "suppressions", "regulations", "audit_events")


@pytest.fixture
def people(world):
    """What the workspace knows of people: names and addresses, and the ids of those who are suppressed."""
    users = world.records("users")
    found = {user["name"] for user in users} | {user["email"] for user in users}
    found |= {invite["email"] for invite in world.records("invites")}
    found |= {id for record in world.records("suppressions") for id in record["subjectIds"]}
    return {text for text in found if len(text) > 8}


def named(people, things):
    texts = [str(thing) for thing in things]
    return {person for person in people if any(person in text for text in texts)}


@pytest.fixture
def events(fresh):
    """All that an instance keeps of a run: events, logs and observations."""
    return lambda outcome: fresh.all_logs(outcome.result.run_id)


@pytest.mark.parametrize("setting", [None, "off"])
def test_no_event_of_a_run_or_a_check_names_a_person(sync, check, fresh, events, duck, people, setting, monkeypatch):
    if setting:
        monkeypatch.setenv("SEGMENT_PREVIEW", setting)
    outcome = sync(*NAMES, instance=fresh)
    assert outcome.success
    assert len(people) > 50 and named(people, events(outcome)) == set()
    assert ("segment/preview" in outcome.materialized["users"].metadata) is (setting is None)
    duck.change(
        "INSERT INTO segment_data.suppressions SELECT * FROM segment_data.suppressions",
        "INSERT INTO segment_data.invites SELECT * FROM segment_data.invites",
    )
    checked = check("suppressions", "invites", instance=fresh)
    shown = checked.failed_checks["invites", "primary_key"].metadata["first"].value
    assert len(set(shown)) == len(shown) > 1 and all("***" in each for each in shown)
    assert ("suppressions", "primary_key") in checked.failed_checks
    assert named(people, events(checked)) == set()


def test_people_are_named_where_that_is_asked_for(sync, fresh, events, people, monkeypatch):
    monkeypatch.setenv("SEGMENT_PREVIEW", "on")
    outcome = sync("users", "invites", instance=fresh)
    assert named(people, events(outcome))


def test_a_value_that_does_not_fit_is_told_without_the_person(sync, fresh, emulator, events, people):
    emulator.faults.add(Fault("wrong-type", "users", value="name"))
    outcome = sync("users", instance=fresh)
    assert "users: column name of the row with id='" in outcome.error
    assert named(people, [*events(outcome), outcome.error]) == set()


def test_a_setting_that_cannot_be_used_is_told_before_anything_is_asked(sync, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PREVIEW", "some")
    outcome = sync("workspace")
    assert "SEGMENT_PREVIEW is 'some'. Legal values: off, masked, on." in outcome.error
    assert not emulator.stats.by_endpoint
