"""What the checks of the marts find, the most important first."""

from collections.abc import Sequence

import dagster as dg

from segment_dagster.marts.models import MARTS


def findings(evaluations: Sequence[dg.AssetCheckEvaluation], most: int) -> list[str]:
    """Return a line for each check of a mart that failed: errors before warnings, then in the order of the marts.

    Args:
        evaluations: Results of checks.
        most: Lines at most.
    """
    places = {mart.name: place for place, mart in enumerate(MARTS)}
    failed = [each for each in evaluations if not each.passed and each.asset_key.path[-1] in places]
    failed.sort(key=lambda each: (each.severity is not dg.AssetCheckSeverity.ERROR, places[each.asset_key.path[-1]]))
    return [f"{each.asset_key.path[-1]} ({each.severity.value}): {each.description}" for each in failed[:most]]
