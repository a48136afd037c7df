"""One job per family, and one for the audit trail alone."""

from collections.abc import Mapping

import dagster as dg

from segment_dagster.assets import asset_key
from segment_dagster.automation.families import CONFIGURATION, Family

JOB = "segment_sync"
SLOW_JOB = "segment_slow_sync"
TRAIL_JOB = "segment_audit_sync"


def jobs(assets: Mapping[str, tuple[Family, dg.AssetsDefinition]]) -> dg.Definitions:
    """Return the jobs.

    Args:
        assets: Families and their assets, by family name.
    """
    configuration, configuration_assets = assets[CONFIGURATION]
    endpoints = {asset_key(endpoint.name): endpoint for endpoint in configuration.endpoints}
    # includes the assets derived from the audit trail and the other tables
    trail = [key for key in configuration_assets.keys if key not in endpoints or endpoints[key].incremental]
    return dg.Definitions(
        jobs=[
            *(
                dg.define_asset_job(
                    family.job, selection=dg.AssetSelection.assets(made), description=family.description
                )
                for family, made in assets.values()
            ),
            dg.define_asset_job(
                TRAIL_JOB,
                selection=dg.AssetSelection.assets(*trail),
                description="Read what has happened in the workspace since the last time, merge it, check it.",
            ),
        ]
    )
