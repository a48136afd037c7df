"""The multi-asset of a family: one op with an asset per endpoint."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets.contract import Check, Derived
from segment_dagster.assets.pool import pool_of
from segment_dagster.assets.resource import DestinationResource, SegmentResource
from segment_dagster.assets.translator import AssetSpecs, SegmentTranslator
from segment_dagster.config import DefinitionSettings
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SettingError
from segment_dagster.gc_tuning import relaxed_gc


def segment_assets(
    endpoints: Sequence[Endpoint],
    checks: Sequence[Check] = (),
    *,
    name: str = "segment",
    workspace: SegmentResource | None = None,
    destination: DestinationResource | None = None,
    translator: SegmentTranslator | None = None,
    catalogue: Sequence[Endpoint] = TABLES,
    partitions: dg.TimeWindowPartitionsDefinition | None = None,
    settings: DefinitionSettings | None = None,
) -> dg.AssetsDefinition:
    """Return the assets of some endpoints. Any subset of the assets and checks can run alone.

    Args:
        endpoints: Endpoints to read, from the catalogue.
        checks: Checks to attach to every asset that they apply to.
        name: Name of the op.
        workspace: The workspace; by default as the environment says when a run begins.
        destination: Where the tables are loaded; by default as the environment says when a run begins.
        translator: Decides what the assets look like.
        catalogue: Endpoints in which to find parents that are not in `endpoints`.
        partitions: Partitions of the assets. A backfill reads as many of them as possible with one request.
        settings: Owners of the assets, and what is shown of the destination; by default as the environment says.

    Raises:
        SettingError: A setting cannot be used.

    Example:
        >>> from segment_dagster.endpoints import TABLES
        >>> sources = [endpoint for endpoint in TABLES if endpoint.name == "sources"]
        >>> assets = segment_assets(sources, destination=DestinationResource(dataset="segment_eu"))
        >>> assets.key.to_user_string()
        'segment/sources'
    """
    known = {endpoint.name: endpoint for endpoint in (*catalogue, *endpoints)}
    settings, place = settings or DefinitionSettings(), destination or DestinationResource()
    specs = AssetSpecs(
        translator or SegmentTranslator(),
        known.values(),
        owners=settings.owners,
        destination=place.shown("type") or settings.destination,
        dataset=place.shown("dataset") or settings.dataset,
    )
    return family_assets(
        tuple(endpoints),
        checks,
        specs,
        name=name,
        pool=pool_of(workspace or SegmentResource()),
        resource_key=f"{name}_workspace",
        workspace=workspace or SegmentResource(),
        destination=place,
        catalogue=tuple(catalogue),
        partitions=partitions,
        retry_policy=retry_policy(settings),
    )


def retry_policy(settings: DefinitionSettings) -> dg.RetryPolicy | None:
    """Return how ops are tried again; `None` if they are not.

    Args:
        settings: How often, and when.
    """
    if not settings.step_retries:
        return None
    return dg.RetryPolicy(
        max_retries=settings.step_retries,
        delay=settings.step_retry_seconds,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


def family_assets(
    endpoints: tuple[Endpoint, ...],
    checks: Sequence[Check],
    specs: AssetSpecs,
    *,
    name: str,
    pool: str,
    resource_key: str,
    workspace: SegmentResource,
    destination: DestinationResource,
    catalogue: tuple[Endpoint, ...] = TABLES,
    partitions: dg.TimeWindowPartitionsDefinition | None = None,
    derived: Sequence[Derived] = (),
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.AssetsDefinition:
    """Return the assets of a family of an instance.

    Args:
        endpoints: Endpoints to read.
        checks: Checks to attach to every asset that they apply to.
        specs: The assets of the instance.
        name: Name of the op.
        pool: Pool of the op.
        resource_key: Key under which the workspace is bound to the assets; no other definition needs to know it.
        workspace: The workspace. Ops of a run share it, so that no record is read twice.
        destination: Where the tables are loaded.
        catalogue: Endpoints in which to find parents that are not in `endpoints`.
        partitions: Partitions of the assets.
        derived: Assets to build after the tables are loaded. `specs` has them.
        retry_policy: How often the op is tried again after an error that may pass.
    """
    keys = {endpoint: specs.key(endpoint.name) for endpoint in endpoints}

    @dg.multi_asset(
        name=name,
        specs=[specs.spec(each) for each in (*(row.name for row in endpoints), *(made.name for made in derived))],
        check_specs=[spec for row, key in keys.items() for check in checks if (spec := check.spec(row, key))],
        can_subset=True,
        pool=pool,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
        required_resource_keys={resource_key},
        retry_policy=retry_policy,
    )
    def family(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Read the selected endpoints, load those that came whole, check their tables."""
        with relaxed_gc():
            # importing this takes 0.3 s, and Dagster imports the code location in every process it starts
            from segment_dagster.assets.executor import check_executor
            from segment_dagster.assets.run import FamilyRun
            from segment_dagster.load import resolve_destination

            segment: SegmentResource = getattr(context.resources, resource_key)
            try:
                settings, where = segment.settings(), resolve_destination(destination.settings())
                check_executor(context, where)
            except SettingError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
            yield from FamilyRun(
                context,
                DagsterDltResource(),
                segment,
                settings,
                where,
                endpoints,
                specs,
                checks,
                catalogue,
                derived,
                partitions,
            ).events()

    # bound to the assets: a key of `Definitions` would clash with that of another instance, or of the user
    (bound,) = dg.with_resources([family], {resource_key: workspace})
    return bound
