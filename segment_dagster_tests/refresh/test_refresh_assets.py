"""What a run and the script say of requests that were saved."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from segment_dagster import EndpointSelection, SegmentResource, build_segment_defs
from segment_dagster.emulator import Edit

pytestmark = pytest.mark.slow

NAMES = ("destinations", "destination_filters", "audit_events")


def test_the_metadata_of_the_asset_and_the_summary_of_the_run_say_what_was_saved(workspace):
    emulator = workspace.emulator
    job = build_segment_defs(
        workspace=SegmentResource(full_every_days=7), select=EndpointSelection(endpoints=NAMES)
    ).resolve_job_def("segment_sync")
    parents, filters = len(emulator.records("destinations")), emulator.records("destination_filters")
    rows, row = len(filters), filters[0]
    of_parent = [each for each in filters if each["destinationId"] == row["destinationId"]]
    with dg.DagsterInstance.ephemeral() as instance:
        first = job.execute_in_process(instance=instance)
        emulator.edits.add(Edit("destination_filters", "modify", row["id"], fields={"title": "Another"}))
        second = job.execute_in_process(instance=instance)
        logged = [event.user_message for event in instance.all_logs(second.run_id)]
    metadata = {
        event.asset_key.path[-1]: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in second.get_asset_materialization_events()
        if event.asset_key
    }
    said = metadata["destination_filters"]
    assert said["segment/parents_unchanged"] == parents - 1
    assert said["segment/rows_reused"] == rows - len(of_parent)
    assert (said["segment/requests"], said["dagster/row_count"]) == (1, rows)
    assert "segment/parents_unchanged" not in metadata["destinations"]
    assert first.success and second.success
    assert all(check.passed for check in second.get_asset_check_evaluations() if check.check_name != "references")
    summary = next(line for line in logged if line.startswith("Summary: "))
    assert f" requests, {parents - 1} or more saved, 0 failed" in summary


@pytest.mark.long
def test_the_script_says_it(workspace, monkeypatch):
    monkeypatch.setenv("SEGMENT_FULL_EVERY_DAYS", "7")
    script = Path(__file__).parents[2] / "segment_pipeline.py"
    parents = len(workspace.emulator.records("destinations"))
    for saved in (False, True):
        done = subprocess.run([sys.executable, script, *NAMES], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (f"destination_filters: 156 rows in 0 requests, {parents} unchanged parents" in done.stdout) == saved
        assert (f", {parents} or more saved, 0 failed, 0 failed checks" in done.stdout) == saved
