"""With SEGMENT_HISTORY: every version is kept, a check proves it, and `segment/changes` says who did what."""

import hashlib
import hmac
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import pytest
from dagster_dlt.translator import DltResourceTranslatorData

from segment_dagster.assets import SegmentTranslator
from segment_dagster.automation import families
from segment_dagster.definitions import defs
from segment_dagster.emulator import Edit, Fault, running
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster.errors import SettingError
from segment_dagster.extract.resources import segment_source
from segment_dagster.marts.changes import COLUMNS
from segment_dagster_tests.text_finder import TextFinder
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

KEPT = {row.name for row in CATALOGUE if row.keeps_history}
TOLD = ("sources", "segments", "audit_events", "changes")
KEY = "fingerprint-key-like-no-other-0815"
CHANGES = dg.AssetKey(["segment", "changes"])


def keys(*names):
    return [dg.AssetKey(["segment", name]) for name in names]


@pytest.fixture(scope="module")
def location():
    """The definitions as they are where history is on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGMENT_HISTORY", "true")
        return defs()


@pytest.fixture
def run(location, emulator, one_instance, outcome_of, monkeypatch):
    """Run the part of the main job that is named, with history on."""
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    emulator.edits.quiet_audit = True
    job = location.resolve_job_def("segment_sync")

    def run(*names, instance=one_instance):
        result = job.execute_in_process(instance=instance, asset_selection=keys(*names), raise_on_error=False)
        return outcome_of(result)

    return run


@pytest.fixture
def check(location, one_instance, outcome_of, monkeypatch):
    """Evaluate the history's checks of these assets, and nothing else."""
    monkeypatch.setenv("SEGMENT_HISTORY", "true")

    def check(*names):
        asked = [dg.AssetCheckKey(key, "history") for key in keys(*names)]
        job = dg.define_asset_job("of_the_test", selection=dg.AssetSelection.checks(*asked))
        merged = dg.Definitions.merge(location, dg.Definitions(jobs=[job]))
        result = merged.resolve_job_def("of_the_test").execute_in_process(instance=one_instance, raise_on_error=False)
        return outcome_of(result).checks

    return check


@pytest.fixture
def changes(duck):
    """The rows of the table, each as a record, in order."""

    def changes(where="true"):
        shown = [
            f"epoch_us({column.field})" if column.type == "timestamp" else f"{column.field}::VARCHAR"
            for column in COLUMNS
        ]
        found = duck.query(f"SELECT {', '.join(shown)} FROM segment_data.changes WHERE {where}")
        rows = [dict(zip([column.field for column in COLUMNS], row, strict=True)) for row in found]
        return sorted(rows, key=lambda row: (row["endpoint"], row["record_key"], row["change"], row["field"] or ""))

    return changes


def said(outcome, instance):
    """What the run logged as a warning."""
    entries = instance.all_logs(outcome.result.run_id)
    return [entry.user_message for entry in entries if entry.level == 30]


def test_without_the_setting_nothing_is_other_than_it_was(code_location, sync, duck):
    checks = {key.name for key in code_location.resolve_asset_graph().asset_check_keys}
    assert "history" not in checks
    assert CHANGES not in code_location.resolve_all_asset_keys()
    outcome = sync("sources", "segments")
    assert outcome.success
    assert duck.tables() == {"sources", "segments"}
    assert not [name for name in outcome.materialized["sources"].metadata if "history" in name]


def test_a_setting_that_cannot_be_used_is_told_when_the_definitions_are_made(monkeypatch):
    monkeypatch.setenv("SEGMENT_HISTORY", "perhaps")
    with pytest.raises(SettingError, match=r"SEGMENT_HISTORY is 'perhaps'. Legal values: true, false."):
        defs()


def test_the_assets_whose_history_is_kept_have_the_check(location):
    checks = [key for key in location.resolve_asset_graph().asset_check_keys if key.name == "history"]
    assert {key.asset_key.path[-1] for key in checks} == KEPT


def test_the_asset_of_the_changes_says_what_it_is(location):
    (spec,) = [spec for spec in location.resolve_all_asset_specs() if spec.key == CHANGES]
    daily = {row.name for row in CATALOGUE if row.keeps_history and not row.slow}
    assert {dep.asset_key.path[-1] for dep in spec.deps} == daily | {"audit_events"}
    assert (spec.group_name, spec.owners, spec.kinds) == ("changes", ["team:data"], {"segment", "dlt", "duckdb"})
    assert "who did it" in spec.description
    declared = spec.metadata["dagster/column_schema"].columns
    assert [column.name for column in declared] == [column.field for column in COLUMNS]
    jobs = ("segment_sync", "segment_audit_sync", "segment_slow_sync")
    layers = [location.resolve_job_def(name).asset_layer for name in jobs]
    assert [CHANGES in layer.selected_asset_keys for layer in layers] == [True, True, False]


def test_new_changed_and_deleted_sources_and_audiences_and_who_did_it(run, emulator, world, duck, changes):
    sources, audiences = world.records("sources"), world.records("segments")
    ann, bob = world.records("users")[3], world.records("users")[5]
    assert run(*TOLD).success
    assert changes() == []
    settings = {**sources[0]["settings"], "region": "mars"}
    emulator.edits.add(
        Edit("sources", "modify", sources[0]["id"], {"settings": settings, "enabled": True}, actor=ann["id"]),
        Edit("sources", "delete", sources[1]["id"], actor=bob["id"]),
        Edit("sources", "create", "newsource", {"name": "Fresh"}, actor=ann["id"]),
        Edit("segments", "modify", audiences[0]["id"], {"name": "Renamed"}, actor=bob["id"]),
        Edit("segments", "delete", audiences[1]["id"], actor=ann["id"]),
        Edit("segments", "create", "newaudience", {"name": "Newcomers"}, actor=bob["id"]),
    )
    second = run(*TOLD)
    assert second.success and not [key for key in second.failed_checks if key[1] == "history"]

    for name, rows in (("sources", 40), ("segments", 2400)):
        metadata = second.materialized[name].metadata
        assert metadata["dagster/row_count"].value == metadata["segment/history_current"].value == rows
        # one more for the new one and one for the changed one
        assert metadata["segment/history_versions"].value == rows + 2
        assert second.checks[name, "history"].passed
        assert duck.query(f"SELECT count(*) FROM segment_data.{name}_history WHERE valid_to IS NULL") == [(rows,)]

    told = {(row["endpoint"], row["record_key"], row["change"], row["field"]): row for row in changes()}
    old_region = sources[0]["settings"].get("region")
    assert set(told) == {
        ("sources", sources[0]["id"], "changed", "settings.region"),
        *([] if sources[0]["enabled"] else [("sources", sources[0]["id"], "changed", "enabled")]),
        ("sources", sources[1]["id"], "removed", None),
        ("sources", "newsource", "added", None),
        ("segments", audiences[0]["id"], "changed", "name"),
        ("segments", audiences[1]["id"], "removed", None),
        ("segments", "newaudience", "added", None),
    }
    region = told["sources", sources[0]["id"], "changed", "settings.region"]
    assert (region["old_value"], region["new_value"]) == (json.dumps(old_region), '"mars"')
    renamed = told["segments", audiences[0]["id"], "changed", "name"]
    assert (json.loads(renamed["old_value"]), json.loads(renamed["new_value"])) == (audiences[0]["name"], "Renamed")
    assert renamed["record_name"] == "Renamed"
    gone = told["sources", sources[1]["id"], "removed", None]
    assert json.loads(gone["old_value"])["id"] == sources[1]["id"] and gone["new_value"] is None
    added = told["sources", "newsource", "added", None]
    assert json.loads(added["new_value"])["name"] == "Fresh" and added["old_value"] is None

    who = {key: row["actor_email"] for key, row in told.items()}
    assert {email for (_, key, *_), email in who.items() if key == sources[0]["id"]} == {ann["email"]}
    assert who["sources", sources[1]["id"], "removed", None] == bob["email"]
    assert who["sources", "newsource", "added", None] == ann["email"]
    assert who["segments", audiences[0]["id"], "changed", "name"] == bob["email"]
    assert who["segments", audiences[1]["id"], "removed", None] == ann["email"]
    assert who["segments", "newaudience", "added", None] == bob["email"]
    assert (added["actor"], added["audit_event_type"]) == (ann["id"], "Source Created")
    events = duck.query("SELECT id, resource_id, epoch_us(timestamp) FROM segment_data.audit_events")
    assert {(row["audit_event_id"], row["record_key"], row["happened_at"]) for row in told.values()} <= set(events)
    assert all(row["happened_at"] <= row["seen_at"] for row in told.values())

    metadata = second.materialized["changes"].metadata
    assert metadata["dagster/row_count"].value == metadata["segment/with_actor"].value == len(told)
    assert metadata["segment/histories"].value == 2
    assert metadata["dagster/table_name"].value == "segment.segment_data.changes"
    assert "newsource" not in metadata["segment/preview"].value and "Fresh" in metadata["segment/preview"].value


@pytest.mark.long
def test_a_run_after_which_nothing_is_new_tells_the_same(run, emulator, world, changes):
    run(*TOLD)
    emulator.edits.add(Edit("sources", "delete", world.records("sources")[1]["id"]))
    run(*TOLD)
    before = changes()
    outcome = run(*TOLD)
    assert changes() == before != []
    assert outcome.materialized["sources"].metadata["segment/history_versions"].value == 40


def test_each_change_is_told_by_the_load_that_saw_it(run, emulator, world, duck, changes):
    id = world.records("sources")[0]["id"]
    for name in ("First", "Second", "Third"):
        emulator.edits.replace([Edit("sources", "modify", id, {"name": name})])
        run(*TOLD)
    rows = sorted(changes(), key=lambda row: row["seen_at"])
    assert [(row["old_value"], row["new_value"]) for row in rows] == [('"First"', '"Second"'), ('"Second"', '"Third"')]
    (loads,) = duck.query("SELECT count(*) FROM segment_data._dlt_loads")
    assert loads[0] == 6 and len({row["seen_at"] for row in rows}) == 2


@pytest.mark.long
def test_the_first_record_of_an_empty_list_is_a_change(run, monkeypatch, emulator, changes):
    """There is no first version to know the first load by."""
    with running(scale=0, minute=0.05) as empty:
        monkeypatch.setenv("SEGMENT_BASE_URL", empty.url)
        assert run("warehouses", "changes").success
    monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
    assert run("warehouses", "changes").success
    assert [(row["endpoint"], row["change"]) for row in changes()] == [("warehouses", "added")] * 3


@pytest.mark.long
def test_an_endpoint_that_is_loaded_later_begins_with_its_own_first_load(run, changes):
    run("sources", "changes")
    run("sources", "warehouses", "changes")
    assert changes() == []


@pytest.mark.long
def test_what_a_list_repeats_is_told_of_once(run, emulator, world, changes):
    names = ("sources", "warehouses", "warehouse_connected_sources", "tracking_plan_sources", "changes")
    repeated = {record["id"] for record in world.records("warehouse_connected_sources")}
    id = next(record["id"] for record in world.records("sources") if record["id"] in repeated)
    run(*names)
    emulator.edits.add(Edit("sources", "modify", id, {"name": "New"}))
    outcome = run(*names)
    assert [(row["endpoint"], row["field"]) for row in changes()] == [("sources", "name")]
    # though each history has it
    assert outcome.materialized["warehouse_connected_sources"].metadata["segment/history_versions"].value > len(
        world.records("warehouse_connected_sources")
    )


@pytest.mark.long
def test_what_a_list_repeats_is_told_of_where_nothing_else_tells_it(run, emulator, world, changes):
    record = world.records("warehouse_connected_sources")[0]
    run("warehouse_connected_sources", "changes")
    emulator.edits.add(Edit("sources", "modify", record["id"], {"name": "New"}))
    run("warehouse_connected_sources", "changes")
    assert {(row["endpoint"], row["field"]) for row in changes()} == {("warehouse_connected_sources", "name")}


@pytest.mark.long
def test_without_the_audit_trail_nobody_is_named_and_with_it_they_are(run, emulator, world, changes, fresh):
    bob = world.records("users")[5]
    run("sources", "changes")
    emulator.edits.add(Edit("sources", "delete", world.records("sources")[1]["id"], actor=bob["id"]))
    outcome = run("sources", "changes", instance=fresh)
    assert outcome.success
    assert [(row["change"], row["actor"], row["happened_at"]) for row in changes()] == [("removed", None, None)]
    assert "changes: who did it is not known before segment/audit_events is materialized." in said(outcome, fresh)
    later = run("audit_events", "changes", instance=fresh)
    assert [(row["change"], row["actor"]) for row in changes()] == [("removed", bob["id"])]
    assert said(later, fresh) == []


@pytest.mark.long
def test_what_the_audit_trail_does_not_tell_has_no_actor(run, emulator, world, changes):
    sources = world.records("sources")
    run(*TOLD)
    emulator.edits.add(
        Edit("sources", "modify", sources[0]["id"], {"name": "Quietly"}, silent=True),
        Edit("sources", "delete", sources[1]["id"]),
    )
    run(*TOLD)
    assert [row["actor"] is None for row in changes("change = 'changed'")] == [True]
    assert [row["actor"] is None for row in changes("change = 'removed'")] == [False]


@pytest.mark.long
def test_what_somebody_did_before_the_record_was_seen_as_it_was_is_not_the_cause(run, emulator, world, changes):
    id = world.records("sources")[0]["id"]
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    earlier = Edit("sources", "modify", id, {"name": "Before"}, at=yesterday)
    emulator.edits.add(earlier)
    run(*TOLD)
    emulator.edits.add(Edit("sources", "modify", id, {"name": "Quietly"}, silent=True))
    run(*TOLD)
    (row,) = changes()
    assert (row["new_value"], row["actor"]) == ('"Quietly"', None)


def test_without_a_history_the_table_is_empty_and_the_log_says_why(run, changes, fresh):
    outcome = run("changes", instance=fresh)
    assert outcome.success
    assert changes() == []
    assert said(outcome, fresh) == [
        "changes: empty, because there is no history yet. Materialize the assets with SEGMENT_HISTORY=true."
    ]
    assert outcome.materialized["changes"].metadata["dagster/row_count"].value == 0


def test_the_table_has_the_columns_that_are_declared(run, duck):
    run("changes")
    types = {"text": "VARCHAR", "json": "JSON", "timestamp": "TIMESTAMP WITH TIME ZONE"}
    assert duck.columns("changes") == {column.field: types[column.type] for column in COLUMNS}


@pytest.mark.long
def test_the_changes_are_made_though_some_endpoints_failed_and_others_are_not_available(
    emulator, world, run, changes, monkeypatch
):
    names = ("sources", "users", "tracking_plans", "tracking_plan_rules", "audit_events", "changes")
    with running(world=world, minute=0.05, without=("Protocols",)) as lacking:
        monkeypatch.setenv("SEGMENT_BASE_URL", lacking.url)
        monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
        run(*names)
        lacking.faults.add(Fault("500", "users"))
        lacking.edits.add(Edit("sources", "delete", world.records("sources")[1]["id"]))
        outcome = run(*names)
    assert not outcome.success
    assert set(outcome.failure_metadata) == {"users"}
    assert set(outcome.materialized) == {"sources", "audit_events", "changes"}
    assert [(row["endpoint"], row["change"]) for row in changes()] == [("sources", "removed")]


def test_what_was_not_read_was_not_removed(emulator, world, run, changes, monkeypatch):
    run("sources", "tracking_plans", "changes")
    with running(world=world, minute=0.05, without=("Protocols",)) as lacking:
        monkeypatch.setenv("SEGMENT_BASE_URL", lacking.url)
        lacking.faults.add(Fault("500", "sources"))
        monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
        run("sources", "tracking_plans", "changes")
    assert changes() == []


def test_a_history_that_cannot_be_read_fails_the_asset_in_one_line(run, duck, one_instance):
    run("sources")
    duck.change("ALTER TABLE segment_data.sources_history DROP COLUMN valid_from")
    outcome = run("changes")
    assert not outcome.success and outcome.materialized == {}
    assert outcome.error.startswith("changes: dlt failed at the step 'read' on duckdb")
    assert "valid_from" in outcome.error and len(outcome.error.splitlines()) == 1
    (record,) = one_instance.fetch_observations(dg.AssetKey(["segment", "changes"]), limit=1).records
    assert record.asset_observation.metadata["segment/failed"].value == outcome.error


TAMPERED = {
    "a current version is gone": (
        "DELETE FROM segment_data.sources_history WHERE id = (SELECT min(id) FROM segment_data.sources)",
        "39 current versions of 40 rows.",
    ),
    "a record has two": (
        "INSERT INTO segment_data.sources_history SELECT * FROM segment_data.sources_history LIMIT 1",
        "41 current versions of 40 rows; 1 key with more than one current version, or null.",
    ),
    "a version ends before it begins": (
        "INSERT INTO segment_data.sources_history BY NAME SELECT * REPLACE (valid_from AS valid_to) "
        "FROM segment_data.sources_history LIMIT 1",
        "1 key with a version that ends before it begins.",
    ),
    "rows are gone from the table": (
        "DELETE FROM segment_data.sources WHERE id IN (SELECT id FROM segment_data.sources LIMIT 2)",
        "40 current versions of 38 rows.",
    ),
    "the history is gone": (
        "DROP TABLE segment_data.sources_history",
        "There is no table 'sources_history' in the dataset: materialize segment/sources.",
    ),
    "the table is gone": (
        "DROP TABLE segment_data.sources",
        "There is no table 'sources' in the dataset: materialize segment/sources.",
    ),
}


@pytest.mark.parametrize(("tampering", "description"), often(TAMPERED.values(), 2), ids=TAMPERED)
def test_the_check_fires_when_somebody_tampers_with_the_tables(tampering, description, run, check, duck):
    run("sources")
    assert check("sources")["sources", "history"].passed
    duck.change(tampering)
    failed = check("sources")["sources", "history"]
    assert not failed.passed and failed.severity is dg.AssetCheckSeverity.ERROR
    assert failed.description == description


def test_the_check_names_the_keys(run, check, duck, world):
    run("sources")
    id = world.records("sources")[4]["id"]
    duck.change(
        f"INSERT INTO segment_data.sources_history SELECT * FROM segment_data.sources_history WHERE id = '{id}'"
    )
    metadata = check("sources")["sources", "history"].metadata
    assert {name: value.value for name, value in metadata.items()} == {"rows": 40, "current": 41, "first": [id]}


def test_the_check_passes_where_a_key_may_be_null_in_part(run):
    outcome = run("tracking_plan_rules", "functions")
    assert outcome.checks["tracking_plan_rules", "history"].passed
    assert outcome.checks["functions", "history"].passed


def test_in_assets_of_ones_own_a_history_has_a_key_of_its_own(emulator):
    source = segment_source(endpoints=["sources"], history=True)
    translator = SegmentTranslator(CATALOGUE)
    data = [DltResourceTranslatorData(resource=resource, pipeline=None) for resource in source.resources.values()]
    specs = [translator.get_asset_spec(each) for each in data]
    assert [spec.key for spec in specs] == keys("sources", "sources_history")
    assert len({spec.group_name for spec in specs}) == 1


@pytest.mark.long
def test_the_whole_job_keeps_every_history_and_tells_of_no_change(run, duck, location, one_instance, outcome_of):
    result = location.resolve_job_def("segment_sync").execute_in_process(instance=one_instance, raise_on_error=False)
    outcome = outcome_of(result)
    assert outcome.success, outcome.errors
    daily = {row.name for row in families(TABLES)[0].endpoints}
    assert duck.tables() == daily | {f"{name}_history" for name in KEPT & daily} | {"changes"}
    histories = {name for name, check in outcome.checks if check == "history"}
    assert histories == KEPT & daily
    assert not [key for key in outcome.failed_checks if key[1] == "history"]
    assert outcome.materialized["changes"].metadata["segment/histories"].value == len(KEPT & daily)
    assert outcome.materialized["changes"].metadata["dagster/row_count"].value == 0


def test_a_changed_secret_is_a_change_whose_values_are_fingerprints(
    run, emulator, world, changes, duck, monkeypatch, tmp_path
):
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", KEY)
    old, new = world.records("sources")[0]["writeKeys"], ["a-Write-Key-like-no-other-4711"]
    run(*TOLD)
    emulator.edits.add(Edit("sources", "modify", world.records("sources")[0]["id"], {"writeKeys": new}))
    run(*TOLD)

    def fingerprints(secrets):
        made = [hmac.new(KEY.encode(), secret.encode(), hashlib.sha256).hexdigest()[:32] for secret in secrets]
        return [f"hmac:{digest}" for digest in made]

    (row,) = changes()
    assert (row["field"], row["change"]) == ("write_keys", "changed")
    assert json.loads(row["old_value"]) == fingerprints(old)
    assert json.loads(row["new_value"]) == fingerprints(new)
    assert row["actor"] is not None
    held = b"".join(
        path.read_bytes()
        for path in [Path("segment.duckdb"), *Path(os.environ["DLT_DATA_DIR"]).rglob("*")]
        if path.is_file()
    )
    records = str([world.records(name) for name in ("sources", "segments")])
    secrets = TextFinder(world.secrets).found(records)
    assert len(secrets) > 100
    assert TextFinder([*(secret.decode() for secret in secrets), *new, KEY]).found(held) == set()


@pytest.mark.long
def test_without_a_key_a_changed_secret_is_no_change(run, emulator, world, changes):
    run(*TOLD)
    (old,) = world.records("sources")[0]["writeKeys"][:1]
    emulator.edits.add(Edit("sources", "modify", world.records("sources")[0]["id"], {"writeKeys": [f"{old}x"]}))
    outcome = run(*TOLD)
    assert changes() == []
    assert outcome.materialized["sources"].metadata["segment/history_versions"].value == 40
