"""The code location: everything assembled, nothing done."""

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets import SegmentResource, segment_assets
from segment_dagster.automation import Family, audit_sensor, families, jobs, partitions_of, schedules
from segment_dagster.checks import CHECKS
from segment_dagster.endpoints import TABLES


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks, jobs, schedules, the sensor and resources. No network, no file, no secret is touched."""
    every = {family.name: family for family in families(TABLES)}
    assets = {name: (family, _assets(family)) for name, family in every.items()}
    everything = dg.Definitions(
        assets=[made for _, made in assets.values()],
        schedules=schedules(every),
        sensors=[audit_sensor(every)],
        resources={"segment": SegmentResource(), "dlt": DagsterDltResource()},
        # one op a family, parallel inside: a process for each step would cost seconds and fight over DuckDB's lock
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(everything, jobs(assets))


def _assets(family: Family) -> dg.AssetsDefinition:
    assets = segment_assets(family.endpoints, CHECKS, name=family.name, partitions=partitions_of(family))
    return assets.map_asset_specs(
        lambda spec: dg.apply_freshness_policy(spec, family.freshness, overwrite_existing=False)
    )
