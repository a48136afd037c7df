"""Check that no partition is missing."""

from collections.abc import Sequence

import dagster as dg

from segment_dagster.assets import CheckContext
from segment_dagster.assets.metadata import OFFENDERS_DIGEST
from segment_dagster.assets.offenders import offenders_digest
from segment_dagster.assets.partitions import ranges, step_of
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.times import span_of
from segment_dagster.text import pluralize


class GapsCheck:
    """Check that every complete partition that Segment still keeps was read, and that none was lost earlier."""

    name = "gaps"
    needs_table = False
    fails_run = False

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec | None:
        """Return the spec for partitioned endpoints."""
        if not endpoint.partitioned:
            return None
        since = "as far as Segment goes back" if span_of(endpoint) else "since the first that was materialized"
        return dg.AssetCheckSpec(self.name, asset=key, description=f"No partition is missing, {since}.")

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Report the missing and lost partitions."""
        gaps, step = context.gaps, step_of(context.endpoint)
        missing, lost = (gaps.missing, gaps.lost) if gaps else ((), ())
        problems = []
        if missing:
            problems.append(
                f"{pluralize(len(missing), 'partition')} missing that can still be read: {ranges(missing, step)}"
            )
        if lost:
            problems.append(f"{pluralize(len(lost), 'partition')} lost for good: {ranges(lost, step)}")
        return dg.AssetCheckResult(
            passed=not problems,
            severity=dg.AssetCheckSeverity.WARN,
            asset_key=context.key,
            check_name=self.name,
            description=f"{'; '.join(problems)}." if problems else "None is missing.",
            metadata={
                "missing": list(missing),
                "lost": list(lost),
                # what is lost stays lost: nobody can help it
                **({OFFENDERS_DIGEST: _digest(missing)} if problems else {}),
            },
        )


def _digest(missing: Sequence[str]) -> dict[str, str]:
    return {dg.AssetCheckSeverity.WARN.name: offenders_digest([key] for key in missing)} if missing else {}
