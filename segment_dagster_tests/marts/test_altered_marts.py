"""The marts where the planted rows are altered: what the settings, other loads and odd records make of them."""

from collections import Counter

import pytest

from segment_dagster_tests.marts import planted_truth as truth

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.xdist_group("planted")]

SEEN = "events_volume"
DROPPED = "delivery_overview_filtered_at_source"


def coverage(loaded, finding):
    """The rows of a finding."""
    return [row for row in loaded.rows("tracking_plan_coverage") if row["finding"] == finding]


def blocked(loaded):
    """What was blocked, by name: how many events, and when the last."""
    return {row["event_name"]: (row["violations_28d"], row["last_seen_on"]) for row in coverage(loaded, "blocked")}


def test_a_day_that_was_loaded_by_day_and_by_hour_counts_once(loaded):
    twice = ("UPDATE {table} SET granularity = 'HOUR'", "INSERT INTO {table} SELECT * FROM {kept}")
    with loaded.altered(SEEN, *twice):
        events = {row["source_id"]: row["events_28d"] for row in loaded.rows("health_sources")}
    assert events == {source_id: each.events_28d for source_id, each in truth.HEALTH_SOURCES.items()}


def test_events_that_name_no_source_tell_of_none(loaded):
    with loaded.altered(SEEN, "UPDATE {table} SET source_id = NULL"):
        assert {row["state"] for row in loaded.rows("health_sources")} == {"unknown"}


def test_blocked_events_count_in_each_granularity_once(loaded):
    by_day = blocked(loaded)
    with loaded.altered(DROPPED, "UPDATE {table} SET granularity = 'HOUR'"):
        assert blocked(loaded) == by_day
    with loaded.altered(DROPPED, "UPDATE {table} SET granularity = 'HOUR'", "INSERT INTO {table} SELECT * FROM {kept}"):
        assert blocked(loaded) == by_day
    assert by_day


def test_blocked_events_of_today_do_not_count_yet(loaded):
    later = "UPDATE {table} SET time = '2026-03-18 00:00:00+00' WHERE time >= '2026-03-17 00:00:00+00'"
    with loaded.altered(DROPPED, later):
        assert {last for _, last in blocked(loaded).values()} == {truth.YESTERDAY.replace(day=16)}


def test_events_of_a_type_that_no_rule_can_name_are_not_unplanned(loaded):
    before = {row["event_name"] for row in coverage(loaded, "unplanned")}
    with loaded.altered(SEEN, "UPDATE {table} SET event_type = 'alias' WHERE event_name = 'Price Shown'"):
        assert {row["event_name"] for row in coverage(loaded, "unplanned")} == before - {"Price Shown"} != before


def test_without_names_no_track_call_is_judged(loaded):
    with loaded.altered(SEEN, "UPDATE {table} SET event_name = NULL"):
        found = coverage(loaded, "unplanned") + coverage(loaded, "unseen")
    assert found
    assert "track" not in {row["event_type"] for row in found}


def test_without_types_no_rule_is_judged(loaded):
    with loaded.altered(SEEN, "UPDATE {table} SET event_type = NULL"):
        assert not coverage(loaded, "unplanned") + coverage(loaded, "unseen")


def test_an_empty_name_is_none(loaded):
    with loaded.altered("sources", "UPDATE {table} SET name = '' WHERE id = 'src_live'"):
        (row,) = (row for row in loaded.rows("health_sources") if row["source_id"] == "src_live")
        assert row["source_name"] == row["source_slug"]


def test_an_invite_into_a_group_is_told_once_however_it_is_written(loaded):
    with loaded.altered("invites", "UPDATE {table} SET email = upper(email)"):
        invited = Counter(row["user_email"].lower() for row in loaded.rows("access_review") if not row["user_id"])
    assert invited == {"guest@planted.example": 1, "pending@planted.example": 1}


def test_a_function_of_no_known_type_is_not_judged(loaded):
    with loaded.altered("functions", "UPDATE {table} SET resource_type = NULL"):
        assert "function_without_instance" not in {row["kind"] for row in loaded.rows("unused")}
