"""A code location with the project's definitions and the benchmarks' jobs."""

from functools import cache

import dagster as dg

from bench.workload import ENDPOINTS, FIVE
from segment_dagster import definitions as project
from segment_dagster.assets import asset_key


def _job(name: str, endpoints: tuple[str, ...]) -> dg.JobDefinition:
    selection = dg.AssetSelection.assets(*map(asset_key, endpoints))
    # in one process, as the project's own jobs
    executor = dg.in_process_executor
    return dg.define_asset_job(name, selection, executor_def=executor)  # type: ignore[return-value] # resolved when asked for


@dg.definitions
def defs() -> dg.Definitions:
    """The project, with a job for the workload and one for the five endpoints."""
    return _made()


@cache
def _made() -> dg.Definitions:
    # made once, like the project's own
    jobs = [_job("workload", ENDPOINTS), _job("five", FIVE)]
    return dg.Definitions.merge(project.defs(), dg.Definitions(jobs=jobs))
