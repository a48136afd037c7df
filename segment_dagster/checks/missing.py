"""What every check says of a table that is not there."""

import dagster as dg

from segment_dagster.assets import Subject, asset_key


def no_table(check: str, subject: Subject, table: str | None = None) -> dg.AssetCheckResult:
    """A failed result: there is nothing to check.

    Args:
        check: Name of the check.
        subject: What it was to look at.
        table: The table that is missing, where it is not the endpoint's own.
    """
    name = subject.endpoint.name
    return dg.AssetCheckResult(
        passed=False,
        asset_key=asset_key(name),
        check_name=check,
        description=f"There is no table {table or name!r} in the dataset: materialize segment/{name}.",
    )
