"""Check the columns of a table."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint


class SchemaCheck:
    """Check that the table has the declared columns and types. Missing or retyped columns fail, new ones warn."""

    name = "schema"
    needs_table = True
    fails_run = False

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec:
        """Return the spec; the check applies to every endpoint."""
        return dg.AssetCheckSpec(self.name, asset=key, description="The table has the declared columns and no others.")

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Compare the declared columns with those of the table."""
        from segment_dagster.load.verify import schema

        return result_of(self.name, context, schema(context))
