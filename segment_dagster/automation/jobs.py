"""A job for each family."""

from collections.abc import Mapping

import dagster as dg

from segment_dagster.automation.families import CONFIGURATION, TRAIL, Family

JOB = "segment_sync"
SLOW_JOB = "segment_slow_sync"


def jobs(assets: Mapping[str, tuple[Family, dg.AssetsDefinition]]) -> dg.Definitions:
    """The jobs.

    Args:
        assets: By name, the families and their assets.
    """
    trail = assets[TRAIL][1]
    made = []
    for name, (family, own) in assets.items():
        # who runs nothing but the main job has the audit trail too
        selected = [own, trail] if name == CONFIGURATION else [own]
        made.append(
            dg.define_asset_job(
                family.job, selection=dg.AssetSelection.assets(*selected), description=family.description
            )
        )
    return dg.Definitions(jobs=made)
