"""Check how far a table has come that is read in slices of parents."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.disposition import parent_columns


class CoverageCheck:
    """Check that every parent was read, none too long ago, and that no row is of a parent that is gone."""

    name = "coverage"
    needs_table = True
    fails_run = False

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec | None:
        """Return the spec for endpoints that are read in slices of parents where there are many of these."""
        if not endpoint.slow or endpoint.time is not None or not parent_columns(endpoint):
            return None
        return dg.AssetCheckSpec(
            self.name, asset=key, description="Every parent was read, none too long ago, and no row is of one gone."
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Compare the table with the record of which parents were read when."""
        from segment_dagster.load.coverage import coverage

        finding = coverage(context.tables, context.endpoint, now=context.now, max_age=context.max_age)
        return result_of(self.name, context, finding)
