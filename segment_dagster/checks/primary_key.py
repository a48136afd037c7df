"""Is every record there once?"""

import dagster as dg

from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name


class PrimaryKeyCheck:
    """The key is unique and nowhere null."""

    name = "primary_key"
    needs_table = True

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec:
        """Every asset has it."""
        key = ", ".join(column_name(field) for field in endpoint.primary_key)
        may = ", ".join(column_name(field) for field in endpoint.optional_key)
        null = f"; {may} may be null" if may else " and nowhere null"
        return dg.AssetCheckSpec(
            self.name, asset=asset_key(endpoint.name), description=f"The key ({key}) is unique{null}."
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Look for keys that come more than once or are null."""
        from segment_dagster.load.verify import primary_key

        return result_of(self.name, context.endpoint, primary_key(context))
