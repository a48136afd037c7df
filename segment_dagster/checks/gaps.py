"""Is a time missing?"""

import dagster as dg

from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.assets.partitions import ranges, step_of
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.times import span_of
from segment_dagster.text import pluralize


class GapsCheck:
    """Every whole partition that Segment still keeps was read, and none was missed before."""

    name = "gaps"
    needs_table = False

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec | None:
        """The assets have it that are read in parts."""
        if not endpoint.partitioned:
            return None
        since = "as far as Segment goes back" if span_of(endpoint) else "since the first that was materialized"
        return dg.AssetCheckSpec(
            self.name, asset=asset_key(endpoint.name), description=f"No partition is missing, {since}."
        )

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Name the partitions that are missing."""
        gaps, step = context.gaps, step_of(context.endpoint)
        missing, lost = (gaps.missing, gaps.lost) if gaps else ((), ())
        said = []
        if missing:
            said.append(
                f"{pluralize(len(missing), 'partition')} missing that can still be read: {ranges(missing, step)}"
            )
        if lost:
            said.append(f"{pluralize(len(lost), 'partition')} lost for good: {ranges(lost, step)}")
        return dg.AssetCheckResult(
            passed=not said,
            severity=dg.AssetCheckSeverity.WARN,
            asset_key=asset_key(context.endpoint.name),
            check_name=self.name,
            description=f"{'; '.join(said)}." if said else "None is missing.",
            metadata={"missing": list(missing), "lost": list(lost)},
        )
