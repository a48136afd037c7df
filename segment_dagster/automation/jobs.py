"""One job per family, and one for the audit trail alone."""

from collections.abc import Collection, Iterable
from typing import Any

import dagster as dg

from segment_dagster.automation.families import Family

JOB = "segment_sync"
SLOW_JOB = "segment_slow_sync"
TRAIL_JOB = "segment_audit_sync"
"""Names of jobs of the default instance."""


def trail_job(name: str) -> str:
    """Return the name of the job for the audit trail of an instance."""
    return f"{name}_audit_sync"


def jobs(
    assets: Iterable[tuple[Family, dg.AssetsDefinition]], trail: Collection[dg.AssetKey], *, name: str = "segment"
) -> list[Any]:
    """Return the jobs. Each runs in one process, whatever executor the project has.

    One op per family is parallel inside: a process per op would cost seconds, and compete for DuckDB's lock.

    Args:
        assets: Families and their assets.
        trail: Keys of the audit trail and of what is worked out from it; no job is made if there are none.
        name: Name of the instance.
    """
    made: list[Any] = [
        dg.define_asset_job(
            family.job,
            selection=dg.AssetSelection.assets(definition),
            description=family.description,
            executor_def=dg.in_process_executor,
        )
        for family, definition in assets
    ]
    if trail:
        made.append(
            dg.define_asset_job(
                trail_job(name),
                selection=dg.AssetSelection.assets(*trail),
                description="Read what has happened in the workspace since the last time, merge it, check it.",
                executor_def=dg.in_process_executor,
            )
        )
    return made
