"""The same of a job of Dagster's, with all endpoints that it reads."""

import pytest

from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.kill_in_stage import STAGES, kill_in
from segment_dagster_tests.chaos.runs import Runs
from segment_dagster_tests.chaos.tables import of_job

JOB = "segment_sync"
DAGSTER = ("-m", "dagster", "job", "execute", "-m", "segment_dagster.definitions", "-j", JOB)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_job_leaves_old_rows_or_new_ones_and_the_next_run_mends_all(workspace, tmp_path, stage):
    runs = Runs(workspace, tmp_path / "runs", f"job {stage}", names=of_job(JOB), command=DAGSTER)
    runs.forget()
    runs.repair("the first load by a job")
    requests = workspace.stats.total
    new = runs.change()
    was = kill_in(runs, stage, requests, 20)
    FIGURES.cases["jobs killed"] += was is not None
    happened = f"a job that was killed in {was}"
    runs.judge(new, happened, only=None if was else "new")
    runs.repair(happened)
