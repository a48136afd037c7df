"""Asset specs of the endpoints."""

import hashlib
from collections.abc import Sequence

import dagster as dg

from segment_dagster.assets.code_references import code_references
from segment_dagster.assets.column_lineage import COLUMN_LINEAGE, column_lineage
from segment_dagster.assets.keys import asset_key
from segment_dagster.endpoints import IDENTITY, Endpoint, TimeRange
from segment_dagster.extract.columns import column_name, columns_of
from segment_dagster.extract.times import length
from segment_dagster.text import pluralize


def asset_spec(
    endpoint: Endpoint, *, owners: Sequence[str] = (), destination: str = "duckdb", dataset: str | None = None
) -> dg.AssetSpec:
    """Return the asset spec of an endpoint, before it is translated.

    Args:
        endpoint: The endpoint.
        owners: Owners of the asset.
        destination: dlt's name of the destination.
        dataset: The dataset, for the name of the table; unknown by default.
    """
    upstream = endpoint.upstream or ((IDENTITY.name,) if endpoint.name != IDENTITY.name else ())
    return dg.AssetSpec(
        key=asset_key(endpoint.name),
        deps=[asset_key(name) for name in upstream],
        description=_description(endpoint),
        group_name=endpoint.domain,
        kinds=kinds(destination),
        owners=list(owners),
        code_version=_code_version(endpoint),
        metadata={
            **({"dagster/table_name": f"{dataset}.{endpoint.name}"} if dataset else {}),
            "dagster/storage_kind": destination,
            "dagster/column_schema": column_schema(endpoint),
            **({COLUMN_LINEAGE: lineage} if (lineage := column_lineage(endpoint)) else {}),
            **code_references(endpoint),
            "segment/endpoint": f"GET {endpoint.path}",
            "segment/documentation": dg.MetadataValue.url(endpoint.documentation),
        },
        # an endpoint that the layout does not have is not materialized
        skippable=True,
    )


def column_schema(endpoint: Endpoint, undeclared: tuple[str, ...] = ()) -> dg.TableSchema:
    """Return the columns of an endpoint's table, with their descriptions.

    Args:
        endpoint: The endpoint that declares the columns.
        undeclared: Names of further columns of the table; they hold JSON.
    """
    values = dict(zip(columns_of(endpoint), (column.values for column in endpoint.columns), strict=True))
    key_columns = tuple(column_name(field) for field in endpoint.primary_key)
    declared = [
        dg.TableColumn(
            name=name,
            type=str(column["data_type"]),
            description=f"{column['description']}{_known_values(values[name])}",
            constraints=dg.TableColumnConstraints(nullable=bool(column["nullable"]), unique=key_columns == (name,)),
        )
        for name, column in columns_of(endpoint).items()
    ]
    new = [dg.TableColumn(name=name, type="json", description="Not declared in the catalogue.") for name in undeclared]
    return dg.TableSchema(columns=[*declared, *new])


def _known_values(values: tuple[str, ...]) -> str:
    return f" Known values: {', '.join(values)}." if values else ""


def _description(endpoint: Endpoint) -> str:
    limits = []
    if endpoint.feature:
        limits.append(f"Needs the feature {endpoint.feature!r} in the workspace's plan.")
    if endpoint.requests_per_minute:
        limits.append(f"Segment allows {pluralize(endpoint.requests_per_minute, 'request')} a minute.")
    if endpoint.partitioned:
        limits.append(_reach(endpoint))
    if endpoint.slow:
        limits.append("Read by a job of its own, as it takes long.")
    request = f"`GET {endpoint.path}` ([documentation]({endpoint.documentation}))."
    return "\n\n".join([endpoint.description, request, *([" ".join(limits)] if limits else [])])


def _reach(endpoint: Endpoint) -> str:
    """Return a sentence on how far back partitions can be read."""
    spans = endpoint.time.spans if isinstance(endpoint.time, TimeRange) else ()
    if not spans:
        return "Segment states no limit of how far back its partitions can be read."
    limits = ", ".join(f"{span.granularity} {length(span.oldest)}" for span in reversed(spans))
    return f"Partitions can be read as far back as Segment goes, by granularity: {limits}. Older ones are lost."


def kinds(destination: str) -> set[str]:
    """Return the kinds of an asset: `segment`, `dlt` and the destination."""
    return {"segment", "dlt", destination}


def _code_version(endpoint: Endpoint) -> str:
    """Return a hash that changes with the endpoint's definition."""
    return hashlib.sha256(repr(endpoint).encode()).hexdigest()[:12]
