"""The marts against the truth: every case found, none missed, none named wrongly."""

from collections import Counter

import pytest

from segment_dagster_tests.marts import planted_truth as truth

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.xdist_group("planted")]


def by(rows, key):
    """The rows by a column, which is theirs alone."""
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_source_has_its_state_and_numbers(loaded):
    rows = by(loaded.rows("health_sources"), "source_id")
    assert {
        source_id: truth.Source(
            row["source_name"],
            row["state"],
            row["last_event_on"],
            row["events_1d"],
            row["events_7d"],
            row["events_28d"],
            row["events_previous_7d"],
            _close(row["trend"]),
            row["destinations"],
            row["enabled_destinations"],
            row["warehouses"],
            row["enabled"],
        )
        for source_id, row in rows.items()
    } == truth.HEALTH_SOURCES
    assert {row["missing_days"] for row in rows.values()} == {0}
    assert {row["as_of"] for row in rows.values()} == {truth.YESTERDAY}


def test_a_missing_day_makes_unknown_what_may_have_sent_on_it(loaded):
    day = truth.MISSING_DAY
    with loaded.without_rows("events_volume", f"time >= '{day} 00:00:00+00' AND time < '{day} 23:59:59.999+00'"):
        rows = by(loaded.rows("health_sources"), "source_id")
    assert {source_id for source_id, row in rows.items() if row["state"] == "unknown"} == truth.UNKNOWN_WITHOUT_THE_DAY
    others = truth.HEALTH_SOURCES.keys() - truth.UNKNOWN_WITHOUT_THE_DAY
    assert {each: rows[each]["state"] for each in others} == {each: truth.HEALTH_SOURCES[each].state for each in others}
    assert {row["missing_days"] for row in rows.values()} == {1}


def test_thresholds_decide_what_is_quiet_and_dead(loaded):
    states = {row["source_id"]: row["state"] for row in loaded.rows("health_sources", quiet_days=3, dead_days=21)}
    assert states["src_quiet"] == "live"
    assert states["src_dead"] == "quiet" and states["src_dead_28"] == "dead"


def test_every_destination_has_its_state_and_reasons(loaded):
    rows = by(loaded.rows("health_destinations"), "destination_id")
    found = {
        destination_id: truth.Destination(
            row["source_id"],
            row["state"],
            row["delivered_7d"],
            row["failed_7d"],
            _close(row["success_rate_7d"]),
            _close(row["success_rate_previous_7d"]),
            _reasons(row["top_reasons"]),
            row["last_delivered_on"],
            row["last_failed_on"],
            row["filtered_7d"],
            row["retried_7d"],
        )
        for destination_id, row in rows.items()
    }
    assert found == truth.HEALTH_DESTINATIONS
    destination_id, name = truth.NAMELESS_DESTINATION
    assert rows[destination_id]["destination_name"] == name


def _close(value):
    return None if value is None else pytest.approx(value)


def _reasons(text):
    each = [part.rsplit(" (", 1) for part in text.split(", ")] if text else []
    return tuple((None if reason == "no reason" else reason, int(count.rstrip(")"))) for reason, count in each)


def test_a_day_without_deliveries_makes_unknown_what_is_not_disabled(loaded):
    day = truth.MISSING_DELIVERY_DAY
    condition = f"time >= '{day} 00:00:00+00' AND time < '{day} 23:59:59.999+00'"
    tables = ("successful_delivery", "failed_delivery", "filtered_at_destination")
    with (
        loaded.without_rows(f"delivery_overview_{tables[0]}", condition),
        loaded.without_rows(f"delivery_overview_{tables[1]}", condition),
        loaded.without_rows(f"delivery_overview_{tables[2]}", condition),
    ):
        states = {row["destination_id"]: row["state"] for row in loaded.rows("health_destinations")}
    assert states == {
        destination_id: "disabled" if each.state == "disabled" else "unknown"
        for destination_id, each in truth.HEALTH_DESTINATIONS.items()
    }


def test_what_nobody_governs_is_found(loaded):
    rows = loaded.rows("tracking_plan_coverage")
    found = {
        finding: {
            truth.Finding(
                row["tracking_plan_id"],
                row["source_id"],
                row["event_name"],
                row["event_type"],
                row["events_28d"],
                row["violations_28d"],
                row["last_seen_on"],
            )
            for row in rows
            if row["finding"] == finding
        }
        for finding in truth.TRACKING_PLAN_COVERAGE
    }
    assert found == truth.TRACKING_PLAN_COVERAGE
    assert len(rows) == sum(map(len, truth.TRACKING_PLAN_COVERAGE.values()))


def test_without_the_reasons_nothing_counts_as_blocked(loaded):
    assert "blocked" not in {row["finding"] for row in loaded.rows("tracking_plan_coverage", violation_reasons=())}


def test_who_may_do_what_is_found(loaded):
    rows = loaded.rows("access_review")
    found = [
        truth.Access(
            row["user_id"],
            row["user_email"],
            row["granted_by"],
            row["group_name"],
            row["role_name"],
            row["resource_type"],
            row["resource_id"],
            row["state"],
            row["last_event_at"],
        )
        for row in rows
    ]
    assert Counter(found) == Counter(truth.ACCESS_REVIEW)


def test_without_the_trail_it_is_not_known_who_acts(loaded):
    with loaded.without_rows("audit_events", "1 = 1"):
        states = Counter(row["state"] for row in loaded.rows("access_review"))
    assert set(states) == {"unknown", "invited"}


def test_what_nobody_uses_is_found(loaded):
    rows = loaded.rows("unused")
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["kind"], {})[row["id"]] = row["name"]
    assert found == truth.UNUSED
    assert len(rows) == sum(map(len, truth.UNUSED.values()))


def test_what_was_disabled_long_ago_is_unused(loaded):
    found = {
        row["id"]: row["since"]
        for row in loaded.rows("unused", disabled_days=60)
        if row["kind"] == "destination_disabled"
    }
    assert found == {"dst_off_70": truth.DISABLED_SINCE["dst_off_70"]}


def test_the_changes_of_each_week_are_counted(loaded):
    found = {
        truth.Changes(
            row["week"], row["actor"], row["actor_email"], row["change"], row["kind"], row["changes"], row["records"]
        )
        for row in loaded.rows("changes_weekly")
    }
    assert found == truth.CHANGES_WEEKLY
