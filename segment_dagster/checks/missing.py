"""What every check says of a table that is not there."""

import dagster as dg

from segment_dagster.assets import Subject, asset_key


def no_table(check: str, subject: Subject) -> dg.AssetCheckResult:
    """A failed result: there is nothing to check."""
    name = subject.endpoint.name
    return dg.AssetCheckResult(
        passed=False,
        asset_key=asset_key(name),
        check_name=check,
        description=f"There is no table {name!r} in the dataset: materialize segment/{name}.",
    )
