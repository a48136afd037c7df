"""Did every row arrive?"""

import dagster as dg

from segment_dagster.assets import Subject, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.endpoints import Endpoint
from segment_dagster.wording import counted


class RowCount:
    """Rows in the table = rows the API delivered = the API's own `totalEntries`, where it gives one, on every page.

    A list of several pages counts as changed, too, where its first page is another in the end than it was at first. What
    is not seen then is a record of a later page that goes while another one comes at the end. The audit trail tells of
    both: `segment_audit_sensor` has the table read again.
    """

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
        found = subject.tables.count(name, subject.where)
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
        # rows that were merged by their key stay when the API lists them no more: a part of the table may hold some
        kept = found - subject.delivered if subject.endpoint.incremental and subject.where else 0
        wrong = [f"delivered {subject.delivered:,}"] if found - max(0, kept) != subject.delivered else []
        if not _agrees(subject, found):
            wrong.append(f"total_entries {subject.total_entries:,}")
        if subject.changed:
            wrong.append(f"{counted(subject.changed, 'list')} changed while being read: materialize it again")
        records = None if subject.records == subject.delivered else subject.records
        known = {"delivered": subject.delivered, "records": records, "total_entries": subject.total_entries}
        return dg.AssetCheckResult(
            passed=not wrong,
            asset_key=asset_key(name),
            check_name=self.name,
            description=f"{counted(found, 'row')} found{_of_what(subject)}{_said(wrong, kept)}.",
            metadata={"found": found, **{name: count for name, count in known.items() if count is not None}},
        )


def _of_what(subject: Subject) -> str:
    window = subject.window
    if window is None:
        return ""
    return f" of {window.start:%Y-%m-%d %H:%M} to {f'{window.end:%Y-%m-%d %H:%M}' if window.end else 'now'}"


def _said(wrong: list[str], kept: int) -> str:
    if wrong:
        return f", but {', '.join(wrong)}"
    return f", all that were delivered and {kept:,} of before" if kept > 0 else ", as delivered"


def _agrees(subject: Subject, found: int) -> bool:
    """Whether there are as many records as the API counts itself."""
    if subject.total_entries is None:
        return True
    # rows that were made of a record's list, or that two answers hold, are not what the API counts
    records = subject.records if subject.endpoint.exploded or subject.endpoint.time else found
    if records is None:
        return True
    return records <= subject.total_entries if subject.endpoint.total_is_bound else records == subject.total_entries
