"""Did every row arrive?"""

import dagster as dg

from segment_dagster.assets import Subject, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.endpoints import Endpoint
from segment_dagster.wording import counted


class RowCount:
    """Rows in the table = rows the API delivered = the API's own `totalEntries`, where it gives one."""

    name = "row_count"
    needs_table = True

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
        if subject.delivered is None:
            return dg.AssetCheckResult(
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                asset_key=asset_key(name),
                check_name=self.name,
                description=(
                    f"{counted(found, 'row')} found; how many there should be is known once the asset is materialized."
                ),
                metadata={"found": found},
            )
        wrong = [f"delivered {subject.delivered:,}"] if found != subject.delivered else []
        if not _agrees(subject, found):
            wrong.append(f"total_entries {subject.total_entries:,}")
        records = None if subject.records == subject.delivered else subject.records
        known = {"delivered": subject.delivered, "records": records, "total_entries": subject.total_entries}
        return dg.AssetCheckResult(
            passed=not wrong,
            asset_key=asset_key(name),
            check_name=self.name,
            description=f"{counted(found, 'row')} found{', but ' + ', '.join(wrong) if wrong else ', as delivered'}.",
            metadata={"found": found, **{name: count for name, count in known.items() if count is not None}},
        )


def _agrees(subject: Subject, found: int) -> bool:
    """Whether there are as many records as the API counts itself."""
    if subject.total_entries is None:
        return True
    # rows that were made of a record's list are not what the API counts
    records = subject.records if subject.endpoint.exploded else found
    if records is None:
        return True
    return records <= subject.total_entries if subject.endpoint.total_is_bound else records == subject.total_entries
