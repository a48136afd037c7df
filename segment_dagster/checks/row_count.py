"""Check that every row arrived."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint


class RowCountCheck:
    """Check that rows in the table = rows from the API = the API's own `totalEntries`, if given, on every page.

    A list of several pages also counts as changed if its first page differs when it is read again at the end. One
    change is not detected: a record on a later page is deleted while another is added at the end. The audit trail
    records both, and `segment_audit_sensor` then reads the table again.

    The parent that the requests are built from must be complete, too. In an audit trail that grows while it is read,
    rows move to the next page and come again; they count once.
    """

    name = "row_count"
    needs_table = True
    fails_run = True

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec:
        """Return the spec; the check applies to every endpoint."""
        return dg.AssetCheckSpec(self.name, asset=key, description="The table holds every row that the API delivered.")

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Compare the number of rows in the table with what the API delivered."""
        from segment_dagster.load.verify import row_count

        return result_of(self.name, context, row_count(context))
