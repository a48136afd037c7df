"""What every check says of a table that is not there."""

import dagster as dg

from segment_dagster.assets import Subject
from segment_dagster.checks.results import result_of


def no_table(check: str, subject: Subject) -> dg.AssetCheckResult:
    """Return a failed result: there is nothing to check.

    Args:
        check: Name of the check.
        subject: What it was to look at.
    """
    from segment_dagster.load import verify

    return result_of(check, subject.endpoint, verify.no_table(subject.endpoint))
