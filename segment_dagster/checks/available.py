"""Check that the workspace has the endpoint."""

from collections.abc import Iterable

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.endpoints import CATALOGUE, Endpoint


class AvailableCheck:
    """Check that the workspace's plan includes the features that the endpoint and its parents need.

    Args:
        catalogue: Endpoints in which to find the parents.
    """

    name = "available"
    needs_table = False
    fails_run = False

    def __init__(self, catalogue: Iterable[Endpoint] = CATALOGUE) -> None:
        self._catalogue = {endpoint.name: endpoint for endpoint in catalogue}

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec | None:
        """Return the spec for endpoints that need a feature of the plan."""
        features = self._features(endpoint)
        if not features:
            return None
        return dg.AssetCheckSpec(
            self.name,
            asset=key,
            description=f"The workspace's plan includes what it needs: {', '.join(features)}.",
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Report whether the endpoint was available when it was last read."""
        reason = context.unavailable
        description = f"Skipped, because {reason}." if reason else "The workspace has it."
        if context.failed and not reason:
            description = "Not known: the endpoint failed when it was last read."
        return dg.AssetCheckResult(
            passed=reason is None and not context.failed,
            severity=dg.AssetCheckSeverity.WARN,
            asset_key=context.key,
            check_name=self.name,
            description=description,
        )

    def _features(self, endpoint: Endpoint | None) -> list[str]:
        features: list[str] = []
        while endpoint is not None:
            if endpoint.feature and endpoint.feature not in features:
                features.append(endpoint.feature)
            endpoint = self._catalogue.get(endpoint.parent.endpoint) if endpoint.parent else None
        return features
