"""The endpoints as one op: read side by side, loaded in one package, checked, each failure held apart."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from segment_dagster.assets.contract import Check, Subject
from segment_dagster.assets.keys import asset_key, endpoints_by_key
from segment_dagster.assets.logs import forwarded
from segment_dagster.assets.preview import preview
from segment_dagster.assets.resource import SegmentResource
from segment_dagster.assets.specs import SegmentTranslator, asset_spec, column_schema
from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.pipeline import Place, Tables, exclusive, open_tables, settle
from segment_dagster.source import Delivery, WorkspaceReader, columns_of, delivered_source

POOL = "segment_destination"
"""Dagster pool of everything that writes to the destination."""

ROWS_DELIVERED = "segment/rows_delivered"
TOTAL_ENTRIES = "segment/total_entries"

Events = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult | dg.AssetObservation]


def segment_assets(
    endpoints: tuple[Endpoint, ...], checks: Sequence[Check], name: str = "segment"
) -> dg.AssetsDefinition:
    """The assets of some endpoints, which are read and loaded together.

    Args:
        endpoints: Rows of the catalogue, each after its parent.
        checks: The checks that every asset gets, where they apply.
        name: Name of the op.
    """
    by_key = endpoints_by_key(endpoints)
    translator = SegmentTranslator(endpoints)

    @dg.multi_asset(
        name=name,
        specs=[asset_spec(endpoint) for endpoint in endpoints],
        check_specs=[spec for endpoint in endpoints for check in checks if (spec := check.spec(endpoint))],
        can_subset=True,
        pool=POOL,
    )
    def family(context: dg.AssetExecutionContext, segment: SegmentResource, dlt: DagsterDltResource) -> Events:
        """Read the selected endpoints, load those that came whole, check their tables."""
        selected = [endpoint for key, endpoint in by_key.items() if key in context.selected_asset_keys]
        wanted = _wanted(context)
        check_alone = [
            by_key[key] for key in by_key if any(key == asset for asset, _ in wanted) and by_key[key] not in selected
        ]
        try:
            with forwarded(context.log):
                place = settle()
                if selected:
                    with segment.reader(endpoints) as reader:
                        yield from _materialize(context, dlt, place, reader, selected, translator, checks)
                if check_alone:
                    with open_tables(place) as tables:
                        subjects = [_last_subject(context, endpoint, tables) for endpoint in check_alone]
                        results = [result for subject in subjects for result in _evaluate(checks, subject, wanted)]
                    yield from results
        except SegmentError as error:
            raise dg.Failure(str(error), allow_retries=False) from error

    return family


def _materialize(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    place: Place,
    reader: WorkspaceReader,
    selected: Sequence[Endpoint],
    translator: SegmentTranslator,
    checks: Sequence[Check],
) -> Events:
    offered = [endpoint for endpoint in selected if reader.client.offers(endpoint)]
    for endpoint in selected:
        if endpoint not in offered:
            _skip(context, endpoint, f"the {reader.settings.layout!r} layout has no such endpoint")
    deliveries, failures = reader.read_all(offered)
    for failure in failures:
        context.log.error(str(failure.error))
    if deliveries:
        yield from _load(context, dlt, place, deliveries, translator, checks)
    if failures:
        raise dg.Failure(
            "\n".join(
                [f"{len(failures)} of {len(offered)} endpoints failed.", *(str(each.error) for each in failures)]
            ),
            metadata={each.endpoint.name: str(each.error) for each in failures},
            # a retry would read and load again what has just been loaded
            allow_retries=False,
        )


def _load(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    place: Place,
    deliveries: Sequence[Delivery],
    translator: SegmentTranslator,
    checks: Sequence[Check],
) -> Events:
    wanted = _wanted(context)
    events: list[dg.MaterializeResult[Any]] = []
    # the checks stay inside: another run could change the tables under them
    with exclusive(place) as pipeline:
        loaded = dlt.run(
            context=context,
            dlt_source=delivered_source(deliveries),
            dlt_pipeline=pipeline,
            dagster_dlt_translator=translator,
            loader_file_format=place.facts.loader_format,
        )
        by_key = {result.asset_key: dict(result.metadata or {}) for result in loaded}
        with open_tables(place) as tables:
            for delivery in deliveries:
                key = asset_key(delivery.endpoint.name)
                subject = Subject(
                    endpoint=delivery.endpoint,
                    tables=tables,
                    delivered=delivery.rows,
                    total_entries=delivery.total_entries,
                )
                events.append(
                    dg.MaterializeResult(
                        asset_key=key,
                        metadata=_metadata(delivery, tables, by_key[key]),
                        check_results=list(_evaluate(checks, subject, wanted)),
                    )
                )
    yield from events


def _metadata(delivery: Delivery, tables: Tables, of_dlt: dict[str, Any]) -> dict[str, Any]:
    """What the asset's page shows of a materialization: first the rows, then what it cost, then dlt's own."""
    endpoint = delivery.endpoint
    # a list of load files with their paths on this machine: long, and of no use once they are gone
    of_dlt.pop("jobs", None)
    undeclared = tuple(name for name in tables.columns(endpoint.name) if name not in columns_of(endpoint))
    counted = {TOTAL_ENTRIES: delivery.total_entries} if delivery.total_entries is not None else {}
    return {
        "segment/preview": dg.MetadataValue.md(
            preview(delivery.preview, [column.field for column in endpoint.columns])
        ),
        "dagster/row_count": tables.count(endpoint.name),
        "dagster/table_name": tables.qualified_name(endpoint.name),
        "dagster/column_schema": column_schema(endpoint, undeclared),
        ROWS_DELIVERED: delivery.rows,
        **counted,
        "segment/requests": delivery.requests,
        "segment/duration_seconds": round(delivery.seconds, 3),
        "segment/waited_seconds": round(delivery.waited, 3),
        **{name: value for name, value in of_dlt.items() if not name.startswith("dagster/")},
    }


def _skip(context: dg.AssetExecutionContext, endpoint: Endpoint, reason: str) -> None:
    context.log.warning(f"{endpoint.name}: skipped, because {reason}. Its table stays as it is.")
    context.log_event(dg.AssetObservation(asset_key(endpoint.name), metadata={"segment/skipped": reason}))


def _last_subject(context: dg.AssetExecutionContext, endpoint: Endpoint, tables: Tables) -> Subject:
    """What the table should hold by the asset's latest materialization."""
    event = context.instance.get_latest_materialization_event(asset_key(endpoint.name))
    metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
    return Subject(
        endpoint=endpoint,
        tables=tables,
        delivered=_number(metadata, ROWS_DELIVERED),
        total_entries=_number(metadata, TOTAL_ENTRIES),
    )


def _number(metadata: Mapping[str, dg.MetadataValue[Any]], name: str) -> int | None:
    value = metadata.get(name)
    return value.value if isinstance(value, dg.IntMetadataValue) else None


def _evaluate(
    checks: Sequence[Check], subject: Subject, wanted: set[tuple[dg.AssetKey, str]]
) -> Iterator[dg.AssetCheckResult]:
    key = asset_key(subject.endpoint.name)
    for check in checks:
        if (key, check.name) in wanted:
            yield check.evaluate(subject)


def _wanted(context: dg.AssetExecutionContext) -> set[tuple[dg.AssetKey, str]]:
    return {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
