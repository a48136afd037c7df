"""One job and one set of checks on every destination: the same rows, the same verdicts."""

import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest

from segment_dagster.automation import families
from segment_dagster.config import DestinationSettings
from segment_dagster.definitions import defs
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import TABLES
from segment_dagster.load import resolve_destination
from segment_dagster_tests.destinations.engines import ENGINES, FURTHER, LAKE_ENGINES, CannotStartError
from segment_dagster_tests.destinations.engines_further import FURTHER_ENGINES
from segment_dagster_tests.destinations.landed_rows import expected, landed, looked_at

pytestmark = [pytest.mark.server, pytest.mark.slow]

(FAMILY,) = (family for family in families(TABLES) if family.job == "segment_sync")
VERSIONED = "sources"
FALSE = dg.MetadataValue.bool(False)
TESTED = (*LAKE_ENGINES, *FURTHER_ENGINES) if FURTHER else ENGINES
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)


@pytest.fixture
def settings(request, emulator, tmp_path, monkeypatch, record_property):
    """The engine of the test, started; the settings point at it."""
    engine = request.param
    directory = tmp_path / "engine"
    directory.mkdir()
    with ExitStack() as stack:
        try:
            settings = stack.enter_context(engine.started(directory))
        except CannotStartError as error:
            record_property("conformance", f"{engine.name:20} {engine.engine:38} cannot start here: {error}")
            pytest.xfail(f"cannot start here: {error}")
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        # secrets as they are: what lands is what the workspace holds
        monkeypatch.setenv("SEGMENT_INCLUDE_SECRETS", "true")
        monkeypatch.setenv("SEGMENT_HISTORY", str(engine.history).lower())
        # the trail goes on all the time
        monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())
        emulator.clock.set(NOW)
        yield engine
        emulator.clock.set(None)


def run(instance, *names, success=True):
    keys = [dg.AssetKey(["segment", name]) for name in names]
    job = defs().resolve_job_def("segment_sync")
    result = job.execute_in_process(instance=instance, asset_selection=keys or None, raise_on_error=False)
    assert result.success == success
    told = [event.materialization for event in result.get_asset_materialization_events()]
    return (
        {(each.asset_key.path[-1], each.check_name): each for each in result.get_asset_check_evaluations()},
        {each.asset_key.path[-1] for each in told if each.metadata.get("segment/rows_unchanged", FALSE).value},
    )


def compare(engine, emulator):
    """The tables and rows that are as the workspace has them."""
    tables = [endpoint for endpoint in FAMILY.endpoints if engine.merges or not endpoint.time]
    start = NOW.replace(hour=0, minute=0) - timedelta(days=90)
    rows = 0
    with looked_at() as dataset:
        for endpoint in tables:
            found, wanted = landed(dataset, engine, endpoint), expected(endpoint, emulator, start)
            assert found == wanted, f"{engine.name}: {endpoint.name}: {list((found - wanted) + (wanted - found))[:2]}"
            rows += found.total()
    return len(tables), rows


@pytest.mark.parametrize(
    "settings",
    [pytest.param(engine, id=engine.name, marks=pytest.mark.timeout(engine.patience)) for engine in TESTED],
    indirect=True,
)
def test_the_main_job_twice_is_the_workspace_on(settings, emulator, record_property):
    engine, begun = settings, time.monotonic()
    with dg.DagsterInstance.ephemeral() as instance:
        checks, _ = run(instance)
        assert [name for name, check in checks.items() if not check.passed] == []
        compare(engine, emulator)
        first, second, *_ = emulator.records("users")
        source, *_ = emulator.records(VERSIONED)
        emulator.edits.add(
            Edit("users", "create", "a-new-user", {"email": "somebody.new@example.com"}),
            Edit("users", "delete", second["id"]),
            Edit("users", "modify", first["id"], {"name": "Somebody Else"}),
            Edit(VERSIONED, "modify", source["id"], {"name": "renamed"}),
        )
        emulator.stats.clear()
        again, unchanged = run(instance)
        checks |= again
        # from its latest row on, and not in the pieces of a first read
        assert emulator.stats.by_endpoint.get("audit_events", 0) == int(engine.merges)
        # what a table holds already is told where the destination can tell
        assert ("labels" in unchanged) == bool(resolve_destination(DestinationSettings()).capabilities.digest)
        assert not {"users", VERSIONED} & unchanged
        assert [name for name, check in checks.items() if not check.passed] == []
        tables, rows = compare(engine, emulator)
        if engine.history:
            (row,) = (each for each in FAMILY.endpoints if each.name == VERSIONED)
            with looked_at() as dataset:
                now, ever = landed(dataset, engine, row), landed(dataset, engine, row, f"{VERSIONED}_history")
            # what it was called before, too
            assert ever.total() == now.total() + 1 and not now - ever
        emulator.faults.add(Fault("duplicate", "roles"))
        failed = {name for (_, name), check in run(instance, "roles", success=False)[0].items() if not check.passed}
        assert failed == {"primary_key", "row_count"} | ({"history"} if engine.history else set())
    seconds = time.monotonic() - begun
    record_property(
        "conformance",
        f"{engine.name:20} {engine.engine:38} {tables:3} tables {rows:6,} rows equal "
        f"{len(checks):4} checks {seconds:6.1f} s" + (f"; not tested: {engine.untested}" if engine.untested else ""),
    )
