"""The Dagster code location."""

from collections.abc import Sequence
from functools import lru_cache

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets import Derived, DestinationResource, SegmentResource, asset_key, segment_assets
from segment_dagster.automation import Family, audit_sensor, families, jobs, partitions_of, schedules
from segment_dagster.automation.families import CONFIGURATION, HOURLY
from segment_dagster.checks import standard_checks
from segment_dagster.config import DefinitionSettings
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster.marts import Changes


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for the settings in the environment, without network, files or secrets."""
    return _build(DefinitionSettings())


# Dagster calls `defs` six times in a run, and building takes 0.15 s each time
@lru_cache(maxsize=1)
def _build(settings: DefinitionSettings) -> dg.Definitions:
    return build(settings, DestinationResource())


def build(settings: DefinitionSettings, destination: DestinationResource) -> dg.Definitions:
    """Return assets, checks, jobs, schedules, the sensor and resources.

    Args:
        settings: What the definitions show.
        destination: Where the tables are loaded.

    Raises:
        SettingError: A setting cannot be used.
    """
    by_name = {family.name: family for family in families(TABLES, settings.slow)}
    derived = [Changes(CATALOGUE)] if settings.history else []
    assets = {
        name: (family, _assets(family, derived if name == CONFIGURATION else [], settings, destination))
        for name, family in by_name.items()
    }
    sensor = audit_sensor(
        by_name,
        [each.key for each in derived],
        destination=destination,
        interval=settings.audit_sensor_seconds,
    )
    everything = dg.Definitions(
        assets=[made for _, made in assets.values()],
        schedules=schedules(by_name, settings),
        sensors=[sensor],
        resources={"segment": SegmentResource(), "dlt": DagsterDltResource()},
        # one op per family, parallel inside: a process per step would cost seconds and compete for DuckDB's lock
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(everything, jobs(assets))


def _assets(
    family: Family, derived: Sequence[Derived], settings: DefinitionSettings, destination: DestinationResource
) -> dg.AssetsDefinition:
    assets = segment_assets(
        family.endpoints,
        standard_checks(settings),
        name=family.name,
        partitions=partitions_of(family, settings.partitions_start),
        derived=derived,
        destination=destination,
        kind=settings.destination,
        owners=settings.owners,
    )
    hourly_keys = {asset_key(endpoint.name) for endpoint in family.endpoints if endpoint.incremental}

    def fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
        updated: dg.AssetSpec = dg.apply_freshness_policy(
            spec, HOURLY if spec.key in hourly_keys else family.freshness, overwrite_existing=False
        )
        return updated

    return assets.map_asset_specs(fresh)
