"""Backfills as Dagster's daemon carries them out, with their runs in this process."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import make_new_backfill_id
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration

MOST_ITERATIONS = 20
ENDED = (BulkActionStatus.COMPLETED_SUCCESS, BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.FAILED)


@dataclass(frozen=True)
class Backfilled:
    """How a backfill ended."""

    status: str
    failed: frozenset[str]
    """Names of the assets of which something failed."""

    runs: Sequence[dg.DagsterRun]


class Backfills:
    """Carries out backfills of the code location.

    Args:
        instance: Its runs are launched in this process.
        context: The workspace.
    """

    def __init__(self, instance: dg.DagsterInstance, context: WorkspaceProcessContext) -> None:
        self.instance = instance
        self._context = context

    def run(self, *names: str, partitions: Sequence[str] | None = None) -> Backfilled:
        """Backfill assets, over partitions where these are named."""
        graph = self._context.create_request_context().asset_graph
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=make_new_backfill_id(),
            asset_graph=graph,
            partition_names=partitions,
            asset_selection=[dg.AssetKey(["segment", name]) for name in names],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=self.instance,
            all_partitions=partitions is None,
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(backfill)
        for _ in range(MOST_ITERATIONS):
            assert not any(execute_backfill_iteration(self._context, logging.getLogger("backfills")))
            if self._get(backfill).status in ENDED:
                break
        found = self._get(backfill)
        data = found.asset_backfill_data
        assert data is not None
        failed = data.failed_and_downstream_subset
        runs = self.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill.backfill_id}))
        return Backfilled(found.status.value, frozenset(key.path[-1] for key in failed.asset_keys), runs)

    def _get(self, backfill: PartitionBackfill) -> PartitionBackfill:
        found = self.instance.get_backfill(backfill.backfill_id)
        assert found is not None
        return found


@contextmanager
def backfills(home: Path) -> Iterator[Backfills]:
    """An instance in a directory of its own, and the code location."""
    launcher = {"module": "dagster._core.launcher.sync_in_memory_run_launcher", "class": "SyncInMemoryRunLauncher"}
    coordinator = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
    overrides = {"run_launcher": launcher, "run_coordinator": coordinator}
    origin = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="segment_dagster.definitions"))
    with (
        instance_for_test(overrides=overrides, temp_dir=str(home)) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as context,
    ):
        yield Backfills(instance, context)
