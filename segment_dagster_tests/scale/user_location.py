"""The code location of a user, copied to each machine: a workspace in each destination, and jobs for each executor."""

from collections.abc import Iterator

import dagster as dg
from dagster_celery import celery_executor

from segment_dagster import DestinationResource, EndpointSelection, SegmentTranslator, build_segment_defs

DESTINATIONS = {
    "postgres": DestinationResource(type="postgres"),
    "duckdb": DestinationResource(database=dg.EnvVar("SHARED_DUCKDB")),
    "files": DestinationResource(type="filesystem"),
    # the file in the working directory
    "unshared": DestinationResource(),
}

EXECUTORS = {
    "in_process": dg.in_process_executor,
    "multiprocess": dg.multiprocess_executor,
    "celery": celery_executor.configured({"broker": {"env": "CELERY_BROKER"}, "backend": {"env": "CELERY_BACKEND"}}),
}

SELECTED = EndpointSelection(
    domains=["volume", "delivery"],
    endpoints=[
        "workspace",
        "sources",
        "destinations",
        "warehouses",
        "spaces",
        "space_events",
        "labels",
        "users",
        "user_groups",
        "user_group_users",
        "audit_events",
        "warehouse_syncs",
        "warehouse_selective_syncs",
        "space_event_properties",
        "usage_mtu_daily",
        "usage_api_calls_daily",
    ],
)
"""Of each family what takes seconds: the lists of each audience take longer than all others together."""


class Prefixed(SegmentTranslator):
    """Keys of one destination's tables."""

    def __init__(self, prefix):
        super().__init__()
        self._prefix = prefix

    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=spec.key.with_prefix(self._prefix))


def definitions_of(name: str) -> Iterator[dg.Definitions]:
    """The workspace in one destination, and a job over several families for each executor."""
    workspace = build_segment_defs(
        name=name,
        destination=DESTINATIONS[name],
        select=SELECTED,
        translator=Prefixed(name),
        schedules=None,
        audit_sensor=False,
    )
    yield workspace
    families = [each for each in workspace.assets or () if isinstance(each, dg.AssetsDefinition)]
    monthly = [each for each in families if isinstance(each.partitions_def, dg.MonthlyPartitionsDefinition)]
    daily = [each for each in families if each not in monthly]
    configuration = [each for each in daily if each.partitions_def is None]
    # Dagster takes what has no partitions into a job with days; days and months need a job each
    for kind, members in {"configuration": configuration, "daily": daily, "monthly": monthly}.items():
        selection = dg.AssetSelection.assets(*members)
        for executor, definition in EXECUTORS.items():
            job = dg.define_asset_job(f"{name}_{kind}_{executor}", selection=selection, executor_def=definition)
            yield dg.Definitions(jobs=[job])


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions.merge(*(part for name in DESTINATIONS for part in definitions_of(name)))
