"""Did the table's shape hold?"""

import dagster as dg

from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint


class SchemaCheck:
    """The declared columns are in the table with their types. Missing or retyped fails, new warns."""

    name = "schema"
    needs_table = True

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec:
        """Every asset has it."""
        return dg.AssetCheckSpec(
            self.name, asset=asset_key(endpoint.name), description="The table has the declared columns and no others."
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Compare the declared columns with the table's."""
        from segment_dagster.load.verify import schema

        return result_of(self.name, context.endpoint, schema(context))
