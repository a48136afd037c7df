"""The command that compares what a workspace holds with what landed."""

import re

import pytest

from segment_dagster.demo.full_read import main

pytestmark = pytest.mark.slow

FEW = ["sources", "destinations", "segments", "events_volume", "usage_api_calls_daily", "usage_api_calls_daily_delta"]


@pytest.fixture
def said(capsys):
    """The exit status, the rows of the table by endpoint, and all that was printed."""

    def run(*arguments):
        status = main(list(arguments))
        text = capsys.readouterr().out
        rows = {
            line.split()[0]: line.split()[1:]
            for line in text.splitlines()
            if re.match(r"\w+ +(landed|skip|fail)", line)
        }
        return status, rows, text

    return run


@pytest.mark.long
def test_a_whole_workspace_is_no_difference(said):
    status, rows, text = said("--only", *FEW, "audit_events")
    assert status == 0
    assert list(rows) != [] and set(rows) == {*FEW, "audit_events"}
    for outcome, expected, landed, distinct, again, *_ in rows.values():
        assert outcome == "landed" and expected == landed == distinct == again
    assert "7 endpoints: 7 landed, 0 skipped, 0 failed;" in text and " 0 differences" in text


def test_what_is_lacking_and_what_is_broken_is_told_apart(said):
    names = ("roles", "users", "user_user_groups", "tracking_plans", "tracking_plan_rules")
    status, rows, text = said("--only", *names, "--lacking", "Protocols", "--fault", "500:users")
    assert status == 1
    assert {name: row[0] for name, row in rows.items()} == {
        "roles": "landed",
        "users": "failed",
        "user_user_groups": "failed",
        "tracking_plans": "skipped",
        "tracking_plan_rules": "skipped",
    }
    assert "failed users: GET /users failed (500)" in text
    assert "skipped tracking_plans: GET /tracking-plans was refused (403)" in text
    assert "5 endpoints: 1 landed, 2 skipped, 2 failed; 10 rows of those that landed, 0 differences" in text


def test_a_row_that_comes_twice_is_a_difference(said):
    status, rows, text = said("--only", "roles", "--fault", "duplicate:roles")
    outcome, expected, landed, distinct, *_ = rows["roles"]
    assert (status, outcome) == (1, "landed")
    assert int(landed) == int(expected) + 1 and distinct == expected
    assert ", 1 differences" in text
