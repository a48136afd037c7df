"""Log lines of a run, and observations of assets that were skipped or failed."""

import time
from collections.abc import Iterable, Sequence

import dagster as dg

from segment_dagster.assets.metadata import FAILED, SKIPPED
from segment_dagster.assets.translator import KeyOf
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.failures import Failure, format_failures
from segment_dagster.extract.result import Extract
from segment_dagster.load import LoadResult
from segment_dagster.sync import SyncObserver, lists_saved
from segment_dagster.text import pluralize


class RunLog(SyncObserver):
    """Log reads, loads, checks and a summary; observe each asset that was skipped or failed.

    Args:
        context: The run.
        key_of: Returns the key of an asset.
    """

    def __init__(self, context: dg.AssetExecutionContext, key_of: KeyOf) -> None:
        self._context = context
        self._key_of = key_of
        self._began = self._step_began = time.monotonic()
        self._tables = self._rows = self._requests = self._saved = self._failed = self._skipped = 0
        self._was_read = False
        self._mentioned = set[dg.AssetKey]()

    def read(self, extracts: Sequence[Extract], asked: int, requests: int) -> None:
        """Log the number of endpoints, rows and requests that were read."""
        self._was_read, self._requests, self._saved = True, requests, lists_saved(extracts)
        self._log(
            f"Read {len(extracts):,} of {pluralize(asked, 'endpoint')}: {_rows(extracts)}, "
            f"{pluralize(requests, 'request')}{_saved(lists_saved(extracts))}"
        )

    def skipped(self, endpoint: Endpoint, reason: str) -> None:
        """Log why an endpoint was skipped, and record it as an observation of its asset."""
        self._context.log.warning(f"{endpoint.name}: skipped, because {reason}. Its table stays as it is.")
        self._skipped += 1
        self.mention(self._key_of(endpoint.name))
        self._context.log_event(dg.AssetObservation(self._key_of(endpoint.name), metadata={SKIPPED: reason}))

    def failed(self, failures: Sequence[Failure]) -> None:
        """Log why endpoints failed, and record it as observations of their assets."""
        for failure, line in zip(failures, format_failures(failures), strict=True):
            self._context.log.error(line)
            self.observe_failure(self._key_of(failure.endpoint.name), line)

    def loaded(self, result: LoadResult) -> None:
        """Log the number of tables and rows that were loaded."""
        tables, written = result.extracts, result.written
        self._tables += len(tables)
        self._rows += sum(extract.rows for extract in tables)
        self._log(
            f"Loaded {len(written):,} of {pluralize(len(tables) + len(result.failures), 'table')}: {_rows(written)}, "
            f"{len(tables) - len(written):,} unchanged, {len(result.failures):,} refused"
        )
        for coverage, name in ((each.coverage, each.endpoint.name) for each in tables):
            if coverage:
                left = f"{coverage.left:,} are left to the next run" if coverage.left else "none is left"
                self._log(
                    f"{name}: read {coverage.read:,} of {pluralize(coverage.due, 'due parent')}, {left}; "
                    f"{pluralize(coverage.parents, 'parent')} in all, {coverage.gone:,} gone"
                )

    def checked(self, results: Sequence[dg.MaterializeResult[object]]) -> None:
        """Log how many checks of materializations did not pass."""
        passed = [check.passed for result in results for check in result.check_results or ()]
        self._log(
            f"Checked {pluralize(len(results), 'table')}: {pluralize(len(passed), 'check')}, "
            f"{len(passed) - sum(passed):,} not passed"
        )
        for result in results:
            if result.asset_key:
                self.mention(result.asset_key)

    def loaded_before(self, results: Sequence[dg.MaterializeResult[object]]) -> None:
        """Log how many tables earlier attempts have loaded."""
        self._context.log.info(f"{pluralize(len(results), 'table')} loaded by an earlier attempt: not read again.")
        for result in results:
            if result.asset_key:
                self.mention(result.asset_key)

    def mention(self, key: dg.AssetKey) -> None:
        """Remember that the run has reported on an asset."""
        self._mentioned.add(key)

    def observe_failure(self, key: dg.AssetKey, line: str) -> None:
        """Record a failure as an observation of an asset."""
        self._failed += 1
        self.mention(key)
        self._context.log_event(dg.AssetObservation(key, metadata={FAILED: line}))

    def observe_failure_of_rest(self, line: str) -> None:
        """Record a failure for every selected asset that the run has not reported on."""
        for key in sorted(self._context.selected_asset_keys - self._mentioned):
            self.observe_failure(key, line)

    def end(self) -> None:
        """Log a summary, unless nothing was read."""
        if self._was_read:
            self._step_began = self._began
            self._log(
                f"Summary: {pluralize(self._tables, 'table')}, {pluralize(self._rows, 'row')}, "
                f"{pluralize(self._requests, 'request')}{_saved(self._saved)}, {self._failed:,} failed, "
                f"{self._skipped:,} skipped"
            )

    def _log(self, line: str) -> None:
        now = time.monotonic()
        self._context.log.info(f"{line}, {now - self._step_began:.1f} s.")
        self._step_began = now


def _saved(requests: int) -> str:
    return f", {requests:,} or more saved" if requests else ""


def _rows(extracts: Iterable[Extract]) -> str:
    return pluralize(sum(extract.rows for extract in extracts), "row")
