"""Refuse a DuckDB file in the working directory where steps or runs are executed somewhere else."""

import dagster as dg

from segment_dagster.errors import SettingError
from segment_dagster.load import Destination

LOCAL_EXECUTORS = ("in_process", "multiprocess", "multi_or_in_process_executor", "execute_in_process_executor")
"""Names of Dagster's own executors, whose steps share the working directory of their run."""

_LOCAL = (dg.in_process_executor, dg.multiprocess_executor, dg.multi_or_in_process_executor)
"""Those of them that a project can configure under another name."""

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
    executor = context.job_def.executor_def
    launcher = type(context.instance.run_launcher).__name__
    if not _is_local(executor):
        where = f"the executor {executor.name!r} may run each step"
    elif launcher not in LOCAL_LAUNCHERS:
        where = f"the run launcher {launcher} may start each run"
    else:
        return
    problem = f"leads to {destination.file.name} in the working directory, and {where} on another machine"
    remedy = "Set it to a whole path that all of them share, or load into a database: see docs/destinations.md."
    raise SettingError(destination.credentials_setting, problem, remedy)


def _is_local(executor: dg.ExecutorDefinition) -> bool:
    local = (each.executor_creation_fn for each in _LOCAL)
    return executor.name in LOCAL_EXECUTORS or executor.executor_creation_fn in local
