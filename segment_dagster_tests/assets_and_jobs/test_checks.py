"""Each check can fail, says why, and can be run without asking the API for anything."""

import dagster as dg
import pytest

from segment_dagster.emulator import Edit, Fault

pytestmark = pytest.mark.slow

NAMES = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments")
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def metadata(evaluation):
    return {name: value.value for name, value in evaluation.metadata.items()}


def test_checks_alone_pass_on_what_a_run_left_and_ask_the_api_for_nothing(check, earlier, emulator):
    outcome = check(instance=earlier)
    assert outcome.success
    assert len(outcome.checks) == 24
    assert outcome.failed_checks == {}
    assert outcome.materialized == {}
    assert emulator.stats.total == 0


def test_checks_alone_need_no_token(check, earlier, monkeypatch):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    assert check("sources", instance=earlier).success


def test_one_check_alone(run_selection, earlier, emulator):
    only = dg.AssetCheckKey(dg.AssetKey(["segment", "sources"]), "schema")
    outcome = run_selection(dg.AssetSelection.checks(only), earlier)
    assert set(outcome.checks) == {("sources", "schema")} and not outcome.failed_checks
    assert emulator.stats.total == 0


def test_an_asset_can_be_materialized_without_its_checks(run_selection, emulator):
    outcome = run_selection(dg.AssetSelection.assets(["segment", "warehouses"]).without_checks())
    assert outcome.success
    assert set(outcome.materialized) == {"warehouses"}
    assert outcome.checks == {}


def test_an_asset_and_some_of_its_checks(run_selection, emulator):
    left_out = dg.AssetCheckKey(dg.AssetKey(["segment", "warehouses"]), "references")
    outcome = run_selection(dg.AssetSelection.assets(["segment", "warehouses"]) - dg.AssetSelection.checks(left_out))
    assert set(outcome.materialized) == {"warehouses"}
    assert {name for _, name in outcome.checks} == {"row_count", "schema", "primary_key"}


def test_an_asset_and_the_checks_of_another_run_together(run_selection, earlier, emulator, duck):
    duck.change("DELETE FROM segment_data.sources WHERE id = (SELECT min(id) FROM segment_data.sources)")
    checks = dg.AssetSelection.checks_for_assets(dg.AssetKey(["segment", "sources"]))
    outcome = run_selection(dg.AssetSelection.assets(["segment", "spaces"]) | checks, earlier)
    assert set(outcome.materialized) == {"spaces"}
    assert len(outcome.checks) == 8
    assert set(outcome.failed_checks) == {("sources", "row_count")}
    assert emulator.stats.by_endpoint == {"workspace": 1, "spaces": 1}


def test_row_count_fails_when_rows_are_gone(check, earlier, emulator, duck):
    duck.change("DELETE FROM segment_data.warehouses WHERE id = (SELECT min(id) FROM segment_data.warehouses)")
    outcome = check("warehouses", instance=earlier)
    assert outcome.success
    assert set(outcome.failed_checks) == {("warehouses", "row_count")}
    failed = outcome.failed_checks["warehouses", "row_count"]
    assert failed.severity is ERROR
    assert failed.description == "2 rows found, but delivered 3, total_entries 3."
    assert metadata(failed) == {"found": 2, "delivered": 3, "total_entries": 3}
    assert emulator.stats.total == 0


def test_row_count_fails_when_the_api_counts_otherwise(sync, emulator):
    emulator.faults.add(Fault("wrong-total", "segments"))
    outcome = sync("spaces", "segments")
    assert set(outcome.failed_checks) == {("segments", "row_count")}
    failed = outcome.failed_checks["segments", "row_count"]
    assert failed.description == "2,400 rows found, but total_entries 2,402."
    assert metadata(failed) == {"found": 2400, "delivered": 2400, "total_entries": 2402}


@pytest.mark.long
def test_row_count_fails_when_the_list_never_stood_still(sync, check, fresh, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "20")
    monkeypatch.setattr("segment_dagster.extract.endpoint_reader.MAX_ATTEMPTS", 1)
    gone = emulator.records("sources")[0]["id"]
    emulator.hooks.at(2, lambda: emulator.edits.add(Edit("sources", "delete", gone)), "sources")
    for outcome in (sync("workspace", "sources", instance=fresh), check("sources", instance=fresh)):
        assert set(outcome.failed_checks) == {("sources", "row_count")}
        said = "39 rows found, but 1 list changed while being read: materialize it again."
        assert outcome.failed_checks["sources", "row_count"].description == said
    assert sync("workspace", "sources", instance=fresh).failed_checks == {}


def test_row_count_judges_by_the_latest_materialization(check, sync, fresh, emulator):
    sync("warehouses", instance=fresh)
    emulator.faults.add(Fault("duplicate", "warehouses"))
    sync("warehouses", instance=fresh)
    failed = check("warehouses", instance=fresh).failed_checks["warehouses", "row_count"]
    assert metadata(failed) == {"found": 4, "delivered": 4, "total_entries": 3}


def test_row_count_warns_where_nothing_is_known(check, old_tables, fresh):
    # a table that another instance loaded: this one remembers no materialization
    outcome = check("sources", instance=fresh)
    assert set(outcome.failed_checks) == {("sources", "row_count")}
    failed = outcome.failed_checks["sources", "row_count"]
    assert failed.severity is WARN
    assert failed.description == "40 rows found; how many there should be is known once the asset is materialized."
    assert metadata(failed) == {"found": 40}


@pytest.mark.parametrize(
    ("change", "severity", "description", "listed"),
    [
        ("DROP COLUMN slug", ERROR, "missing: slug.", {"missing": ["slug"]}),
        (
            "ALTER COLUMN enabled TYPE VARCHAR",
            ERROR,
            "retyped: enabled (bool, found text).",
            {"retyped": ["enabled (bool, found text)"]},
        ),
        ("ADD COLUMN colour VARCHAR", WARN, "new: colour.", {"new": ["colour"]}),
    ],
    ids=["dropped", "retyped", "added"],
)
def test_schema_fails_when_the_table_changes(check, earlier, duck, change, severity, description, listed):
    duck.change(f"ALTER TABLE segment_data.sources {change}")
    outcome = check("sources", instance=earlier)
    assert outcome.success
    assert set(outcome.failed_checks) == {("sources", "schema")}
    failed = outcome.failed_checks["sources", "schema"]
    assert (failed.severity, failed.description) == (severity, description)
    assert metadata(failed) == {"missing": [], "retyped": [], "new": [], **listed}


def test_schema_tells_of_several_changes_at_once(check, earlier, duck):
    table = "ALTER TABLE segment_data.sources"
    duck.change(f"{table} DROP COLUMN slug", f"{table} ADD COLUMN colour VARCHAR")
    failed = check("sources", instance=earlier).failed_checks["sources", "schema"]
    assert failed.severity is ERROR
    assert failed.description == "missing: slug; new: colour."


def test_new_fields_of_the_api_warn_and_land(sync, emulator, duck):
    emulator.faults.add(Fault("extra-field", "warehouses"))
    outcome = sync("workspace", "warehouses")
    assert outcome.success
    assert set(outcome.failed_checks) == {("warehouses", "schema")}
    failed = outcome.failed_checks["warehouses", "schema"]
    assert failed.severity is WARN
    assert failed.description == "new: beta_limits, beta_tier."
    assert metadata(failed)["new"] == ["beta_limits", "beta_tier"]
    for record in duck.records("warehouses").values():
        assert record["beta_tier"] == "gold"
        assert record["beta_limits"] == {"daily": 10, "regions": ["eu", "us"]}
    schema = outcome.materialized["warehouses"].metadata["dagster/column_schema"].value
    described = {column.name: column.description for column in schema.columns}
    assert described["beta_tier"] == described["beta_limits"] == "Not declared in the catalogue."


def test_new_fields_of_some_rows_land_beside_the_others(sync, emulator, duck, monkeypatch):
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "20")
    emulator.faults.add(Fault("extra-field", "sources", times=1))
    outcome = sync("workspace", "sources")
    assert outcome.success
    tiers = [record["beta_tier"] for record in duck.records("sources").values()]
    assert sorted(map(str, tiers)) == ["None"] * 20 + ["gold"] * 20


def test_primary_key_fails_on_a_duplicate(check, earlier, duck):
    duck.change("INSERT INTO segment_data.spaces SELECT * FROM segment_data.spaces ORDER BY id LIMIT 1")
    outcome = check("spaces", instance=earlier)
    assert set(outcome.failed_checks) == {("spaces", "primary_key"), ("spaces", "row_count")}
    failed = outcome.failed_checks["spaces", "primary_key"]
    ((first,),) = duck.query("SELECT min(id) FROM segment_data.spaces")
    assert failed.severity is ERROR
    assert "more than once or null" in failed.description
    assert metadata(failed) == {"offending_keys": 1, "first": [f"{first} (2 rows)"]}


def test_primary_key_fails_on_null(check, earlier, duck):
    # dlt's column does not take a null: a table made by hand does
    duck.change(
        "CREATE TABLE segment_data.other AS SELECT * FROM segment_data.spaces",
        "DROP TABLE segment_data.spaces",
        "ALTER TABLE segment_data.other RENAME TO spaces",
        "INSERT INTO segment_data.spaces (name) VALUES ('nameless')",
    )
    failed = check("spaces", instance=earlier).failed_checks["spaces", "primary_key"]
    assert metadata(failed) == {"offending_keys": 1, "first": ["None (1 rows)"]}


def test_primary_key_fails_where_its_column_is_gone(check, earlier, duck):
    duck.change(
        "CREATE TABLE segment_data.other AS SELECT slug, name FROM segment_data.spaces",
        "DROP TABLE segment_data.spaces",
        "ALTER TABLE segment_data.other RENAME TO spaces",
    )
    outcome = check("spaces", instance=earlier)
    assert set(outcome.failed_checks) == {("spaces", "primary_key"), ("spaces", "schema")}
    assert outcome.failed_checks["spaces", "primary_key"].description == "The table has no column id."


def test_primary_key_shows_twenty_of_many(check, earlier, duck):
    duck.change("INSERT INTO segment_data.segments SELECT * FROM segment_data.segments")
    failed = check("segments", instance=earlier).failed_checks["segments", "primary_key"]
    assert failed.description.startswith("2,400 keys")
    assert metadata(failed)["offending_keys"] == 2400
    assert len(metadata(failed)["first"]) == 20


def test_references_fail_when_parents_are_gone(check, earlier, duck):
    ((gone, count),) = duck.query(
        "SELECT source_id, count(*) FROM segment_data.destinations GROUP BY ALL ORDER BY ALL LIMIT 1"
    )
    duck.change(f"DELETE FROM segment_data.sources WHERE id = '{gone}'")
    outcome = check("destinations", instance=earlier)
    assert set(outcome.failed_checks) == {("destinations", "references")}
    failed = outcome.failed_checks["destinations", "references"]
    assert failed.severity is ERROR
    assert failed.description == "source_id without sources (1)."
    assert metadata(failed) == {"orphans": {"source_id without sources (1)": [f"{gone} ({count} rows)"]}}


def test_references_fail_for_every_parent_that_is_gone(check, earlier, duck):
    duck.change("DELETE FROM segment_data.spaces")
    failed = check("segments", instance=earlier).failed_checks["segments", "references"]
    assert failed.description == "space_id without spaces (2)."
    (shown,) = metadata(failed)["orphans"].values()
    assert [line.rpartition(" (")[2] for line in shown] == ["1,200 rows)", "1,200 rows)"]


def test_references_take_no_offence_at_null(check, earlier, duck):
    duck.change("UPDATE segment_data.destinations SET source_id = NULL")
    assert ("destinations", "references") not in check("destinations", instance=earlier).failed_checks


def test_references_warn_when_the_parents_table_is_not_there(check, earlier, duck):
    duck.change("DROP TABLE segment_data.sources")
    failed = check("destinations", instance=earlier).failed_checks["destinations", "references"]
    assert failed.severity is WARN
    assert failed.description == "not checked against sources: materialize segment/sources first."
    assert metadata(failed) == {"orphans": {}}


def test_every_check_fails_where_the_table_is_missing(check, earlier, duck):
    duck.change("DROP TABLE segment_data.sources")
    outcome = check("sources", instance=earlier)
    assert outcome.success
    assert {name for _, name in outcome.failed_checks} == {"row_count", "schema", "primary_key", "references"}
    for failed in outcome.failed_checks.values():
        assert failed.severity is ERROR
        assert failed.description == "There is no table 'sources' in the dataset: materialize segment/sources."


def test_every_check_fails_before_anything_was_materialized_and_makes_no_file(check, emulator, fresh, tmp_path):
    outcome = check(instance=fresh)
    assert outcome.success
    assert len(outcome.failed_checks) == 22
    for (name, _), failed in outcome.failed_checks.items():
        assert failed.description == f"There is no table {name!r} in the dataset: materialize segment/{name}."
    assert list((tmp_path / "work").iterdir()) == []
    assert emulator.stats.total == 0


def test_what_a_run_checked_is_what_it_loaded(whole):
    for evaluation in whole.checks.values():
        assert evaluation.passed
        if evaluation.check_name == "row_count":
            found = metadata(evaluation)
            assert found["found"] == found["delivered"] == found.get("total_entries", found["delivered"])
