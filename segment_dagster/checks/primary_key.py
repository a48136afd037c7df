"""Is every record there once?"""

import dagster as dg

from segment_dagster.assets import Subject, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.endpoints import Endpoint
from segment_dagster.source.columns import column_name
from segment_dagster.wording import counted

SHOWN = 20
"""Offending keys that a result shows."""


class PrimaryKey:
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

    def evaluate(self, subject: Subject) -> dg.AssetCheckResult:
        """Look for keys that come more than once or are null."""
        endpoint = subject.endpoint
        key = [column_name(field) for field in endpoint.primary_key]
        columns = subject.tables.columns(endpoint.name)
        if not columns:
            return no_table(self.name, subject)
        if absent := [column for column in key if column not in columns]:
            return dg.AssetCheckResult(
                passed=False,
                asset_key=asset_key(endpoint.name),
                check_name=self.name,
                description=f"The table has no column {', '.join(absent)}.",
            )
        optional = [column_name(field) for field in endpoint.optional_key]
        count, rows = subject.tables.duplicates(endpoint.name, key, SHOWN, optional=optional)
        keys = [", ".join(map(str, row[:-1])) + f" ({row[-1]} rows)" for row in rows]
        return dg.AssetCheckResult(
            passed=not count,
            asset_key=asset_key(endpoint.name),
            check_name=self.name,
            description=f"{counted(count, 'key')} more than once or null." if count else _passed(endpoint),
            metadata={"offending_keys": count, **({"first": keys} if keys else {})},
        )


def _passed(endpoint: Endpoint) -> str:
    return "Unique." if endpoint.optional_key else "Unique, nowhere null."
