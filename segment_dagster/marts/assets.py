"""The marts as assets: one op that makes those that are selected, each with its check."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from segment_dagster.assets import DestinationResource, SegmentResource
from segment_dagster.assets.column_lineage import COLUMN_LINEAGE
from segment_dagster.assets.keys import asset_key
from segment_dagster.assets.metadata import MISSING_TABLES, ROWS, ROWS_UNCHANGED
from segment_dagster.assets.specs import kinds
from segment_dagster.assets.translator import AssetSpecs
from segment_dagster.config import HealthSettings
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.marts.ephemeral import EPHEMERAL
from segment_dagster.marts.mart import Mart

GROUP = "health"


def mart_spec(mart: Mart, *, owners: Sequence[str], destination: str, dataset: str | None = None) -> dg.AssetSpec:
    """Return the spec of a mart's asset, before it is translated. Its dependencies have default keys.

    Args:
        mart: The mart.
        owners: Owners of the asset.
        destination: dlt's name of the destination.
        dataset: The dataset, for the name of the table; unknown by default.
    """
    return dg.AssetSpec(
        key=asset_key(mart.name),
        deps=[asset_key(table) for table in mart.tables],
        description=mart.description,
        group_name=GROUP,
        kinds=kinds(destination) | {"sql"},
        owners=list(owners),
        code_version=code_version(mart),
        metadata={
            **({"dagster/table_name": f"{dataset}.{mart.name}"} if dataset else {}),
            "dagster/storage_kind": destination,
            "dagster/column_schema": column_schema(mart),
        },
    )


def code_version(mart: Mart) -> str:
    """Return the code version of a mart's asset: another one if its query or its columns are others."""
    ephemeral = [sql for name, sql in EPHEMERAL.items() if name in mart.sql]
    return hashlib.sha256(repr((mart.sql, ephemeral, mart.columns, mart.version)).encode()).hexdigest()[:12]


def column_schema(mart: Mart) -> dg.TableSchema:
    """Return the columns of a mart with their descriptions."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.field,
                type=column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.field not in mart.key),
            )
            for column in mart.columns
        ]
    )


def mart_assets(
    marts: Sequence[Mart],
    specs: AssetSpecs,
    *,
    name: str,
    workspace: SegmentResource,
    destination: DestinationResource,
    settings: HealthSettings,
    retry_policy: dg.RetryPolicy | None = None,
) -> dg.AssetsDefinition:
    """Return the assets of marts. Any subset of the assets and checks can run alone.

    Args:
        marts: The marts.
        specs: The assets of the instance, with those of the marts.
        name: Name of the op.
        workspace: Says what time it is and how rows are shown. No request is made.
        destination: The dataset of the instance.
        settings: Thresholds and plan.
        retry_policy: How often the op is tried again after an error that may pass.
    """
    keys = {mart.name: specs.key(mart.name) for mart in marts}

    @dg.multi_asset(
        name=name,
        specs=[specs.spec(mart.name) for mart in marts],
        check_specs=[
            dg.AssetCheckSpec(mart.offenders.check, asset=keys[mart.name], description=mart.offenders.description)
            for mart in marts
        ],
        can_subset=True,
        retry_policy=retry_policy,
    )
    def made(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Make the selected marts from the loaded tables, and check them."""
        # imported here, because it takes long
        from segment_dagster.assets.executor import check_executor
        from segment_dagster.load import inspect_dataset, resolve_destination
        from segment_dagster.marts.build_mart import MissingTableError, build_mart
        from segment_dagster.marts.check import check_mart
        from segment_dagster.marts.sql_lineage import mart_lineage

        try:
            api, where = workspace.settings(), resolve_destination(destination.settings())
            check_executor(context, where)
        except SettingError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        failures: list[SegmentError] = []
        for mart in marts:
            key = keys[mart.name]
            selected = key in context.selected_asset_keys
            checked = any(each.asset_key == key for each in context.selected_asset_check_keys)
            if not selected and not checked:
                continue
            try:
                built = build_mart(mart, where, api.now, settings, specs.key) if selected else None
                with inspect_dataset(where) as tables:
                    if not tables.columns(mart.name):
                        raise MissingTableError(mart.offenders.check, mart.name, where, specs.key)
                    check = check_mart(mart, key, tables, api.preview) if checked else None
            except SegmentError as error:
                context.log.error(str(error))
                failures.append(error)
                continue
            if built is None:
                assert check is not None
                yield check
                continue
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    ROWS: built.loaded.rows,
                    "dagster/table_name": built.loaded.table,
                    "dagster/column_schema": column_schema(mart),
                    COLUMN_LINEAGE: mart_lineage(mart, lambda table: specs.key(table) if table in specs else None),
                    ROWS_UNCHANGED: built.loaded.unchanged,
                    **({MISSING_TABLES: list(built.missing)} if built.missing else {}),
                },
                check_results=[check] if check else [],
                data_version=dg.DataVersion(built.loaded.fingerprint),
            )
        if failures:
            retry = any(error.retryable for error in failures)
            raise dg.Failure("\n".join(map(str, failures)), allow_retries=retry) from failures[0]

    return made
