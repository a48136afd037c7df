"""The marts of several workspaces in one table each, with a column that names the workspace."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from segment_dagster.assets import AssetSpecs, DestinationResource, SegmentResource
from segment_dagster.assets.metadata import ROWS, ROWS_UNCHANGED
from segment_dagster.assets.specs import kinds
from segment_dagster.endpoints.columns import text
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.marts.assets import GROUP, code_version, column_schema
from segment_dagster.marts.mart import Mart, Row

if TYPE_CHECKING:
    from segment_dagster.load import Destination

WORKSPACE = "workspace"
"""The column that names the workspace."""

PREFIX = "segment_all"
"""First part of the assets' keys."""


@dataclass(frozen=True)
class Member:
    """A workspace whose marts are united."""

    name: str
    """Name of its instance, which the column shows."""

    specs: AssetSpecs
    """The assets of the instance, with those of its marts."""

    destination: DestinationResource
    """Where its marts are."""


def union_mart(mart: Mart) -> Mart:
    """Return the mart as it is over several workspaces: with one more column, in front."""
    column = text(WORKSPACE, "Name of the workspace's instance.")
    return replace(mart, columns=(column, *mart.columns), key=(WORKSPACE, *mart.key))


def union_assets(
    marts: Sequence[Mart],
    members: Sequence[Member],
    *,
    name: str,
    workspace: SegmentResource,
    destination: DestinationResource,
    prefix: str = PREFIX,
    owners: Sequence[str] = (),
    shown: str = "duckdb",
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.AssetsDefinition:
    """Return an asset for each mart: its rows of all workspaces. Any subset can run alone.

    Args:
        marts: The marts; each of at least one workspace.
        members: The workspaces.
        name: Name of the op.
        workspace: Says what time it is. No request is made.
        destination: Where the tables are loaded: a dataset of their own.
        prefix: First part of the keys.
        owners: Owners of the assets.
        shown: dlt's name of the destination, a kind of each asset.
        retry_policy: How often the op is tried again after an error that may pass.
    """
    united = {mart.name: union_mart(mart) for mart in marts}
    keys = {mart.name: dg.AssetKey([prefix, mart.name]) for mart in marts}
    of_mart = {mart.name: [each for each in members if mart.name in each.specs] for mart in marts}

    @dg.multi_asset(
        name=name,
        specs=[
            dg.AssetSpec(
                key=keys[mart.name],
                deps=[each.specs.key(mart.name) for each in of_mart[mart.name]],
                description=f"{mart.description} Of these workspaces: {', '.join(_names(of_mart[mart.name]))}.",
                group_name=GROUP,
                kinds=kinds(shown),
                owners=list(owners),
                code_version=code_version(united[mart.name]),
                metadata={"dagster/column_schema": column_schema(united[mart.name])},
            )
            for mart in marts
        ],
        can_subset=True,
        retry_policy=retry_policy,
    )
    def made(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        """Load the rows of all workspaces."""
        # imported here, because it takes long
        from segment_dagster.assets.executor import check_executor
        from segment_dagster.load import resolve_destination

        try:
            where, now = resolve_destination(destination.settings()), workspace.settings().now
            check_executor(context, where)
            for each in members:
                other = resolve_destination(each.destination.settings())
                if _identity(other) == _identity(where):
                    raise SettingError(
                        "union.destination", f"is the dataset of {each.name!r}", "Give the union one of its own."
                    )
        except SettingError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        failures: list[SegmentError] = []
        for mart in united.values():
            if keys[mart.name] not in context.selected_asset_keys:
                continue
            try:
                yield _materialize(mart, keys[mart.name], of_mart[mart.name], where, now)
            except SegmentError as error:
                context.log.error(str(error))
                failures.append(error)
        if failures:
            retry = any(error.retryable for error in failures)
            raise dg.Failure("\n".join(map(str, failures)), allow_retries=retry) from failures[0]

    return made


def _identity(destination: "Destination") -> tuple[object, ...]:
    return destination.type, destination.name, destination.database, destination.file, destination.dataset


def _names(members: Sequence[Member]) -> list[str]:
    return [each.name for each in members]


def _materialize(
    mart: Mart, key: dg.AssetKey, members: Sequence[Member], where: "Destination", now: datetime
) -> dg.MaterializeResult[Any]:
    from segment_dagster.load import inspect_dataset, resolve_destination
    from segment_dagster.marts.build_mart import MissingTableError, typed_rows
    from segment_dagster.marts.load_rows import row_spool

    counts: dict[str, int] = {}
    with row_spool(where, mart.name, mart.columns, mart.key) as spool:
        for each in members:
            place = resolve_destination(each.destination.settings())
            with inspect_dataset(place) as tables:
                if not tables.columns(mart.name):
                    raise MissingTableError(f"{mart.name} of {each.name}", mart.name, place, each.specs.key)
                columns = [column.field for column in mart.columns if column.field != WORKSPACE]
                rows = _named(each.name, tables.rows(mart.name, columns, mart.key[1:]), counts)
                spool.write(typed_rows(mart, rows))
        loaded = spool.load(now)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            ROWS: loaded.rows,
            "dagster/table_name": loaded.table,
            "segment/rows_by_workspace": counts,
            ROWS_UNCHANGED: loaded.unchanged,
        },
        data_version=dg.DataVersion(loaded.fingerprint),
    )


def _named(name: str, rows: Iterator[Row], counts: dict[str, int]) -> Iterator[Mapping[str, Any]]:
    counts[name] = 0
    for row in rows:
        counts[name] += 1
        yield {WORKSPACE: name, **row}
