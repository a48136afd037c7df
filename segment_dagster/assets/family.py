"""Endpoints that are read and loaded together, as one op with an asset for each of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets.contract import Check, Derived
from segment_dagster.assets.resource import SegmentResource
from segment_dagster.assets.specs import asset_spec
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.gc_tuning import relaxed_gc

POOL = "segment_destination"
"""Dagster pool of the ops. With a limit of one on it, the weekly run and the daily one wait for each other."""


def segment_assets(
    endpoints: tuple[Endpoint, ...],
    checks: Sequence[Check],
    name: str = "segment",
    catalogue: tuple[Endpoint, ...] = TABLES,
    partitions: dg.TimeWindowPartitionsDefinition | None = None,
    derived: Sequence[Derived] = (),
) -> dg.AssetsDefinition:
    """The assets of some endpoints. Any part of them, and any of their checks, can be run alone.

    Args:
        endpoints: Rows of the catalogue.
        checks: The checks that every asset gets, where they apply.
        name: Name of the op.
        catalogue: Where the parents are found that are not among the endpoints themselves.
        partitions: The partitions of the assets. A backfill reads as many of them as it can with one request.
        derived: What is made of the tables once these are loaded.
    """

    @dg.multi_asset(
        name=name,
        specs=[*map(asset_spec, endpoints), *(each.spec(endpoints) for each in derived)],
        check_specs=[spec for endpoint in endpoints for check in checks if (spec := check.spec(endpoint))],
        can_subset=True,
        pool=POOL,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
    )
    def family(
        context: dg.AssetExecutionContext, segment: SegmentResource, dlt: DagsterDltResource
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Read the selected endpoints, load those that came whole, check their tables."""
        with relaxed_gc():
            # what a run needs takes 0.3 s to import, and Dagster imports the code location for every process it starts
            from segment_dagster.assets.run import FamilyRun

            yield from FamilyRun(context, dlt, endpoints, checks, catalogue, derived, partitions).events(segment)

    return family
