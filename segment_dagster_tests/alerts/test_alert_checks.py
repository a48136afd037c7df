"""Failed checks: one message when what they find changes, one when it is over."""

import dagster as dg
import pytest

from segment_dagster_tests.alerts.conftest import ROWS, SEND

pytestmark = pytest.mark.slow

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def test_a_source_that_dies_and_comes_back_is_two_messages(alerts):
    alerts.found()
    assert alerts.told() == []
    alerts.found("web")
    assert alerts.told() == [
        "segment: 1 new\nNew (error): sources_send_events of segment/health_sources: 1 rows: web, 0 events."
    ]
    for day in range(3):
        alerts.found("web", counts=day)
        assert alerts.told() == []
    alerts.found()
    assert alerts.told() == ["segment: 1 over\nOver: sources_send_events of segment/health_sources."]
    alerts.found()
    assert alerts.told() == []


def test_another_source_that_dies_is_a_message_and_so_is_each_that_comes_back(alerts):
    alerts.found("web")
    alerts.found("web", "ios")
    # what has changed and changed back between two ticks is not told
    assert [told.splitlines()[0] for told in alerts.told()] == ["segment: 1 new"]
    alerts.found("ios", "web")
    assert alerts.told() == []
    alerts.found("ios")
    assert alerts.told() == [
        "segment: 1 changed\nChanged (error): sources_send_events of segment/health_sources: 1 rows: ios, 0 events."
    ]
    alerts.found("android")
    assert [told.splitlines()[0] for told in alerts.told()] == ["segment: 1 changed"]


def test_a_quiet_source_that_dies_is_a_message(alerts):
    alerts.found(quiet=["web"])
    assert "New (warn): " in alerts.told()[0]
    alerts.found("web")
    assert "Changed (error): " in alerts.told()[0]


def test_below_the_least_severity_nothing_is_told(alerts):
    alerts.options = {"min_severity": ERROR}
    alerts.found(quiet=["web"])
    assert alerts.told() == []
    alerts.found("ios", quiet=["web"])
    assert "New (error): " in alerts.told()[0]
    alerts.found("ios", quiet=["android"])
    assert alerts.told() == []
    alerts.found(quiet=["android"])
    assert [told.splitlines()[0] for told in alerts.told()] == ["segment: 1 over"]


def test_a_check_that_does_not_tell_whom_is_told_when_it_fails_and_when_its_severity_changes(alerts):
    alerts.evaluated(ROWS, passed=False, severity=WARN, description="9 of 10 rows.")
    assert alerts.told() == ["segment: 1 new\nNew (warn): row_count of segment/events_volume: 9 of 10 rows."]
    alerts.evaluated(ROWS, passed=False, severity=WARN, description="8 of 10 rows.")
    assert alerts.told() == []
    alerts.evaluated(ROWS, passed=False, severity=ERROR, description="0 of 10 rows.")
    assert "Changed (error): " in alerts.told()[0]


def test_a_check_whose_findings_nobody_can_help_is_not_told(alerts):
    alerts.evaluated(ROWS, passed=False, severity=WARN, metadata={"segment/offenders_digest": {}})
    assert alerts.told() == []


def test_several_checks_of_one_tick_are_one_message_errors_first(alerts):
    alerts.evaluated(ROWS, passed=False, severity=WARN)
    alerts.found("web")
    (told,) = alerts.told()
    assert [line.partition(":")[0] for line in told.splitlines()] == ["segment", "New (error)", "New (warn)"]


def test_a_check_that_runs_now_has_found_what_it_found_before(alerts):
    alerts.found("web")
    assert len(alerts.told()) == 1

    @dg.asset(key=SEND.asset_key, check_specs=[dg.AssetCheckSpec(SEND.name, asset=SEND.asset_key)])
    def never_checked():
        raise dg.Failure("The destination is away.")

    # planned, and its run ended before it
    dg.materialize([never_checked], instance=alerts.instance, raise_on_error=False)
    assert alerts.told() == []
    alerts.cursor = None
    assert len(alerts.told()) == 1


def test_what_is_not_watched_any_more_is_forgotten(alerts):
    alerts.found("web")
    assert len(alerts.told()) == 1
    monitored, alerts.monitored = alerts.monitored, type(alerts.monitored).of()
    assert alerts.told() == []
    alerts.monitored = monitored
    assert [told.splitlines()[0] for told in alerts.told()] == ["segment: 1 new"]


@pytest.mark.parametrize("sources", [1, 40])
def test_a_long_message_is_cut_and_counts_the_others(alerts, sources):
    keys = [dg.AssetCheckKey(dg.AssetKey(f"asset_{number}"), "check") for number in range(sources)]
    alerts.monitored = type(alerts.monitored).of(keys)
    for key in keys:
        alerts.evaluated(key, passed=False, description="long " * 200)
    (told,) = alerts.told()
    title, *lines = told.splitlines()
    assert title == f"segment: {sources} new" and len(told) < 2_000
    assert all(len(line) < 400 for line in lines)
    if sources > 1:
        assert lines[-1] == f"and {sources - len(lines) + 1} more."


def test_a_text_of_the_api_is_no_markup_and_calls_nobody(alerts):
    foreign = "<!channel> @everyone [click](http://evil.example) <b>bold</b> \x1b[31m\n# title"
    alerts.evaluated(ROWS, passed=False, description=foreign)
    (told,) = alerts.told()
    assert not set("<>@[]\x1b") & set(told) and len(told.splitlines()) == 2
