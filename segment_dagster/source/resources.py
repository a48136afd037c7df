"""The dlt source: a resource for each endpoint of the catalogue."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import dlt
from dlt.common.schema.typing import TColumnSchema
from dlt.extract import DltResource, DltSource
from dlt.extract.items import DataItemWithMeta

from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.settings import resolve
from segment_dagster.source.columns import column_name, columns_of
from segment_dagster.source.disposition import disposition_of, scope_of
from segment_dagster.source.reader import Delivery, WorkspaceReader

SOURCE_NAME = "segment_source"


def segment_source(
    api_key: str = dlt.secrets.value,
    *,
    region: str | None = None,
    base_url: str | None = None,
    layout: str | None = None,
    endpoints: Sequence[str] | None = None,
    concurrency: int | None = None,
    page_size: int | None = None,
    requests_per_minute: int | None = None,
    include_secrets: bool | None = None,
    catalogue: Sequence[Endpoint] = TABLES,
) -> DltSource:
    """The endpoints of a Segment workspace as dlt resources, for any dlt pipeline.

    Nothing is read before dlt asks for the rows. A resource hands its rows on once its endpoint has been read whole,
    as Parquet files, which `add_map` and `add_filter` do not look into. Build a source for every run: one that has run
    hands on what it read then.

    Args:
        api_key: The token; `SEGMENT_API_TOKEN` or dlt's `[sources.segment_source] api_key` where it is not given.
        region: `us` or `eu`.
        base_url: Address of the API, in place of the region's.
        layout: `public` or `versioned`.
        endpoints: Names of the endpoints; where it is not given, all that the layout offers but the slow ones, which
            take long at the rate that Segment allows.
        concurrency: Requests under way at once, at most.
        page_size: Rows asked for in a page, at most.
        requests_per_minute: Requests of the token a minute, at most.
        include_secrets: Whether secrets land as they are.
        catalogue: The rows the names are looked up in.

    Returns:
        A source named `segment_source`.

    Raises:
        SettingError: A setting is missing or cannot be used.
    """
    settings = resolve(
        token=None if api_key is dlt.secrets.value else api_key,
        region=region,
        base_url=base_url,
        layout=layout,
        concurrency=concurrency,
        page_size=page_size,
        requests_per_minute=requests_per_minute,
        include_secrets=include_secrets,
    )
    reader = WorkspaceReader(settings, catalogue)
    rows = [reader.endpoint(name) for name in endpoints] if endpoints is not None else reader.offered(slow=False)
    # dlt does not say when it is done with a source: the reader deletes its files when the last resource is gone
    return _source([resource_of(endpoint, partial(reader.read, endpoint)) for endpoint in rows])


def delivered_source(deliveries: Sequence[Delivery]) -> DltSource:
    """The same source over what has been read already."""

    def kept(delivery: Delivery) -> Delivery:
        return delivery

    return _source([resource_of(delivery.endpoint, partial(kept, delivery)) for delivery in deliveries])


def resource_of(endpoint: Endpoint, read: Callable[[], Delivery]) -> DltResource:
    """The dlt resource of one endpoint.

    Args:
        endpoint: Gives the name, the columns, the key.
        read: Called when dlt asks for the rows.
    """

    def parts() -> Iterator[DataItemWithMeta]:
        delivery = read()
        for part in delivery.parts:
            undeclared: dict[str, TColumnSchema] = {
                column: {"name": column, "data_type": "json"} for column in part.columns if column not in columns
            }
            # which part of a table is replaced is known once it has been read
            disposition = disposition_of(endpoint, scope_of(delivery)) if endpoint.partitioned else None
            hints = None
            if undeclared or disposition:
                hints = dlt.mark.make_hints(columns=undeclared or None, write_disposition=disposition)
            yield dlt.mark.with_file_import(str(part.path), "parquet", part.rows, hints=hints)

    columns = columns_of(endpoint)
    return dlt.resource(
        parts,
        name=endpoint.name,
        columns=columns,
        primary_key=[column_name(field) for field in endpoint.primary_key],
        write_disposition=disposition_of(endpoint),
        parallelized=True,
    )


def _source(resources: Sequence[DltResource]) -> DltSource:
    # objects and lists stay one JSON column each
    @dlt.source(name=SOURCE_NAME, max_table_nesting=0)
    def source() -> Sequence[DltResource]:
        return resources

    return source()
