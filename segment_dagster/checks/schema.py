"""Did the table's shape hold?"""

import dagster as dg

from segment_dagster.assets import Subject, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.endpoints import Endpoint
from segment_dagster.source.columns import columns_of


class Schema:
    """The declared columns are in the table with their types. Missing or retyped fails, new warns."""

    name = "schema"
    needs_table = True

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec:
        """Every asset has it."""
        return dg.AssetCheckSpec(
            self.name, asset=asset_key(endpoint.name), description="The table has the declared columns and no others."
        )

    def evaluate(self, subject: Subject) -> dg.AssetCheckResult:
        """Compare the declared columns with the table's."""
        name = subject.endpoint.name
        found = subject.tables.columns(name)
        if not found:
            return no_table(self.name, subject)
        declared = columns_of(subject.endpoint)
        types = {column: subject.tables.lands_as(hints["data_type"]) for column, hints in declared.items()}
        missing = [column for column in declared if column not in found]
        retyped = [
            f"{column} ({declared_type}, found {found[column].get('data_type')})"
            for column, declared_type in types.items()
            if column in found and found[column].get("data_type") != declared_type
        ]
        new = [column for column in found if column not in declared]
        said = [
            f"{kind}: {', '.join(columns)}"
            for kind, columns in (("missing", missing), ("retyped", retyped), ("new", new))
            if columns
        ]
        return dg.AssetCheckResult(
            passed=not said,
            severity=dg.AssetCheckSeverity.ERROR if missing or retyped else dg.AssetCheckSeverity.WARN,
            asset_key=asset_key(name),
            check_name=self.name,
            description=f"{'; '.join(said)}." if said else f"{len(declared)} columns as declared.",
            metadata={"missing": missing, "retyped": retyped, "new": new},
        )
