"""Check that referenced records exist."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.missing import no_table
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.people import shown_key
from segment_dagster.text import pluralize

SHOWN = 20
"""Most orphans that a result shows."""


class ReferencesCheck:
    """Check that every referenced id is in the table of the referenced endpoint."""

    name = "references"
    needs_table = True
    fails_run = False

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec | None:
        """Return the spec for endpoints that declare references."""
        if not endpoint.references:
            return None
        named = ", ".join(
            f"{column_name(reference.field)} in {reference.endpoint}" for reference in endpoint.references
        )
        return dg.AssetCheckSpec(self.name, asset=key, description=f"Every {named} is there.")

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Look for ids that are missing in the referenced table."""
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
            # rows from earlier loads may reference records that have been deleted since
            where = context.where if endpoint.partitioned else None
            count, rows = tables.orphans(endpoint.name, column, reference.endpoint, target, SHOWN, where=where)
            if count:
                # if the tables were loaded separately, records may have been created or deleted in between
                suffix = "" if reference.endpoint in context.loaded_with else ", which was loaded apart"
                broken = broken or not suffix
                orphans[f"{column} without {reference.endpoint}{suffix} ({count:,})"] = [
                    f"{shown_key(endpoint, [column], row[:1], context.preview)} ({pluralize(row[1], 'row')})"
                    for row in rows
                ]
        keys = {name: context.key_of(name).to_user_string() for name in unchecked}
        problems = [*orphans, *(f"not checked against {name}: materialize {key} first" for name, key in keys.items())]
        return dg.AssetCheckResult(
            passed=not problems,
            severity=dg.AssetCheckSeverity.ERROR if broken else dg.AssetCheckSeverity.WARN,
            asset_key=context.key,
            check_name=self.name,
            description=f"{'; '.join(problems)}." if problems else _passed(context),
            metadata={"orphans": orphans},
        )


def _passed(context: CheckContext) -> str:
    missing_endpoints = [
        reference.endpoint
        for reference in context.endpoint.references
        if reference.endpoint in context.missing_endpoints
    ]
    return (
        f"Not checked against {', '.join(missing_endpoints)}, which are not there."
        if missing_endpoints
        else "No orphans."
    )
