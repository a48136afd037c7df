"""Does the history end in what is there now?"""

import dagster as dg

from segment_dagster.assets import Subject, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.checks.primary_key import SHOWN
from segment_dagster.endpoints import Endpoint
from segment_dagster.settings import history_in_use
from segment_dagster.source.columns import column_name
from segment_dagster.source.versions import VALID_FROM, VALID_TO, history_table
from segment_dagster.wording import counted


class History:
    """The current versions are the rows of the table, one for each key, and no version ends before it begins."""

    name = "history"
    needs_table = True

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec | None:
        """The assets have it whose history is kept, while `SEGMENT_HISTORY` is on."""
        if not endpoint.keeps_history or not history_in_use():
            return None
        return dg.AssetCheckSpec(
            self.name,
            asset=asset_key(endpoint.name),
            description=f"The current versions in {history_table(endpoint.name)} are the rows of the table.",
        )

    def evaluate(self, subject: Subject) -> dg.AssetCheckResult:
        """Compare the history with the table."""
        endpoint, tables = subject.endpoint, subject.tables
        history = history_table(endpoint.name)
        if not tables.columns(endpoint.name):
            return no_table(self.name, subject)
        if not tables.columns(history):
            return no_table(self.name, subject, history)
        key = [column_name(field) for field in endpoint.primary_key]
        optional = [column_name(field) for field in endpoint.optional_key]
        rows, current = tables.count(endpoint.name), tables.count(history, f"{VALID_TO} IS NULL")
        twice, first_twice = tables.duplicates(history, key, SHOWN, optional=optional, null=VALID_TO)
        disordered, first_disordered = tables.out_of_order(history, key, VALID_FROM, VALID_TO, SHOWN)
        wrong = [f"{counted(current, 'current version')} of {counted(rows, 'row')}"] if current != rows else []
        wrong += [f"{counted(twice, 'key')} with more than one current version, or null"] if twice else []
        wrong += [f"{counted(disordered, 'key')} with a version that ends before it begins"] if disordered else []
        first = [", ".join(map(str, row[:-1])) for row in (*first_twice, *first_disordered)][:SHOWN]
        return dg.AssetCheckResult(
            passed=not wrong,
            asset_key=asset_key(endpoint.name),
            check_name=self.name,
            description=f"{'; '.join(wrong)}."
            if wrong
            else f"{counted(current, 'current version')}, one for each row.",
            metadata={"rows": rows, "current": current, **({"first": first} if first else {})},
        )
