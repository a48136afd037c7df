"""Did every row arrive?"""

import dagster as dg

from segment_dagster.assets import Subject, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.endpoints import Endpoint


class RowCount:
    """Rows in the table = rows the API delivered = the API's own `totalEntries`, where it gives one."""

    name = "row_count"

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec:
        """Every asset has it."""
        return dg.AssetCheckSpec(
            self.name, asset=asset_key(endpoint.name), description="The table holds every row that the API delivered."
        )

    def evaluate(self, subject: Subject) -> dg.AssetCheckResult:
        """Count the rows of the table."""
        name = subject.endpoint.name
        if not subject.tables.columns(name):
            return no_table(self.name, subject)
        found = subject.tables.count(name)
        expected = {"delivered": subject.delivered, "total_entries": subject.total_entries}
        known = {source: count for source, count in expected.items() if count is not None}
        if not known:
            return dg.AssetCheckResult(
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                asset_key=asset_key(name),
                check_name=self.name,
                description=f"{found:,} rows found; how many there should be is known once the asset is materialized.",
                metadata={"found": found},
            )
        wrong = [f"{source} {count:,}" for source, count in known.items() if count != found]
        return dg.AssetCheckResult(
            passed=not wrong,
            asset_key=asset_key(name),
            check_name=self.name,
            description=f"{found:,} rows found{', but ' + ', '.join(wrong) if wrong else ', as delivered'}.",
            metadata={"found": found, **known},
        )
