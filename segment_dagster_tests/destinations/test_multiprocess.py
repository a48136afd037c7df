"""Two workspaces at the same time, each in a process of its own, into one PostgreSQL."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import dagster as dg
import psycopg2
import pytest

from segment_dagster.emulator import running
from segment_dagster_tests.destinations.engines import postgres_server

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(300)]

CODE = """
import dagster as dg
from segment_dagster import DestinationResource, EndpointSelection, SegmentResource, SegmentTranslator
from segment_dagster import build_segment_defs


class Prefixed(SegmentTranslator):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=spec.key.with_prefix(self.name), group_name=self.name)


def workspace(name):
    return build_segment_defs(
        name=name,
        workspace=SegmentResource(token=dg.EnvVar(f"{name.upper()}_TOKEN"), base_url=dg.EnvVar(f"{name.upper()}_URL")),
        destination=DestinationResource(type="postgres", dataset=f"segment_{name}"),
        select=EndpointSelection(endpoints=["workspace", "sources", "warehouses", "destinations", "audit_events"]),
        translator=Prefixed(name),
        history=True,
    )


both = dg.define_asset_job(
    "both",
    selection=dg.AssetSelection.groups("one", "other"),
    executor_def=dg.multiprocess_executor.configured({"max_concurrent": 2}),
)
defs = dg.Definitions.merge(workspace("one"), workspace("other"), dg.Definitions(jobs=[both]))
"""


STARTED, SUCCEEDED = dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS


def times(instance, run, kind):
    """When each step of a run started or ended."""
    records = instance.get_records_for_run(run.run_id, of_type=kind).records
    return {record.event_log_entry.step_key: record.timestamp for record in records}


def evaluations(instance, run):
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    records = instance.get_records_for_run(run.run_id, of_type=kind).records
    return [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in records]


@pytest.mark.long
def test_each_workspace_lands_whole_in_its_dataset(tmp_path):
    (tmp_path / "code.py").write_text(CODE)
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").touch()
    with (
        postgres_server() as address,
        running(seed=1, token="first-token", minute=0.05) as one,
        running(seed=2, token="second-token", minute=0.05) as other,
    ):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEGMENT_")} | {
            "DAGSTER_HOME": str(home),
            "DESTINATION__POSTGRES__CREDENTIALS": address,
            "ONE_URL": one.url,
            "ONE_TOKEN": one.token,
            "OTHER_URL": other.url,
            "OTHER_TOKEN": other.token,
            "SEGMENT_MINUTE_SECONDS": "0.05",
        }
        command = [str(Path(sys.executable).with_name("dagster")), "job", "execute", "-f", "code.py", "-j", "both"]
        for _ in range(2):
            ran = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
            )
            assert ran.returncode == 0, ran.stderr[-3000:]
        with dg.DagsterInstance.from_config(str(home)) as instance:
            runs = instance.get_runs()
            assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 2
            for run in runs:
                starts, ends = (times(instance, run, kind) for kind in (STARTED, SUCCEEDED))
                assert starts.keys() == ends.keys() == {"one", "other"}
                assert max(starts.values()) < min(ends.values()), "they ran one after the other"
                checks = evaluations(instance, run)
                assert len(checks) > 20 and all(check.passed for check in checks)
        with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
            for name, emulator in (("one", one), ("other", other)):
                for endpoint in ("sources", "warehouses", "destinations"):
                    cursor.execute(f"SELECT id FROM segment_{name}.{endpoint}")
                    ids = sorted(id_ for (id_,) in cursor.fetchall())
                    assert ids == sorted(record["id"] for record in emulator.world.records(endpoint))
