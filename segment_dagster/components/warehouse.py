"""The component of the warehouses that Segment syncs into."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import dagster as dg
from dagster.components.utils.defs_state import DefsStateConfig, DefsStateConfigArgs, ResolvedDefsStateConfig
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import Field, field_validator, model_validator

from segment_dagster.components.build import NAME
from segment_dagster.components.described import DescribedModel
from segment_dagster.components.reverse_etl import ReverseEtlAttributes
from segment_dagster.components.workspace import DestinationAttributes, SegmentWorkspaceComponent, WorkspaceAttributes
from segment_dagster.config.attributes import tell_inner_errors, text_schema
from segment_dagster.endpoints.pipes import SOURCES
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.syncs.arrived_check import Arrival, arrived_checks
from segment_dagster.syncs.checks import sync_checks
from segment_dagster.syncs.events import LATE_AFTER
from segment_dagster.syncs.reverse_etl.models import fetch_models
from segment_dagster.syncs.reverse_etl.specs import ReverseEtlModelData
from segment_dagster.syncs.sensor import build_segment_warehouse_sensor
from segment_dagster.syncs.specs import WarehouseTableData, segment_warehouse_specs
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster.syncs.tables import TableNames, Tables
from segment_dagster.syncs.topology import Topology, WarehouseSelection, fetch_topology


class WarehousesAttributes(DescribedModel, dg.Resolvable):
    """The warehouses; all that are enabled by default."""

    by_id: Sequence[str] = Field(default=(), description="Ids of warehouses.")
    by_name: Sequence[str] = Field(
        default=(), description="Names of warehouses in their settings, or names or slugs of their types: `Snowflake`."
    )


class SourcesAttributes(DescribedModel, dg.Resolvable):
    """The sources; all that are synced by default."""

    by_slug: Sequence[str] = Field(default=(), description="Slugs of sources.")
    by_id: Sequence[str] = Field(default=(), description="Ids of sources.")


class StatusesAttributes(DescribedModel, dg.Resolvable):
    """What a status of a sync means. Segment documents no value; what is left out has a default."""

    success: Sequence[str] = Field(default=Statuses.success, description="The sync has succeeded.")
    partial: Sequence[str] = Field(default=Statuses.partial, description="The sync has succeeded in part.")
    failed: Sequence[str] = Field(default=Statuses.failed, description="The sync has failed.")
    running: Sequence[str] = Field(default=Statuses.running, description="The sync has not ended.")


class ArrivedAttributes(DescribedModel, dg.Resolvable):
    """A warehouse that may be read: `destination`, a dlt destination, or `resource`, the key of a Dagster resource."""

    destination: DestinationAttributes | None = Field(default=None, description="The warehouse as a dlt destination.")
    resource: str | None = Field(
        default=None, description="Key of a resource with `get_connection()`, such as that of DuckDB or Snowflake."
    )
    days: int = Field(default=7, ge=1, le=30, description="Days that are compared.")
    tolerance: float = Field(default=0.01, ge=0, lt=1, description="Share of the expected rows that may be missing.")

    def arrival(self) -> Arrival:
        """Return what it stands for."""
        destination = self.destination.resource() if self.destination else None
        return Arrival(destination=destination, resource=self.resource, days=self.days, tolerance=self.tolerance)

    @model_validator(mode="after")
    def _check_warehouse(self) -> "ArrivedAttributes":
        self.arrival()
        return self


class SegmentWarehouseScaffolder(dg.Scaffolder[Any]):
    """Write a `defs.yaml` that works once its token is set."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the file."""
        name = request.target_path.name.lower().replace("-", "_")
        dg.scaffold_component(
            request, {"name": name, "workspace": {"token_env": "SEGMENT_API_TOKEN"}, "tables": Tables.STANDARD.value}
        )


@dg.scaffold_with(SegmentWarehouseScaffolder)
class SegmentWarehouseComponent(dg.StateBackedComponent, DescribedModel, dg.Resolvable):
    """The tables that Segment syncs into warehouses, as external assets, and a sensor that tells of its syncs."""

    name: str = Field(
        default="segment_warehouse",
        json_schema_extra=text_schema(NAME),
        description="The sensor and the op of the checks begin with it.",
    )
    workspace: WorkspaceAttributes = Field(
        default_factory=WorkspaceAttributes, description="The workspace.", json_schema_extra=tell_inner_errors
    )
    warehouses: WarehousesAttributes = Field(
        default_factory=WarehousesAttributes, description="The warehouses.", json_schema_extra=tell_inner_errors
    )
    sources: SourcesAttributes = Field(
        default_factory=SourcesAttributes, description="The sources.", json_schema_extra=tell_inner_errors
    )
    tables: Literal["standard", "loaded"] | Mapping[str, Sequence[str]] = Field(
        default="standard",
        description="`standard`: identifies, users, pages, screens, groups, accounts, aliases and tracks; `loaded`: as "
        "warehouse_selective_syncs in the destination says; or a list of tables by slug of the source.",
    )
    destination: DestinationAttributes = Field(
        default_factory=DestinationAttributes,
        description="Where warehouse_selective_syncs was loaded, for `tables: loaded`.",
        json_schema_extra=tell_inner_errors,
    )
    database: str | None = Field(default=None, description="The database in front of the schema in names of tables.")
    schemas: Mapping[str, str] = Field(
        default_factory=dict,
        description="Schemas by slug of the source, where they are not the slug with `_` for `-`.",
    )
    interval_seconds: int = Field(default=60, ge=1, description="Least seconds between two ticks of the sensor.")
    statuses: StatusesAttributes = Field(
        default_factory=StatusesAttributes,
        description="What a status of a sync means.",
        json_schema_extra=tell_inner_errors,
    )
    on_partial: Literal["warn", "success", "fail"] = Field(
        default="warn",
        description="What a partial success counts as: `warn` and `success` materialize the tables, `fail` does not.",
    )
    late_after: float = Field(
        default=LATE_AFTER, gt=1, description="How many usual intervals without an end make the next sync late."
    )
    arrived: ArrivedAttributes | None = Field(
        default=None, description="Compare the rows in the warehouse with Segment's own count of events, by day."
    )
    reverse_etl: ReverseEtlAttributes | None = Field(
        default=None, description="The reverse ETL models as assets, and a sensor of their syncs."
    )
    group_name: str = Field(default="segment_warehouse", description="The group of the assets.")
    upstream: Sequence[str] | None = Field(
        default=None,
        description="Keys of assets that the tables depend on; by default the sources of the workspace component that "
        "reads the same workspace, where there is one.",
    )
    translation: (
        Annotated[
            TranslationFn[WarehouseTableData],
            TranslationFnResolver[WarehouseTableData](
                template_vars_for_translation_fn=lambda data: {
                    "table": data.table,
                    "schema": data.schema,
                    "source": data.source,
                    "warehouse": data.warehouse,
                }
            ),
        ]
        | None
    ) = Field(
        default=None, description="Attributes of each asset: key, key_prefix, group_name, owners, tags and others."
    )
    defs_state: ResolvedDefsStateConfig = Field(
        default_factory=DefsStateConfigArgs.local_filesystem,
        description="Where the list of warehouses and sources is kept; `dg utils refresh-defs-state` asks for it anew.",
    )

    @field_validator("statuses")
    @classmethod
    def _check_statuses(cls, given: StatusesAttributes) -> StatusesAttributes:
        Statuses.of(given.model_dump())
        return given

    @property
    def defs_state_config(self) -> DefsStateConfig:
        """Return where the list of warehouses and sources is kept."""
        return DefsStateConfig.from_args(self.defs_state, default_key=f"{type(self).__name__}[{self.name}]")

    def get_asset_spec(self, data: WarehouseTableData) -> dg.AssetSpec:
        """Return the asset spec of a table. Override it to change keys, groups, owners, automation.

        Args:
            data: The table, and its asset as it is by default.
        """
        return self.translation(data.default_spec, data) if self.translation else data.default_spec

    def get_reverse_etl_spec(self, data: ReverseEtlModelData) -> dg.AssetSpec:
        """Return the asset spec of a reverse ETL model. Override it to change keys, groups, owners, automation.

        Args:
            data: The model, and its asset as it is by default.
        """
        translation = self.reverse_etl.translation if self.reverse_etl else None
        return translation(data.default_spec, data) if translation else data.default_spec

    def write_state_to_path(self, state_path: Path) -> None:
        """Ask Segment for the warehouses, their sources and the models, and write them to a file."""
        from segment_dagster.client import SegmentClient
        from segment_dagster.syncs.loaded import with_loaded_tables

        try:
            with SegmentClient(self.workspace.resource().settings()) as client:
                topology = fetch_topology(client, self._selection)
                if self.reverse_etl:
                    topology = replace(topology, models=fetch_models(client, self.reverse_etl.dialect))
            if self.tables == Tables.LOADED.value:
                topology = with_loaded_tables(topology, self.destination.resource().settings())
        except SegmentError as error:
            raise WarehouseError(self.name, error) from None
        state_path.parent.mkdir(parents=True, exist_ok=True)
        state_path.write_text(topology.to_json())

    def build_defs_from_state(self, context: dg.ComponentLoadContext, state_path: Path | None) -> dg.Definitions:
        """Return the tables, the models, their checks and the sensors; nothing before the lists were asked for."""
        if state_path is None:
            return dg.Definitions()
        tables = Tables(self.tables) if isinstance(self.tables, str) else self.tables
        topology = Topology.from_json(state_path.read_text())
        try:
            specs = segment_warehouse_specs(
                self._selection.of(topology),
                names=TableNames(tables=tables, schemas=self.schemas),
                database=self.database,
                upstream=self._upstream(context),
                group_name=self.group_name,
                translate=self.get_asset_spec,
            )
            models = self.reverse_etl.specs(topology, self.get_reverse_etl_spec) if self.reverse_etl else []
        except SettingError as error:
            raise WarehouseError(self.name, error) from None
        tables_defs = self._table_defs(specs)
        if not self.reverse_etl:
            return tables_defs
        statuses, on_partial = self._meanings
        models_defs = self.reverse_etl.definitions(
            models, name=self.name, workspace=self.workspace.resource(), statuses=statuses, on_partial=on_partial
        )
        return dg.Definitions.merge(tables_defs, models_defs)

    def _table_defs(self, specs: Sequence[dg.AssetSpec]) -> dg.Definitions:
        if not specs:
            return dg.Definitions()
        workspace, (statuses, on_partial) = self.workspace.resource(), self._meanings
        arrived = self.arrived and arrived_checks(specs, self.arrived.arrival(), workspace=workspace, name=self.name)
        return dg.Definitions(
            assets=specs,
            asset_checks=[
                *([arrived] if arrived else []),
                sync_checks(
                    specs,
                    workspace=workspace,
                    name=self.name,
                    statuses=statuses,
                    on_partial=on_partial,
                    late_after=self.late_after,
                ),
            ],
            sensors=[
                build_segment_warehouse_sensor(
                    specs,
                    workspace=workspace,
                    name=self.name,
                    statuses=statuses,
                    on_partial=on_partial,
                    interval_seconds=self.interval_seconds,
                    late_after=self.late_after,
                )
            ],
        )

    @property
    def _meanings(self) -> tuple[Statuses, OnPartial]:
        return Statuses.of(self.statuses.model_dump()), OnPartial(self.on_partial)

    @property
    def _selection(self) -> WarehouseSelection:
        return WarehouseSelection(
            warehouse_ids=self.warehouses.by_id,
            warehouse_names=self.warehouses.by_name,
            source_slugs=self.sources.by_slug,
            source_ids=self.sources.by_id,
        )

    def _upstream(self, context: dg.ComponentLoadContext) -> list[dg.AssetKey]:
        if self.upstream is not None:
            return [dg.AssetKey.from_user_string(key) for key in self.upstream]
        components = context.component_tree.get_all_components(of_type=SegmentWorkspaceComponent)
        same = [each for each in components if _identity(each.workspace) == _identity(self.workspace)]
        return [key for each in same if (key := each.key_of(SOURCES.name))]


class WarehouseError(SegmentError):
    """The component of a warehouse cannot be loaded.

    Args:
        name: Name of the component.
        error: Why.
    """

    def __init__(self, name: str, error: SegmentError) -> None:
        super().__init__(f"The Segment warehouses {name!r} cannot be loaded: {error}")


def _identity(workspace: WorkspaceAttributes) -> tuple[str | None, ...]:
    return workspace.token_env, workspace.token, workspace.region, workspace.base_url
