"""Does every record that names another name one that is there?"""

import dagster as dg

from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.people import shown_key
from segment_dagster.text import pluralize

SHOWN = 20
"""Orphans that a result shows."""


class ReferencesCheck:
    """Each id of another endpoint's record is in that endpoint's table."""

    name = "references"
    needs_table = True

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec | None:
        """The assets have it whose records name records of another."""
        if not endpoint.references:
            return None
        named = ", ".join(f"{column_name(each.field)} in {each.endpoint}" for each in endpoint.references)
        return dg.AssetCheckSpec(self.name, asset=asset_key(endpoint.name), description=f"Every {named} is there.")

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Look for ids that the other table does not have."""
        endpoint, tables = context.endpoint, context.tables
        if not tables.columns(endpoint.name):
            return no_table(self.name, context)
        orphans: dict[str, list[str]] = {}
        unchecked: list[str] = []
        broken = False
        for reference in endpoint.references:
            if reference.endpoint in context.missing_endpoints:
                continue
            column, target = column_name(reference.field), column_name(reference.target_field)
            if target not in tables.columns(reference.endpoint) or column not in tables.columns(endpoint.name):
                unchecked.append(reference.endpoint)
                continue
            # what was loaded earlier may name what has been deleted since
            where = context.where if endpoint.partitioned else None
            count, rows = tables.orphans(endpoint.name, column, reference.endpoint, target, SHOWN, where=where)
            if count:
                # what was made or deleted between the two loads is no fault of either
                other = "" if reference.endpoint in context.loaded_with else ", which was loaded apart"
                broken = broken or not other
                orphans[f"{column} without {reference.endpoint}{other} ({count:,})"] = [
                    f"{shown_key(endpoint, [column], row[:1])} ({pluralize(row[1], 'row')})" for row in rows
                ]
        said = [*orphans, *(f"not checked against {name}: materialize segment/{name} first" for name in unchecked)]
        return dg.AssetCheckResult(
            passed=not said,
            severity=dg.AssetCheckSeverity.ERROR if broken else dg.AssetCheckSeverity.WARN,
            asset_key=asset_key(endpoint.name),
            check_name=self.name,
            description=f"{'; '.join(said)}." if said else _passed(context),
            metadata={"orphans": orphans},
        )


def _passed(context: CheckContext) -> str:
    missing_endpoints = [
        each.endpoint for each in context.endpoint.references if each.endpoint in context.missing_endpoints
    ]
    return (
        f"Not checked against {', '.join(missing_endpoints)}, which the layout does not have."
        if missing_endpoints
        else "No orphans."
    )
