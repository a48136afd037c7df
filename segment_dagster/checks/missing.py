"""What every check says of a table that is not there."""

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.checks.results import result_of


def no_table(check: str, context: CheckContext) -> dg.AssetCheckResult:
    """Return a failed result: there is nothing to check.

    Args:
        check: Name of the check.
        context: What it was to look at.
    """
    from segment_dagster.load import verify

    return result_of(check, context.endpoint, verify.no_table(context.endpoint))
