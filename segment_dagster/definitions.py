"""The code location: everything assembled, nothing done."""

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets import SegmentResource, segment_assets
from segment_dagster.automation import FRESHNESS, automation
from segment_dagster.checks import CHECKS
from segment_dagster.endpoints import CATALOGUE


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks, job, schedule and resources. No network, no file, no secret is touched."""
    assets = segment_assets(CATALOGUE, CHECKS).map_asset_specs(
        lambda spec: dg.apply_freshness_policy(spec, FRESHNESS, overwrite_existing=False)
    )
    everything = dg.Definitions(
        assets=[assets],
        resources={"segment": SegmentResource(), "dlt": DagsterDltResource()},
        # one op a family, parallel inside: a process for each step would cost seconds and fight over DuckDB's lock
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(everything, automation(assets))
