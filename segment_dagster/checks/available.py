"""Does the workspace have the endpoint at all?"""

from collections.abc import Iterable

import dagster as dg

from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.endpoints import CATALOGUE, Endpoint


class AvailableCheck:
    """The workspace's plan includes the feature that the endpoint, or one it is asked with, needs.

    Args:
        catalogue: Where the parents of endpoints are found.
    """

    name = "available"
    needs_table = False

    def __init__(self, catalogue: Iterable[Endpoint] = CATALOGUE) -> None:
        self._catalogue = {endpoint.name: endpoint for endpoint in catalogue}

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec | None:
        """The assets have it that depend on a feature."""
        features = self._features(endpoint)
        if not features:
            return None
        return dg.AssetCheckSpec(
            self.name,
            asset=asset_key(endpoint.name),
            description=f"The workspace's plan includes what it needs: {', '.join(features)}.",
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Say whether the endpoint was there when it was last asked for."""
        reason = context.unavailable
        said = f"Skipped, because {reason}." if reason else "The workspace has it."
        if context.failed and not reason:
            said = "Not known: the endpoint failed when it was last read."
        return dg.AssetCheckResult(
            passed=reason is None and not context.failed,
            severity=dg.AssetCheckSeverity.WARN,
            asset_key=asset_key(context.endpoint.name),
            check_name=self.name,
            description=said,
        )

    def _features(self, endpoint: Endpoint | None) -> list[str]:
        features: list[str] = []
        while endpoint is not None:
            if endpoint.feature and endpoint.feature not in features:
                features.append(endpoint.feature)
            endpoint = self._catalogue.get(endpoint.parent.endpoint) if endpoint.parent else None
        return features
