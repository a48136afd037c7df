"""What a run leaves behind: in its log, and on the pages of the assets that failed."""

import re

import dagster as dg
import pytest

from segment_dagster.emulator import Fault

pytestmark = pytest.mark.slow

KEY = dg.AssetKey(["segment", "warehouses"])
READ = re.compile(r"Read (\d+) of (\d+) endpoints?: ([\d,]+) rows?, ([\d,]+) requests?, [\d.]+ s\.")
LOADED = re.compile(r"Loaded (\d+) of (\d+) tables?: ([\d,]+) rows?, (\d+) unchanged, (\d+) refused, [\d.]+ s\.")
CHECKED = re.compile(r"Checked (\d+) tables?: (\d+) checks?, (\d+) not passed, [\d.]+ s\.")
SUMMARY = re.compile(
    r"Summary: (\d+) tables?, ([\d,]+) rows?, ([\d,]+) requests?, (\d+) failed, (\d+) skipped, [\d.]+ s\."
)


@pytest.fixture
def log(fresh):
    """The lines of a run's log that end a step of it, in their order: what each counts."""

    def lines(outcome):
        found = []
        for entry in fresh.all_logs(outcome.result.run_id):
            for name, line in (("read", READ), ("loaded", LOADED), ("checked", CHECKED), ("summary", SUMMARY)):
                if match := line.fullmatch(entry.user_message or ""):
                    found.append((name, *(int(number.replace(",", "")) for number in match.groups())))
        return found

    return lines


def reason(instance, key=KEY):
    """Why the asset failed last, as its page says."""
    (record,) = instance.fetch_observations(key, limit=1).records
    return record.asset_observation.metadata["segment/failed"].value


def statuses(instance, key=KEY):
    """By check, what the asset's page shows of it."""
    names = ("row_count", "schema", "primary_key", "references")
    keys = [dg.AssetCheckKey(key, name) for name in names]
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return {key.name: record.status.value for key, record in found.items()}


def test_the_log_tells_what_was_read_loaded_and_checked_and_sums_it_up(sync, fresh, emulator, log):
    names = ("workspace", "sources", "warehouses")
    assert log(sync(*names, instance=fresh)) == [
        ("read", 3, 3, 44, 3),
        ("loaded", 3, 3, 44, 0, 0),
        ("checked", 3, 11, 0),
        ("summary", 3, 44, 3, 0, 0),
    ]
    emulator.faults.add(Fault("wrong-total", "sources"))
    assert log(sync(*names, instance=fresh)) == [
        ("read", 3, 3, 44, 3),
        ("loaded", 0, 3, 0, 3, 0),
        ("checked", 3, 11, 1),
        ("summary", 3, 44, 3, 0, 0),
    ]


def test_the_log_tells_what_failed_and_was_skipped(sync, fresh, emulator, log, monkeypatch):
    monkeypatch.setenv("SEGMENT_API_LAYOUT", "versioned")
    emulator.faults.add(Fault("forbidden", "warehouses"))
    outcome = sync("workspace", "sources", "warehouses", "spaces", instance=fresh)
    assert log(outcome) == [
        ("read", 2, 3, 41, 3),
        ("loaded", 2, 2, 41, 0, 0),
        ("checked", 2, 7, 0),
        ("summary", 2, 41, 3, 1, 1),
    ]


def test_a_run_of_checks_alone_has_nothing_to_sum_up(sync, check, fresh, emulator, log):
    sync("warehouses", instance=fresh)
    assert log(check("warehouses", instance=fresh)) == []


def test_an_endpoint_that_failed_leaves_the_reason_on_its_page(sync, fresh, emulator):
    sync("workspace", "warehouses", instance=fresh)
    emulator.faults.add(Fault("forbidden", "warehouses"))
    outcome = sync("workspace", "warehouses", instance=fresh)
    assert reason(fresh) == outcome.failure_metadata["warehouses"]
    assert reason(fresh).startswith("warehouses: GET /warehouses was refused (403)")
    assert set(outcome.observed) == {"warehouses"}


def test_its_checks_look_at_the_table_as_it_stands(sync, fresh, emulator, duck):
    sync("workspace", "sources", "warehouses", instance=fresh)
    emulator.faults.add(Fault("500", "warehouses"))
    outcome = sync("workspace", "warehouses", instance=fresh)
    assert {name for name, _ in outcome.checks} == {"workspace", "warehouses"}
    assert outcome.failed_checks == {}
    assert set(statuses(fresh).values()) == {"SUCCEEDED"}
    duck.change("ALTER TABLE segment_data.warehouses ALTER enabled TYPE VARCHAR")
    outcome = sync("workspace", "warehouses", instance=fresh)
    assert set(outcome.failed_checks) == {("warehouses", "schema")}


def test_where_there_is_no_table_yet_its_checks_warn_that_they_could_not_look(sync, fresh, emulator):
    emulator.faults.add(Fault("forbidden", "warehouses"))
    outcome = sync("workspace", "warehouses", instance=fresh)
    checks = {name: check for (asset, name), check in outcome.checks.items() if asset == "warehouses"}
    assert set(checks) == set(statuses(fresh)) > {"row_count", "schema", "primary_key"}
    assert "PLANNED" not in statuses(fresh).values(), "which Dagster shows as failed once the run has"
    for check in checks.values():
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert check.description == "Not evaluated: the endpoint failed, and there is no table 'warehouses' yet."


def test_whether_an_endpoint_that_failed_is_available_is_not_known(sync, check, fresh, emulator):
    emulator.faults.add(Fault("500", "tracking_plans"))
    for outcome in (sync("tracking_plans", instance=fresh), check("tracking_plans", instance=fresh)):
        found = outcome.checks["tracking_plans", "available"]
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert found.description == "Not known: the endpoint failed when it was last read."
    emulator.faults.clear()
    assert sync("tracking_plans", instance=fresh).checks["tracking_plans", "available"].passed
    assert check("tracking_plans", instance=fresh).checks["tracking_plans", "available"].passed


def test_what_stops_the_whole_run_is_told_on_every_page(sync, fresh, emulator):
    emulator.faults.add(Fault("revoked-token"))
    outcome = sync("workspace", "warehouses", instance=fresh)
    for name in ("workspace", "warehouses"):
        assert reason(fresh, dg.AssetKey(["segment", name])) == outcome.error


def test_a_table_that_could_not_be_loaded_has_the_reason_and_its_schema_checked(sync, fresh, emulator, duck):
    sync("workspace", "warehouses", instance=fresh)
    duck.change("ALTER TABLE segment_data.warehouses ALTER enabled TYPE DATE USING NULL")
    outcome = sync("workspace", "warehouses", instance=fresh)
    assert not outcome.success and set(outcome.materialized) == {"workspace"}
    assert reason(fresh) == outcome.failure_metadata["warehouses"]
    assert not outcome.checks["warehouses", "schema"].passed
    assert "enabled" in outcome.checks["warehouses", "schema"].description
    assert "PLANNED" not in statuses(fresh).values()
