"""Did every row arrive?"""

import dagster as dg

from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint


class RowCountCheck:
    """Rows in the table = rows the API delivered = the API's own `totalEntries`, where it gives one, on every page.

    A list of several pages counts as changed, too, where its first page is another in the end than it was before. What
    is not seen then is a record of a later page that goes while another one comes at the end. The audit trail tells of
    both: `segment_audit_sensor` has the table read again.

    What the requests are made from has to have come whole, too. In a trail that grows while it is read, rows move to
    the next page and come again: they count once.
    """

    name = "row_count"
    needs_table = True

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec:
        """Every asset has it."""
        return dg.AssetCheckSpec(
            self.name, asset=asset_key(endpoint.name), description="The table holds every row that the API delivered."
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Count the rows of the table."""
        from segment_dagster.load.verify import row_count

        return result_of(self.name, context.endpoint, row_count(context))
