"""Convert findings to Dagster's check results."""

from typing import TYPE_CHECKING

import dagster as dg

from segment_dagster.assets import CheckContext

if TYPE_CHECKING:
    from segment_dagster.load.verify import Finding


def result_of(check: str, context: CheckContext, finding: "Finding") -> dg.AssetCheckResult:
    """Return a finding as the result of a check.

    Args:
        check: Name of the check.
        context: The checked table.
        finding: The finding.
    """
    return dg.AssetCheckResult(
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.WARN if finding.warns else dg.AssetCheckSeverity.ERROR,
        asset_key=context.key,
        check_name=check,
        description=finding.description,
        metadata=dict(finding.metadata),
    )
