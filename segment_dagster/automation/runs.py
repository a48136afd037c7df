"""Find unfinished runs."""

import dagster as dg

UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def run_under_way(instance: dg.DagsterInstance, job: str) -> str | None:
    """Return the id of a run of a job that has not ended; `None` if there is none."""
    runs = instance.get_runs(filters=dg.RunsFilter(job_name=job, statuses=UNDER_WAY), limit=1)
    return runs[0].run_id if runs else None
