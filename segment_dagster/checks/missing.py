"""The check result for a table that does not exist."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.results import result_of


def no_table(check: str, context: CheckContext) -> dg.AssetCheckResult:
    """Return a failed result for a table that does not exist.

    Args:
        check: Name of the check.
        context: Context with the endpoint of the table.
    """
    from segment_dagster.load import verify

    return result_of(check, context, verify.no_table(context.endpoint))
