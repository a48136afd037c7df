"""The lines in a run's log that say how far it has come, and what it did in all."""

import time
from collections.abc import Iterable, Sequence

import dagster as dg

from segment_dagster.extract.reader import Delivery
from segment_dagster.text import counted


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

    def read(self, deliveries: Sequence[Delivery], asked: int, requests: int) -> None:
        """Tell what was read.

        Args:
            deliveries: What came.
            asked: How many endpoints were asked for.
            requests: How many requests were sent.
        """
        self._asked, self._requests = True, requests
        self._say(
            f"Read {len(deliveries):,} of {counted(asked, 'endpoint')}: {_rows(deliveries)}, "
            f"{counted(requests, 'request')}"
        )

    def loaded(self, deliveries: Sequence[Delivery], written: Sequence[Delivery], refused: int) -> None:
        """Tell what was loaded.

        Args:
            deliveries: What the tables hold now.
            written: That of it which they did not hold already.
            refused: How many tables could not be loaded.
        """
        self._tables, self._rows = len(deliveries), sum(each.rows for each in deliveries)
        self._say(
            f"Loaded {len(written):,} of {counted(len(deliveries) + refused, 'table')}: {_rows(written)}, "
            f"{len(deliveries) - len(written):,} unchanged, {refused:,} refused"
        )

    def checked(self, tables: int, results: Iterable[dg.AssetCheckResult]) -> None:
        """Tell what was checked."""
        passed = [result.passed for result in results]
        self._say(
            f"Checked {counted(tables, 'table')}: {counted(len(passed), 'check')}, "
            f"{len(passed) - sum(passed):,} not passed"
        )

    def end(self) -> None:
        """Sum the run up, unless nothing was read."""
        if self._asked:
            self._step_began = self._began
            self._say(
                f"Summary: {counted(self._tables, 'table')}, {counted(self._rows, 'row')}, "
                f"{counted(self._requests, 'request')}, {self.failed:,} failed, {self.skipped:,} skipped"
            )

    def _say(self, line: str) -> None:
        now = time.monotonic()
        self._log.info(f"{line}, {now - self._step_began:.1f} s.")
        self._step_began = now


def _rows(deliveries: Iterable[Delivery]) -> str:
    return counted(sum(each.rows for each in deliveries), "row")
