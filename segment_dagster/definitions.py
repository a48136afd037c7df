"""The Dagster code location."""

import os
from collections.abc import Sequence
from functools import lru_cache

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets import Derived, SegmentResource, asset_key, segment_assets
from segment_dagster.automation import Family, audit_sensor, families, jobs, partitions_of, schedules
from segment_dagster.automation.families import CONFIGURATION, HOURLY
from segment_dagster.checks import CHECKS
from segment_dagster.config import history_in_use
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster.marts import Changes

SECRETS = frozenset(("SEGMENT_API_TOKEN", "SEGMENT_FINGERPRINT_KEY"))
"""Settings that do not affect the definitions and must not be kept in memory with them."""


@dg.definitions
def defs() -> dg.Definitions:
    """Return assets, checks, jobs, schedules, the sensor and resources, without network, files or secrets."""
    # Dagster calls this six times in a run, and building takes 0.15 s each time
    settings = {name: value for name, value in os.environ.items() if name.startswith("SEGMENT_")}
    return _build(tuple(sorted((name, value) for name, value in settings.items() if name not in SECRETS)))


@lru_cache(maxsize=1)
def _build(settings: tuple[tuple[str, str], ...]) -> dg.Definitions:
    """Build the definitions. The settings are the cache key only; they are read from the environment."""
    by_name = {family.name: family for family in families(TABLES)}
    derived = [Changes(CATALOGUE)] if history_in_use() else []
    assets = {
        name: (family, _assets(family, derived if name == CONFIGURATION else [])) for name, family in by_name.items()
    }
    everything = dg.Definitions(
        assets=[made for _, made in assets.values()],
        schedules=schedules(by_name),
        sensors=[audit_sensor(by_name, [each.key for each in derived])],
        resources={"segment": SegmentResource(), "dlt": DagsterDltResource()},
        # one op per family, parallel inside: a process per step would cost seconds and compete for DuckDB's lock
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(everything, jobs(assets))


def _assets(family: Family, derived: Sequence[Derived]) -> dg.AssetsDefinition:
    assets = segment_assets(
        family.endpoints, CHECKS, name=family.name, partitions=partitions_of(family), derived=derived
    )
    hourly_keys = {asset_key(endpoint.name) for endpoint in family.endpoints if endpoint.incremental}

    def fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
        updated: dg.AssetSpec = dg.apply_freshness_policy(
            spec, HOURLY if spec.key in hourly_keys else family.freshness, overwrite_existing=False
        )
        return updated

    return assets.map_asset_specs(fresh)
