"""The code location: everything assembled, nothing done."""

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets import SegmentResource, segment_assets
from segment_dagster.automation import FRESHNESS, SLOW_FRESHNESS, automation, by_pace
from segment_dagster.checks import CHECKS
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.marts import Changes
from segment_dagster.settings import history_in_use


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks, jobs, schedules and resources. No network, no file, no secret is touched."""
    daily, weekly = by_pace(CATALOGUE)
    derived = [Changes(CATALOGUE)] if history_in_use() else []
    assets = _fresh(segment_assets(daily, CHECKS, derived=derived), FRESHNESS)
    slow_assets = _fresh(segment_assets(weekly, CHECKS, name="segment_slow"), SLOW_FRESHNESS)
    everything = dg.Definitions(
        assets=[assets, slow_assets],
        resources={"segment": SegmentResource(), "dlt": DagsterDltResource()},
        # one op a family, parallel inside: a process for each step would cost seconds and fight over DuckDB's lock
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(everything, automation(assets, slow_assets))


def _fresh(assets: dg.AssetsDefinition, policy: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    return assets.map_asset_specs(lambda spec: dg.apply_freshness_policy(spec, policy, overwrite_existing=False))
