"""Check that the history matches the table."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.versions import history_table


class HistoryCheck:
    """Check that the current versions are the table's rows, one per key, and that no version ends before it begins."""

    name = "history"
    needs_table = True
    fails_run = False

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec | None:
        """Return the spec for endpoints that keep a history."""
        if not endpoint.keeps_history:
            return None
        return dg.AssetCheckSpec(
            self.name,
            asset=key,
            description=f"The current versions in {history_table(endpoint.name)} are the rows of the table.",
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Compare the current versions with the table."""
        from segment_dagster.load.verify import Finding, history

        if context.sliced:
            text = "Not kept: the table is read in slices of parents, and dlt keeps versions of whole tables only."
            return result_of(self.name, context, Finding(passed=True, description=text))
        return result_of(self.name, context, history(context))
