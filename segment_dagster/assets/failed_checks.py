"""Failed checks that fail the run."""

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg

from segment_dagster.assets.contract import Check
from segment_dagster.text import pluralize


class FailedChecks:
    """Checks of the tables of one run that say that rows are missing or doubled.

    Not `blocking=True`: Dagster's error for that would also fail a run of checks alone, and be retried.

    Args:
        checks: All checks.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self._fatal = {check.name for check in checks if check.fails_run}
        self._failed: dict[str, list[dg.AssetCheckResult]] = {}

    def add(self, name: str, results: Iterable[dg.AssetCheckResult]) -> None:
        """Add the results of an endpoint's checks. Those that passed or warn, or do not fail the run, do not count."""
        for result in results:
            failed = not result.passed and result.severity == dg.AssetCheckSeverity.ERROR
            if failed and result.check_name in self._fatal:
                self._failed.setdefault(name, []).append(result)

    @property
    def line(self) -> str | None:
        """Return a line that names the endpoints and their checks; `None` if nothing failed."""
        if not self._failed:
            return None
        named = "; ".join(
            f"{name} ({', '.join(str(result.check_name) for result in results)})"
            for name, results in self._failed.items()
        )
        tables = pluralize(len(self._failed), "loaded table")
        return f"Checks failed for {tables}: {named}. See what they say on the pages of the assets."

    @property
    def metadata(self) -> dict[str, Any]:
        """Return what the checks say, by endpoint."""
        return {
            name: " ".join(f"{result.check_name}: {result.description}" for result in results)
            for name, results in self._failed.items()
        }
