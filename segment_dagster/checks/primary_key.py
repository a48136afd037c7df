"""Check that the primary key is unique."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name


class PrimaryKeyCheck:
    """Check that the primary key is unique and never null, except in optional fields."""

    name = "primary_key"
    needs_table = True
    fails_run = True

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec:
        """Return the spec; the check applies to every endpoint."""
        columns = ", ".join(column_name(field) for field in endpoint.primary_key)
        may = ", ".join(column_name(field) for field in endpoint.optional_key)
        null = f"; {may} may be null" if may else " and nowhere null"
        return dg.AssetCheckSpec(self.name, asset=key, description=f"The key ({columns}) is unique{null}.")

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Look for duplicate keys and nulls."""
        from segment_dagster.load.verify import primary_key

        return result_of(self.name, context, primary_key(context))
