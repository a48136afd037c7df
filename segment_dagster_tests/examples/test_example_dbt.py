"""`examples/dbt`: models run once a sync has ended, and not before, nor after one that failed or was told before."""

import asyncio
import importlib
import os
import shutil
import sys
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import duckdb
import pytest

# dbt takes seconds for each run
pytestmark = [pytest.mark.dbt, pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "dbt"
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
MODELS = {"web_days", "mobile_days", "days"}
SCHEMAS = {"javascript-production-0": "web", "ios-development-15": "ios", "react-native-development-6": "android"}


@pytest.fixture
def project(tmp_path, monkeypatch, emulator):
    """A copy of the example, and a warehouse that has what Segment has written so far."""
    root = tmp_path / "example"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("target", "logs", ".local_defs_state", "__pycache__"))
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("WAREHOUSE", str(warehouse))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(root / "dbt"))
    # dbt is beside the interpreter
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.syspath_prepend(str(root / "src"))
    monkeypatch.chdir(root)
    emulator.syncs.quiet = True
    emulator.clock.set(NOON)
    with closing(duckdb.connect(str(warehouse))) as connection:
        for number, schema in enumerate(SCHEMAS.values(), 3):
            connection.execute(f"CREATE SCHEMA {schema}")
            connection.execute(
                f"CREATE TABLE {schema}.tracks AS SELECT i AS id, TIMESTAMP '2026-02-27' + i * INTERVAL 1 HOUR AS "
                f"received_at FROM range({number * 10}) t(i)"
            )
    yield root
    for name in [name for name in sys.modules if name.partition(".")[0] == "segment_dbt"]:
        del sys.modules[name]


@pytest.fixture
def definitions(project):
    """What the code location holds, after `dg utils refresh-defs-state`."""
    tree = dg.ComponentTree.for_project(project)
    for component in tree.get_all_components(of_type=dg.Component):  # type: ignore[type-abstract] # of any class
        if isinstance(component, dg.StateBackedComponent):
            asyncio.run(component.refresh_state(project))
    return importlib.import_module("segment_dbt.definitions").defs()


class Daemon:
    """The sensor of the syncs, and that of the automation conditions, in turn."""

    def __init__(self, definitions, instance):
        self.definitions, self.instance = definitions, instance
        self.repository = definitions.get_repository_def()
        self.cursor = self.conditions = None

    def turn(self, monkeypatch, now):
        """Let both sensors tick, and run what they want: the models that ran."""
        monkeypatch.setenv("SEGMENT_NOW", now.isoformat())
        sensor = self.repository.get_sensor_def("dwh_sensor")
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=self.repository)
        result = sensor.evaluate_tick(context)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        self.cursor = result.cursor
        evaluated = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.conditions, evaluation_time=now
        )
        self.conditions = evaluated.cursor
        wanted = [each.key for each in evaluated.results if each.true_subset.size and each.key.path[-1] in MODELS]
        if wanted:
            job = self.definitions.resolve_implicit_global_asset_job_def()
            assert job.execute_in_process(instance=self.instance, asset_selection=wanted).success
        return {key.path[-1] for key in wanted}


def test_models_run_once_after_a_sync_that_has_succeeded(definitions, emulator, monkeypatch):
    specs = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    assert {
        "segment/sources",
        "web/tracks",
        "web/pages",
        "ios/tracks",
        "android/tracks",
        "web_days",
        "mobile_days",
        "days",
    } <= specs
    graph = definitions.resolve_asset_graph()
    parents = {name: graph.get(dg.AssetKey([name])).parent_keys for name in MODELS}
    tables = [spec for spec in definitions.resolve_all_asset_specs() if "segment/warehouse_id" in spec.metadata]
    assert {dep.asset_key.to_user_string() for spec in tables for dep in spec.deps} == {"segment/sources"}
    assert parents["web_days"] == {dg.AssetKey(["web", "tracks"])}
    assert parents["mobile_days"] == {dg.AssetKey(["ios", "tracks"]), dg.AssetKey(["android", "tracks"])}

    warehouse = emulator.records("warehouses")[0]["id"]
    sources = {source["slug"]: source["id"] for source in emulator.records("sources")}
    web = (warehouse, sources["javascript-production-0"])
    others = [(warehouse, sources[slug]) for slug in list(SCHEMAS)[1:]]
    at = [NOON + timedelta(hours=number) for number in range(20)]

    with dg.instance_for_test() as instance:
        daemon = Daemon(definitions, instance)

        def turn(number, minutes=30):
            emulator.clock.set(at[number] + timedelta(minutes=minutes))
            return daemon.turn(monkeypatch, at[number] + timedelta(minutes=minutes))

        # the list of sources is loaded, beside the warehouse of the models
        job = definitions.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["segment", "sources"])]).success
        assert turn(0) == set()
        # the first time, all that the models read has to be there
        for pair in (web, *others):
            emulator.syncs.start(*pair, at=at[1])
        assert turn(1) == set()
        for pair in (web, *others):
            emulator.syncs.finish(*pair, at=at[2], count=1000)
        assert turn(2) == MODELS
        assert turn(2, 40) == set()
        # while one runs, nothing has happened
        emulator.syncs.start(*web, at=at[3])
        assert turn(3) == set()
        emulator.syncs.finish(*web, at=at[4], count=10)
        assert turn(4) == {"web_days", "days"}
        assert turn(5) == set()
        # one that fails is no reason to run
        emulator.syncs.start(*web, at=at[6])
        emulator.syncs.fail(*web, at=at[7], reason="permission denied")
        assert turn(7) == set()
        # told once more, it is still the same sync
        daemon.cursor = None
        assert turn(8) == set()
        emulator.syncs.start(*others[0], at=at[9])
        emulator.syncs.finish(*others[0], at=at[10], count=10)
        assert turn(10) == {"mobile_days", "days"}
    with duckdb.connect(os.environ["WAREHOUSE"], read_only=True) as connection:
        ((models,), (tables,)) = (
            connection.execute(f"SELECT sum(events) FROM {table}").fetchall()[0]
            for table in (
                "main.days",
                "(SELECT count(*) events FROM web.tracks UNION ALL SELECT count(*) FROM ios.tracks "
                "UNION ALL SELECT count(*) FROM android.tracks)",
            )
        )
    assert models == tables > 0
