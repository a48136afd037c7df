"""The multi-asset of a family: one op with an asset per endpoint."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets.contract import Check, Derived
from segment_dagster.assets.resource import DestinationResource, SegmentResource
from segment_dagster.assets.specs import asset_spec
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SettingError
from segment_dagster.gc_tuning import relaxed_gc

POOL = "segment_destination"
"""Dagster pool of the ops. With a limit of 1, the weekly and the daily run wait for each other."""


def segment_assets(
    endpoints: tuple[Endpoint, ...],
    checks: Sequence[Check],
    name: str = "segment",
    catalogue: tuple[Endpoint, ...] = TABLES,
    partitions: dg.TimeWindowPartitionsDefinition | None = None,
    derived: Sequence[Derived] = (),
    *,
    destination: DestinationResource | None = None,
    kind: str = "duckdb",
    owners: Sequence[str] = (),
) -> dg.AssetsDefinition:
    """Return the assets of some endpoints. Any subset of the assets and checks can run alone.

    Args:
        endpoints: Endpoints to read, from the catalogue.
        checks: Checks to attach to every asset that they apply to.
        name: Name of the op.
        catalogue: Endpoints in which to find parents that are not in `endpoints`.
        partitions: Partitions of the assets. A backfill reads as many of them as possible with one request.
        derived: Assets to build after the tables are loaded.
        destination: Where the tables are loaded; by default as the environment says when a run begins.
        kind: dlt's name of the destination, to show as a kind of the assets.
        owners: Owners of the assets.
    """
    place = destination or DestinationResource()
    spec_options: dict[str, Any] = {"owners": owners, "destination": kind}

    @dg.multi_asset(
        name=name,
        specs=[
            *(asset_spec(endpoint, **spec_options) for endpoint in endpoints),
            *(asset.spec(endpoints, **spec_options) for asset in derived),
        ],
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
            # importing this takes 0.3 s, and Dagster imports the code location in every process it starts
            from segment_dagster.assets.run import FamilyRun
            from segment_dagster.load import resolve_destination

            try:
                settings, where = segment.settings(), resolve_destination(place.settings())
            except SettingError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
            yield from FamilyRun(
                context, dlt, segment, settings, where, endpoints, checks, catalogue, derived, partitions
            ).events()

    return family
