"""The lines in a run's log that say how far it has come, and what it did in all."""

import time
from collections.abc import Iterable, Sequence

import dagster as dg

from segment_dagster.extract.reader import Extract
from segment_dagster.text import pluralize


class RunSummary:
    """Log a line when all is read, when it is loaded and when it is checked, and one that sums the run up.

    Args:
        log: The run's log.
    """

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._began = self._step_began = time.monotonic()
        self._tables = self._rows = self._requests = 0
        self._asked = False
        self.failed = 0
        """Endpoints that failed."""

        self.skipped = 0
        """Endpoints that were skipped."""

    def read(self, extracts: Sequence[Extract], asked: int, requests: int) -> None:
        """Tell what was read.

        Args:
            extracts: What came.
            asked: How many endpoints were asked for.
            requests: How many requests were sent.
        """
        self._asked, self._requests = True, requests
        self._say(
            f"Read {len(extracts):,} of {pluralize(asked, 'endpoint')}: {_rows(extracts)}, "
            f"{pluralize(requests, 'request')}"
        )

    def loaded(self, extracts: Sequence[Extract], written: Sequence[Extract], refused: int) -> None:
        """Tell what was loaded.

        Args:
            extracts: What the tables hold now.
            written: That of it which they did not hold already.
            refused: How many tables could not be loaded.
        """
        self._tables, self._rows = len(extracts), sum(each.rows for each in extracts)
        self._say(
            f"Loaded {len(written):,} of {pluralize(len(extracts) + refused, 'table')}: {_rows(written)}, "
            f"{len(extracts) - len(written):,} unchanged, {refused:,} refused"
        )

    def checked(self, tables: int, results: Iterable[dg.AssetCheckResult]) -> None:
        """Tell what was checked."""
        passed = [result.passed for result in results]
        self._say(
            f"Checked {pluralize(tables, 'table')}: {pluralize(len(passed), 'check')}, "
            f"{len(passed) - sum(passed):,} not passed"
        )

    def end(self) -> None:
        """Sum the run up, unless nothing was read."""
        if self._asked:
            self._step_began = self._began
            self._say(
                f"Summary: {pluralize(self._tables, 'table')}, {pluralize(self._rows, 'row')}, "
                f"{pluralize(self._requests, 'request')}, {self.failed:,} failed, {self.skipped:,} skipped"
            )

    def _say(self, line: str) -> None:
        now = time.monotonic()
        self._log.info(f"{line}, {now - self._step_began:.1f} s.")
        self._step_began = now


def _rows(extracts: Iterable[Extract]) -> str:
    return pluralize(sum(each.rows for each in extracts), "row")
