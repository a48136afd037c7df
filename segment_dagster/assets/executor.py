"""Refuse a DuckDB file in the working directory where steps or runs are executed somewhere else."""

import dagster as dg

from segment_dagster.errors import SettingError
from segment_dagster.load import Destination

LOCAL_EXECUTORS = ("in_process", "multiprocess", "multi_or_in_process_executor", "execute_in_process_executor")
"""Names of Dagster's own executors, whose steps share the working directory of their run."""

LOCAL_LAUNCHERS = ("DefaultRunLauncher", "SyncInMemoryRunLauncher", "ExplodingRunLauncher")
"""Classes of the run launchers whose runs share the working directory of the code location, and of Dagster's tests."""


def check_executor(context: dg.AssetExecutionContext, destination: Destination) -> None:
    """Refuse a relative path of the DuckDB file under a remote executor or run launcher.

    Each worker would load into a file of its own, and the run would succeed.

    Args:
        context: The run.
        destination: The destination.

    Raises:
        SettingError: The file is relative to a working directory that not all steps share.
    """
    if destination.file is None or not destination.relative:
        return
    executor = context.job_def.executor_def.name
    launcher = type(context.instance.run_launcher).__name__
    if executor not in LOCAL_EXECUTORS:
        where = f"the executor {executor!r} may run each step"
    elif launcher not in LOCAL_LAUNCHERS:
        where = f"the run launcher {launcher} may start each run"
    else:
        return
    problem = f"leads to {destination.file.name} in the working directory, and {where} on another machine"
    remedy = "Set it to a whole path that all of them share, or load into a database: see docs/destinations.md."
    raise SettingError(destination.credentials_setting, problem, remedy)
