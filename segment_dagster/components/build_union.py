"""Build the Dagster definitions of the marts of several workspaces."""

from collections.abc import Sequence

import dagster as dg

from segment_dagster.assets import DestinationResource
from segment_dagster.assets.family import retry_policy
from segment_dagster.components.build_health import HealthInstance, health_job, health_schedules
from segment_dagster.config import DefinitionSettings
from segment_dagster.errors import SettingError
from segment_dagster.marts.models import MARTS
from segment_dagster.marts.union import PREFIX, Member, union_assets


def build_segment_union_defs(
    instances: Sequence[HealthInstance],
    *,
    destination: DestinationResource,
    key_prefix: str = PREFIX,
    marts: Sequence[str] | None = None,
    schedule: str | None = "default",
    settings: DefinitionSettings | None = None,
) -> dg.Definitions:
    """Return an asset for each mart with its rows of several workspaces, and a column `workspace` that names them.

    Args:
        instances: The workspaces. Each has marts of its own, as `build_segment_health_defs` makes them.
        destination: Where the tables are loaded: a dataset that none of the workspaces has.
        key_prefix: First part of the assets' keys; the op, the job and the schedule begin with it.
        marts: Names of marts; all by default.
        schedule: A cron expression; `None` for no schedule. By default as `SEGMENT_HEALTH_SCHEDULE_CRON` says.
        settings: The other settings of definitions; by default those in the environment.

    Raises:
        SettingError: A setting cannot be used, or there is no workspace.

    Example:
        >>> defs = build_segment_union_defs(
        ...     [HealthInstance(name="us"), HealthInstance(name="eu")],
        ...     destination=DestinationResource(dataset="segment_all"),
        ... )
        >>> defs.get_job_def("segment_all_health").name
        'segment_all_health'
    """
    settings = settings or DefinitionSettings()
    if len({each.name for each in instances}) != len(instances) or not instances:
        raise SettingError("union.workspaces", "names no workspace, or one twice", "Name each workspace once.")
    members, found = [], set()
    for each in instances:
        of_instance, specs = each.marts(marts, settings)
        members.append(Member(each.name, specs, each.place()))
        found |= {mart.name for mart in of_instance}
    name = key_prefix
    assets = union_assets(
        [mart for mart in MARTS if mart.name in found],
        members,
        name=f"{name}_marts",
        workspace=instances[0].workspace,
        destination=destination.with_defaults(pipeline_name=f"{name}_pipeline"),
        prefix=key_prefix,
        owners=settings.owners,
        shown=destination.shown("type") or settings.destination,
        retry_policy=retry_policy(settings),
    )
    return dg.Definitions(
        assets=[assets],
        jobs=[health_job(name, [assets], "Put the marts of several workspaces into one table each.")],
        schedules=health_schedules(name, schedule, settings),
    )
