"""A workspace whose plan lacks features: skipped, not failed, not emptied, and it says so; beside real failures."""

import re

import dagster as dg
import pytest

from segment_dagster.emulator import Edit, Fault, running
from segment_dagster.endpoints import CATALOGUE

pytestmark = pytest.mark.slow

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
LACKING = ("Protocols", "Functions", "Live Plugins", "Destination Subscriptions", "Spaces")
BROKEN = ("users", "catalog_sources")
ATTEMPTS = 2


def above(endpoint):
    """The endpoint and those it is asked with."""
    while endpoint is not None:
        yield endpoint
        endpoint = ROWS[endpoint.parent.endpoint] if endpoint.parent else None


DAILY = {row.name for row in CATALOGUE if not row.slow and not row.partitioned}
UNAVAILABLE = {row.name for row in CATALOGUE if any(each.feature in LACKING for each in above(row))}
FAILED = {row.name for row in CATALOGUE if any(each.name in BROKEN for each in above(row))}


def keys(names):
    return dg.AssetSelection.keys(*(dg.AssetKey(["segment", name]) for name in names))


def skipped(outcome):
    """Why each asset was skipped, by name."""
    reasons = {name: each.metadata.get("segment/skipped") for name, each in outcome.observed.items()}
    return {name: reason.value for name, reason in reasons.items() if reason}


@pytest.fixture
def lacking(emulator, world, monkeypatch):
    """The emulator of a workspace that lacks five features."""
    with running(world=world, minute=0.05, without=LACKING) as emulator:
        monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
        monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", str(ATTEMPTS))
        yield emulator


def test_five_features_lacking_and_two_endpoints_broken(lacking, run_selection, duck):
    for name in BROKEN:
        lacking.faults.add(Fault("500", name))
    outcome = run_selection(keys(DAILY))
    # the job ends as failed, for the sake of the two alone
    assert not outcome.success
    assert set(outcome.failure_metadata) == FAILED & DAILY
    assert set(outcome.materialized) == DAILY - UNAVAILABLE - FAILED == duck.tables()
    warned = {key: check for key, check in outcome.failed_checks.items() if key[1] != "available"}
    assert {check.severity for check in warned.values()} <= {dg.AssetCheckSeverity.WARN}
    assert all(re.match("not checked against|Not evaluated", check.description) for check in warned.values())
    assert {name for name, each in outcome.observed.items() if "segment/failed" in each.metadata} == FAILED & DAILY
    assert set(skipped(outcome)) == UNAVAILABLE & DAILY
    # one refusal for each that lacks its own feature and whose parent is there; nothing for what hangs below
    asked = lacking.stats.by_endpoint
    own = {name for name in UNAVAILABLE & DAILY if ROWS[name].feature in LACKING}
    refused = {name for name in own if not (set(each.name for each in above(ROWS[name])) - {name}) & UNAVAILABLE}
    assert {name for name in UNAVAILABLE if name in asked} == refused
    assert all(asked[name] == 1 for name in refused)
    assert all(asked[name] == ATTEMPTS for name in BROKEN)
    assert not set(asked) & (FAILED - set(BROKEN))


def test_what_is_not_available_is_skipped_with_its_reason(lacking, run_selection, duck):
    outcome = run_selection(keys(["tracking_plans", "tracking_plan_rules", "segments", "roles"]))
    assert outcome.success
    assert set(outcome.materialized) == duck.tables() == {"roles"}
    said = skipped(outcome)
    assert said["tracking_plans"] == (
        "GET /tracking-plans was refused (403): the workspace's plan lacks the feature 'Protocols'"
    )
    assert said["tracking_plan_rules"] == f"it takes one request per record of tracking_plans: {said['tracking_plans']}"
    assert said["segments"].startswith("it takes one request per record of spaces: GET /spaces was refused (403)")
    assert set(outcome.checks) == {
        *((name, "available") for name in ("tracking_plans", "tracking_plan_rules", "segments")),
        *(("roles", check) for check in ("row_count", "schema", "primary_key")),
    }
    check = outcome.failed_checks["tracking_plans", "available"]
    assert (check.severity, check.description) == (
        dg.AssetCheckSeverity.WARN,
        f"Skipped, because {said['tracking_plans']}.",
    )


def test_what_was_loaded_before_a_feature_went_stays(emulator, world, run_selection, duck, monkeypatch):
    assert run_selection(keys(["tracking_plans"])).success
    before = duck.records("tracking_plans")
    with running(world=world, minute=0.05, without=("Protocols",)) as lacking:
        monkeypatch.setenv("SEGMENT_BASE_URL", lacking.url)
        assert run_selection(keys(["tracking_plans"])).success
    assert duck.records("tracking_plans") == before != {}


def test_a_gate_that_answers_404_is_one_too(emulator, world, run_selection, monkeypatch):
    with running(world=world, minute=0.05, without=("Protocols",), gate_status=404) as lacking:
        monkeypatch.setenv("SEGMENT_BASE_URL", lacking.url)
        outcome = run_selection(keys(["tracking_plans", "tracking_plan_sources"]))
    assert outcome.success
    assert set(skipped(outcome)) == {"tracking_plans", "tracking_plan_sources"}
    assert "answered 404: the workspace's plan lacks the feature 'Protocols'" in skipped(outcome)["tracking_plans"]


def test_it_can_be_made_a_failure(lacking, run_selection, duck, monkeypatch):
    monkeypatch.setenv("SEGMENT_ON_UNAVAILABLE", "fail")
    outcome = run_selection(keys(["tracking_plans", "tracking_plan_rules", "roles"]))
    assert not outcome.success
    assert set(outcome.materialized) == duck.tables() == {"roles"}
    assert set(outcome.failure_metadata) == {"tracking_plans", "tracking_plan_rules"}
    assert outcome.failure_metadata["tracking_plans"] == (
        "tracking_plans: not available, because GET /tracking-plans was refused (403): the workspace's plan lacks the "
        "feature 'Protocols'. Have the feature added to the plan, leave the asset out of the selection, or set "
        "SEGMENT_ON_UNAVAILABLE=skip."
    )


@pytest.mark.parametrize(
    ("kind", "says"),
    [("forbidden", "lacks the permission 'Workspace Owner'"), ("revoked-token", "the token is not valid (401)")],
)
def test_a_missing_permission_and_a_bad_token_are_failures(kind, says, emulator, run_selection):
    emulator.faults.add(Fault(kind, "tracking_plans"))
    outcome = run_selection(keys(["tracking_plans"]))
    assert not outcome.success
    assert says in outcome.error
    assert skipped(outcome) == {}


def test_the_check_can_be_asked_later(lacking, run_selection, fresh):
    checks = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(["segment", "tracking_plans"]), "available"))
    run_selection(keys(["tracking_plans"]), fresh)
    ((_, later),) = run_selection(checks, fresh).checks.items()
    assert not later.passed
    assert later.description.startswith("Skipped, because GET /tracking-plans was refused (403)")


def test_the_check_passes_where_the_feature_is_there(emulator, run_selection, fresh):
    checks = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(["segment", "tracking_plans"]), "available"))
    assert run_selection(keys(["tracking_plans"]), fresh).checks["tracking_plans", "available"].passed
    ((_, later),) = run_selection(checks, fresh).checks.items()
    assert (later.passed, later.description) == (True, "The workspace has it.")


def test_a_parent_that_is_gone_costs_its_own_rows_alone(emulator, run_selection, duck):
    gone = emulator.records("destinations")[0]["id"]
    deleted = Edit("destinations", "delete", gone)
    emulator.hooks.at(1, lambda: emulator.edits.add(deleted), "destination_filters")
    outcome = run_selection(keys(["destination_filters"]))
    assert outcome.success
    metadata = outcome.materialized["destination_filters"].metadata
    assert metadata["segment/lists_not_found"].value == 1
    assert metadata["segment/lists_not_found_still_listed"].value == 0
    assert metadata["segment/lists"].value == len(emulator.world.lists("destination_filters"))
    assert outcome.checks["destination_filters", "row_count"].passed


def test_a_parent_that_is_listed_and_not_found_is_warned_of(emulator, run_selection, fresh):
    emulator.faults.add(Fault("gone", "destination_filters"))
    outcome = run_selection(keys(["destination_filters"]), fresh)
    assert outcome.success
    metadata = outcome.materialized["destination_filters"].metadata
    assert metadata["segment/lists_not_found_still_listed"].value == 1
    (name,) = metadata["segment/lists_not_found_first"].value
    assert name.startswith("destinationId=")
    only = dg.AssetCheckKey(dg.AssetKey(["segment", "destination_filters"]), "row_count")
    alone = run_selection(dg.AssetSelection.checks(only), fresh)
    for checks in (outcome.checks, alone.checks):
        failed = checks["destination_filters", "row_count"]
        assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert failed.description.endswith(f" found, but 1 list answered 404 twice though still listed ({name}).")


@pytest.mark.parametrize(
    ("fault", "name", "severity", "ends"),
    [
        (
            Fault("wrong-total", "users"),
            "user_user_groups",
            dg.AssetCheckSeverity.ERROR,
            "but its parent users delivered 60 records of 61.",
        ),
        (
            Fault("gone", "warehouse_connected_sources"),
            "warehouse_selective_syncs",
            dg.AssetCheckSeverity.WARN,
            "but 1 list of its parent warehouse_connected_sources answered 404 twice though still listed.",
        ),
    ],
    ids=["incomplete", "doubtful"],
)
def test_a_child_alone_tells_of_its_parent(fault, name, severity, ends, emulator, run_selection, fresh):
    emulator.faults.add(fault)
    outcome = run_selection(keys([name]), fresh)
    # a warning does not fail the run
    assert outcome.success == (severity is dg.AssetCheckSeverity.WARN)
    assert set(outcome.materialized) == {name}
    emulator.faults.clear()
    only = dg.AssetCheckKey(dg.AssetKey(["segment", name]), "row_count")
    alone = run_selection(dg.AssetSelection.checks(only), fresh)
    for checks in (outcome.checks, alone.checks):
        failed = checks[name, "row_count"]
        assert (failed.passed, failed.severity) == (False, severity)
        assert failed.description.endswith(ends)
    # and no more once it has come whole
    assert run_selection(keys([name]), fresh).checks[name, "row_count"].passed
    assert run_selection(dg.AssetSelection.checks(only), fresh).checks[name, "row_count"].passed


def test_an_endpoint_of_which_every_list_is_gone_has_failed(emulator, run_selection):
    emulator.faults.add(Fault("not-found", "destination_filters"))
    outcome = run_selection(keys(["destination_filters"]))
    assert not outcome.success
    assert "found nothing (404)" in outcome.error
