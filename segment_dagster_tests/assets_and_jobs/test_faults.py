"""What the main job does when the API does something wrong: what lands, what fails, and what it says."""

import json
import subprocess
import sys

import dagster as dg
import pytest

from segment_dagster.emulator import KINDS, Edit, Fault
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NAMES = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments")

FAILING = {
    "429-retry-after": "sources: GET /sources met the rate limit (429).",
    "429-ms-before-next": "sources: GET /sources met the rate limit (429).",
    "429-reset": "sources: GET /sources met the rate limit (429).",
    "429-bare": "sources: GET /sources met the rate limit (429).",
    "500": "sources: GET /sources failed (500).",
    "503-html": "sources: GET /sources failed (503).",
    "reset": "sources: GET /sources got no whole answer from 127.0.0.1:",
    "truncated": "sources: GET /sources got no whole answer from 127.0.0.1:",
    "bad-json": "sources: GET /sources answered ",
    "empty-body": "sources: GET /sources answered 0 bytes of ",
    "repeated-cursor": "sources: GET /sources repeats an earlier cursor on page 2",
    "renamed-key": "sources: GET /sources has no records at 'data.sources': data has no key 'sources'; its keys are: "
    "pagination, sourcesList.",
    "missing-feature": "sources: GET /sources was refused (403): the token lacks the permission 'Workspace Owner'.",
    "forbidden": "sources: GET /sources was refused (403): the token lacks the permission 'Workspace Owner'.",
    "not-found": "sources: GET /sources found nothing (404).",
    "wrong-type": "sources: column slug of the row with id=",
    "null-key": "sources: column id of the row with id=None is part of the key and is missing.",
}
"""Faults that no attempt gets over, and how the message begins."""

CAUGHT = {
    "extra-field": {("sources", "schema")},
    "wrong-total": {("sources", "row_count")},
    "duplicate": {("sources", "row_count"), ("sources", "primary_key")},
    "orphan": {("sources", "references")},
}
"""Faults of the data: the rows land, and these checks fail."""

HARMLESS = {"missing-field", "slow"}
ELSEWHERE = {"gone", "large", "endless"}
"""Faults that are tried in test_unavailable.py, and in test_client_bodies.py."""

EVERYWHERE = {"revoked-token"}

PERSISTENT = {"repeated-cursor", "renamed-key", "missing-feature", "forbidden", "not-found", "wrong-type", "null-key"}
"""Faults that are not tried again."""

GATES = ("missing-feature", "not-found")
"""Faults that say of an endpoint which needs a feature that the workspace lacks it: see test_unavailable.py."""

PASSING = [kind for kind in FAILING if kind not in PERSISTENT]
"""Faults that another attempt may get over."""


def fault(kind, endpoint, **how):
    takes_seconds = kind in ("429-retry-after", "429-ms-before-next", "429-reset")
    return Fault(kind, endpoint, value=0 if takes_seconds else None, **how)


def test_every_kind_of_fault_is_in_a_test():
    assert {*FAILING, *CAUGHT, *HARMLESS, *EVERYWHERE, *ELSEWHERE} == set(KINDS)


@pytest.mark.parametrize("kind", often(FAILING, 4))
def test_a_failing_endpoint_of_a_first_run_makes_no_table_and_harms_no_other(sync, emulator, duck, kind):
    emulator.faults.add(fault(kind, "sources"))
    outcome = sync("workspace", "sources")
    assert not outcome.success
    assert set(outcome.materialized) == {"workspace"}
    assert duck.tables() == {"workspace"}
    assert duck.tables("segment_data_staging") <= {"workspace"}
    assert {name for name, _ in outcome.failed_checks} == {"sources"} and len(outcome.checks) == 7
    assert {check.severity for check in outcome.failed_checks.values()} == {dg.AssetCheckSeverity.WARN}
    head, said = outcome.error.splitlines()
    assert head == "1 of 2 endpoints failed."
    assert said.startswith(FAILING[kind])
    assert outcome.failure_metadata == {"sources": said}
    # nobody is asked again because another failed
    assert emulator.stats.by_endpoint["workspace"] == 1
    if kind in PERSISTENT:
        assert emulator.stats.by_endpoint["sources"] == (2 if kind == "repeated-cursor" else 1)


@pytest.mark.parametrize("kind", often([kind for kind in FAILING if kind not in GATES], 3))
def test_a_failing_parent_fails_its_child_and_both_tables_stay_as_they_were(sync, emulator, old_tables, fresh, kind):
    before = old_tables.read_bytes()
    emulator.faults.add(fault(kind, "spaces"))
    # one that other tests have run in knows of other tables
    outcome = sync("spaces", "segments", instance=fresh)
    assert not outcome.success
    assert outcome.materialized == {}
    assert all(outcome.checks[name, "schema"].passed for name in ("spaces", "segments"))
    assert {check.severity for check in outcome.failed_checks.values()} == {dg.AssetCheckSeverity.WARN}
    head, of_spaces, of_segments = outcome.error.splitlines()
    assert head == "2 of 2 endpoints failed."
    assert of_spaces.startswith(FAILING[kind].replace("sources", "spaces")[:20])
    assert of_segments == "segments: not read, because it takes one request per record of spaces, which failed."
    assert outcome.failure_metadata == {"spaces": of_spaces, "segments": of_segments}
    assert "segments" not in emulator.stats.by_endpoint
    assert old_tables.read_bytes() == before


@pytest.mark.parametrize(
    "kind", often(["500", "bad-json", "not-found", "429-bare", "truncated", "renamed-key", "null-key"], 3)
)
def test_a_list_that_fails_midway_leaves_nothing_of_it(sync, emulator, old_tables, kind):
    before = old_tables.read_bytes()
    emulator.faults.add(fault(kind, "segments", after=4))
    outcome = sync("segments")
    assert not outcome.success
    assert outcome.materialized == {}
    assert set(outcome.failure_metadata) == {"segments"}
    assert outcome.error.startswith("1 of 1 endpoint failed.\nsegments: ")
    assert emulator.stats.by_endpoint["spaces"] == 1
    assert old_tables.read_bytes() == before


def test_several_failures_are_each_told(sync, emulator, old_tables, duck):
    emulator.faults.add(Fault("forbidden", "sources"), Fault("renamed-key", "warehouses"), Fault("500", "segments"))
    outcome = sync()
    assert not outcome.success
    assert set(outcome.materialized) == {"workspace", "destinations", "spaces"}
    assert outcome.error.splitlines()[0] == "3 of 6 endpoints failed."
    assert set(outcome.failure_metadata) == {"sources", "warehouses", "segments"}
    # the checks of those that landed ran against the old tables of those that did not
    assert outcome.checks["destinations", "references"].passed


@pytest.mark.parametrize("kind", CAUGHT)
def test_wrong_data_lands_and_a_check_says_so(sync, emulator, duck, kind):
    emulator.faults.add(fault(kind, "sources"))
    outcome = sync("workspace", "sources")
    assert set(outcome.materialized) == {"workspace", "sources"}
    assert set(outcome.failed_checks) == CAUGHT[kind]
    # rows that are missing or doubled fail the run, after all else
    fatal = [name for name in ("row_count", "primary_key") if ("sources", name) in CAUGHT[kind]]
    said = (
        f"Checks failed for 1 loaded table: sources ({', '.join(fatal)}). See what they say on the pages of the assets."
    )
    assert (outcome.success, outcome.errors) == ((False, [said]) if fatal else (True, []))
    assert list(outcome.failure_metadata) == (["sources"] if fatal else [])
    assert len(duck.query("SELECT id FROM segment_data.sources")) == (41 if kind == "duplicate" else 40)


def test_missing_fields_land_as_null(sync, emulator, duck, expected):
    emulator.faults.add(Fault("missing-field", "sources", value="slug"))
    outcome = sync("sources", "workspace")
    assert outcome.success and not outcome.failed_checks
    found, wanted = duck.records("sources"), expected("sources")
    assert sum(record["slug"] is None for record in found.values()) == 20
    assert all(found[key] in ({**wanted[key], "slug": None}, wanted[key]) for key in wanted)


def test_a_slow_answer_is_waited_for(sync, emulator):
    emulator.faults.add(Fault("slow", "sources", value=0.2))
    assert sync("workspace", "sources").success
    assert emulator.stats.by_endpoint == {"workspace": 1, "sources": 1}


def test_an_answer_that_never_comes_fails_its_endpoint_alone(sync, emulator, monkeypatch, duck):
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.2")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    emulator.faults.add(Fault("slow", "sources", value=30))
    outcome = sync("workspace", "sources")
    assert duck.tables() == {"workspace"}
    assert "sources: GET /sources got no whole answer from 127.0.0.1:" in outcome.error
    assert "(ReadTimeout)" in outcome.error


def test_faults_that_pass_are_got_over(sync, emulator, duck, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "20")
    emulator.faults.add(*(fault(kind, "warehouses", after=number, times=1) for number, kind in enumerate(PASSING)))
    outcome = sync("workspace", "warehouses")
    assert outcome.success and not outcome.failed_checks
    assert emulator.stats.by_endpoint == {"workspace": 1, "warehouses": len(PASSING) + 1}
    assert outcome.materialized["warehouses"].metadata["segment/requests"].value == len(PASSING) + 1
    assert duck.query("SELECT count(*) FROM segment_data.warehouses") == [(3,)]


def test_a_revoked_token_fails_all_and_changes_no_table(sync, emulator, old_tables, duck):
    before = {name: duck.query(f"SELECT id, hash({name}) FROM segment_data.{name} ORDER BY id") for name in NAMES}
    emulator.faults.add(Fault("revoked-token"))
    outcome = sync()
    assert not outcome.success
    assert outcome.materialized == {} and outcome.checks == {}
    assert outcome.error.startswith("workspace: GET / was refused: the token is not valid (401).")
    assert "\n" not in outcome.error
    assert emulator.stats.by_endpoint == {"workspace": 1}
    assert emulator.token not in outcome.error
    after = {name: duck.query(f"SELECT id, hash({name}) FROM segment_data.{name} ORDER BY id") for name in NAMES}
    assert before == after


def test_a_token_revoked_midway_keeps_half_a_list_out(sync, emulator, old_tables, duck):
    before = duck.query("SELECT id, hash(segments) FROM segment_data.segments ORDER BY id")
    emulator.faults.add(Fault("revoked-token", "segments", after=3))
    outcome = sync("spaces", "segments")
    assert set(outcome.materialized) == {"spaces"}
    assert "the token is not valid (401)" in outcome.failure_metadata["segments"]
    assert duck.query("SELECT id, hash(segments) FROM segment_data.segments ORDER BY id") == before


def test_nobody_listening_fails_all(sync, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    outcome = sync("workspace", "sources")
    assert outcome.error.startswith("2 of 2 endpoints failed.\nworkspace: GET / got no whole answer from 127.0.0.1:1 (")


def test_a_space_that_comes_twice_is_asked_once(sync, emulator, duck):
    # a list that grows while it is read may show a record on two pages
    emulator.faults.add(Fault("duplicate", "spaces"))
    outcome = sync("segments")
    assert set(outcome.materialized) == {"segments"}
    # its parent is not as Segment counts it
    assert ("segments", "row_count") in outcome.failed_checks
    assert outcome.error.startswith("Checks failed for 1 loaded table: segments (row_count).")
    assert emulator.stats.by_endpoint == {"workspace": 1, "spaces": 1, "segments": 14}
    assert duck.query("SELECT count(*), count(DISTINCT id) FROM segment_data.segments") == [(2400, 2400)]


def test_failed_checks_of_several_tables_are_told_beside_an_endpoint_that_failed(sync, emulator):
    emulator.faults.add(Fault("wrong-total", "sources"), Fault("duplicate", "warehouses"), Fault("500", "labels"))
    outcome = sync("workspace", "sources", "warehouses", "labels")
    assert set(outcome.materialized) == {"workspace", "sources", "warehouses"}
    head, of_labels, of_checks = outcome.error.splitlines()
    assert head == "1 of 4 endpoints failed." and of_labels.startswith("labels: ")
    assert of_checks == (
        "Checks failed for 2 loaded tables: sources (row_count); warehouses (row_count, primary_key). "
        "See what they say on the pages of the assets."
    )
    assert outcome.failure_metadata == {
        "labels": of_labels,
        "sources": "row_count: 40 rows found, but total_entries 41.",
        "warehouses": "row_count: 4 rows found, but total_entries 3. primary_key: 1 key more than once or null.",
    }


def test_a_failed_check_does_not_run_the_step_again(run_selection, emulator):
    emulator.faults.add(Fault("wrong-total", "sources"))
    selection = dg.AssetSelection.assets(["segment", "sources"])
    outcome = run_selection(selection, op_retry_policy=dg.RetryPolicy(max_retries=3))
    assert not outcome.success and set(outcome.materialized) == {"sources"}
    assert outcome.count("STEP_UP_FOR_RETRY") == 0
    assert emulator.stats.by_endpoint == {"workspace": 1, "sources": 1}


def test_a_refused_endpoint_does_not_run_the_step_again(run_selection, emulator):
    emulator.faults.add(Fault("forbidden", "sources"))
    selection = dg.AssetSelection.assets(["segment", "workspace"], ["segment", "sources"])
    outcome = run_selection(selection, op_retry_policy=dg.RetryPolicy(max_retries=3))
    assert not outcome.success
    assert outcome.count("STEP_UP_FOR_RETRY") == 0
    assert emulator.stats.by_endpoint == {"workspace": 1, "sources": 1}


def test_a_bad_setting_is_not_retried_either(run_selection, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_REGION", "mars")
    outcome = run_selection(
        dg.AssetSelection.groups("workspace", "access"), op_retry_policy=dg.RetryPolicy(max_retries=3)
    )
    assert outcome.error.startswith("SEGMENT_REGION is 'mars'")
    assert outcome.count("STEP_UP_FOR_RETRY") == 0


@pytest.fixture
def locked(old_tables, monkeypatch):
    """Another process that has the DuckDB file open for writing, for longer than a run waits."""
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.01")
    hold = "import duckdb; c = duckdb.connect('segment.duckdb'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline()
        try:
            yield holder.pid
        finally:
            holder.kill()


def test_a_locked_file_is_told_in_one_line_before_anything_is_asked(sync, locked, emulator):
    outcome = sync("warehouses")
    assert not outcome.success
    assert outcome.materialized == {}
    assert emulator.stats.requests == []
    assert "\n" not in outcome.error
    assert f"segment.duckdb is locked by {sys.executable.split('/')[0]}" in outcome.error
    assert f"(process {locked})" in outcome.error
    assert outcome.error.endswith(
        "Close it there, raise SEGMENT_LOCK_TIMEOUT, or set DESTINATION__DUCKDB__CREDENTIALS to another place."
    )


def test_checks_of_a_locked_file_are_told_in_one_line(check, earlier, locked):
    outcome = check("warehouses", instance=earlier)
    assert not outcome.success
    assert f"(process {locked}), and was for 0.01 s: one process at a time can load." in outcome.error
    assert "\n" not in outcome.error


def test_rows_of_a_failed_load_do_not_come_back(sync, emulator, old_tables, duck):
    """dlt keeps a package it could not load, and would load it in the place of the next run's rows."""
    duck.change("ALTER TABLE segment_data.warehouses ALTER enabled TYPE VARCHAR[] USING [enabled::VARCHAR]")
    assert not sync("warehouses").success
    duck.change("DROP TABLE segment_data.warehouses")
    kept, *others = emulator.world.records("warehouses")
    emulator.edits.add(*(Edit("warehouses", "delete", record["id"]) for record in others))
    assert sync("warehouses").success
    assert set(duck.records("warehouses")) == {kept["id"]}


def test_failures_are_in_the_run_log_as_errors(sync, emulator, one_instance):
    emulator.faults.add(Fault("not-found", "sources"))
    outcome = sync("sources")
    logged = [entry.user_message for entry in one_instance.all_logs(outcome.result.run_id) if entry.level == 40]
    assert any(message.startswith("sources: GET /sources found nothing (404).") for message in logged)


def test_no_message_is_longer_than_a_screen_or_holds_a_body(sync, emulator):
    emulator.faults.add(Fault("wrong-type", "sources", value="slug"))
    outcome = sync("sources")
    assert "holds an object, which is no text" in outcome.error
    assert "unexpected" not in outcome.error
    assert len(json.dumps(outcome.failure_metadata)) < 1000
