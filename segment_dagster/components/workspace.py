"""The component of one workspace."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import Field, model_validator

from segment_dagster.assets import (
    AssetSpecs,
    DestinationResource,
    SegmentAssetData,
    SegmentResource,
    SegmentTranslator,
)
from segment_dagster.components.build import NAME, SCHEDULES, build_segment_defs
from segment_dagster.components.described import DescribedModel
from segment_dagster.components.instance import DEFAULT_NAME
from segment_dagster.components.selection import EndpointSelection, domains_of, names_of
from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.attributes import CRON_FORM, names_schema, optional_field, tell_inner_errors, text_schema
from segment_dagster.endpoints import TABLES


class WorkspaceAttributes(DescribedModel, dg.Resolvable):
    """The workspace. What is left out comes from the environment, when a run begins and not before."""

    token_env: str | None = Field(
        default=None, description="Environment variable that holds the Public API token; read when a run begins."
    )
    token: str | None = Field(
        default=None, description="The Public API token, such as `{{ env.PROD_SEGMENT_TOKEN }}`; prefer `token_env`."
    )
    region: str | None = optional_field("region", ApiSettings)
    base_url: str | None = optional_field("base_url", ApiSettings)
    layout: str | None = optional_field("layout", ApiSettings)
    concurrency: int | None = optional_field("concurrency", ApiSettings)
    page_size: int | None = optional_field("page_size", ApiSettings)
    requests_per_minute: int | None = optional_field("requests_per_minute", ApiSettings)
    budget_url: str | None = optional_field("budget_url", ApiSettings)
    retry_seconds: float | None = optional_field("retry_seconds", ApiSettings)
    on_unavailable: str | None = optional_field("on_unavailable", ApiSettings)
    slow_max_minutes: int | None = optional_field("slow_max_minutes", ApiSettings)
    slow_max_age: int | None = optional_field("slow_max_age", ApiSettings)
    full_every_days: int | None = optional_field("full_every_days", ApiSettings)
    granularity: dict[str, str] | None = optional_field("granularity", ApiSettings)
    group_by: dict[str, list[str]] | None = optional_field("group_by", ApiSettings)
    include_secrets: bool | None = optional_field("include_secrets", ApiSettings)
    preview: str | None = optional_field("preview", ApiSettings)
    max_undeclared_columns: int | None = optional_field("max_undeclared_columns", ApiSettings)

    @model_validator(mode="after")
    def _check_token(self) -> "WorkspaceAttributes":
        if self.token_env and self.token:
            raise ValueError("token_env and token are both set: set one of them")
        return self

    def resource(self) -> SegmentResource:
        """Return the workspace as a resource."""
        fields = self.model_dump(exclude={"token_env"}, exclude_none=True)
        if self.token_env:
            fields["token"] = dg.EnvVar(self.token_env)
        return SegmentResource(**fields)


class DestinationAttributes(DescribedModel, dg.Resolvable):
    """Where the tables are loaded. What is left out comes from the environment; credentials are dlt's own settings."""

    type: str | None = optional_field("type", DestinationSettings)
    name: str | None = optional_field("name", DestinationSettings)
    dataset: str | None = optional_field("dataset", DestinationSettings)
    database: str | None = optional_field("database", DestinationSettings)
    table_format: str | None = optional_field("table_format", DestinationSettings)
    always_load: bool | None = optional_field("always_load", DestinationSettings)
    lock_timeout: float | None = optional_field("lock_timeout", DestinationSettings)

    def resource(self) -> DestinationResource:
        """Return the destination as a resource."""
        return DestinationResource(**self.model_dump(exclude_none=True))


class SelectionAttributes(DescribedModel, dg.Resolvable):
    """The endpoints; all by default."""

    domains: Sequence[str] | None = Field(
        default=None, description="Domains whose endpoints are selected.", json_schema_extra=names_schema(domains_of())
    )
    endpoints: Sequence[str] | None = Field(
        default=None, description="Names of further endpoints.", json_schema_extra=names_schema(names_of())
    )
    exclude: Sequence[str] = Field(
        default=(), description="Names of endpoints that are left out.", json_schema_extra=names_schema(names_of())
    )

    def selection(self) -> EndpointSelection:
        """Return the selection."""
        return EndpointSelection(self.domains, self.endpoints, self.exclude)


class SegmentWorkspaceScaffolder(dg.Scaffolder[Any]):
    """Write a `defs.yaml` that works once its token is set."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the file."""
        name = request.target_path.name.lower().replace("-", "_")
        dg.scaffold_component(
            request,
            {
                "name": name,
                "workspace": {"token_env": f"{name.upper()}_SEGMENT_TOKEN"},
                "destination": {"type": "duckdb", "dataset": f"segment_{name}", "database": f"{name}.duckdb"},
                # otherwise a second workspace would have the same keys
                "translation": {"key_prefix": name},
            },
        )


@dg.scaffold_with(SegmentWorkspaceScaffolder)
class SegmentWorkspaceComponent(dg.Component, DescribedModel, dg.Resolvable):
    """Load a Twilio Segment workspace: an asset per endpoint, with checks, jobs, schedules and a sensor."""

    name: str = Field(
        default=DEFAULT_NAME,
        json_schema_extra=text_schema(NAME),
        description="Ops, jobs, schedules, the sensor and the dlt pipeline begin with it.",
    )
    workspace: WorkspaceAttributes = Field(
        default_factory=WorkspaceAttributes, description="The workspace.", json_schema_extra=tell_inner_errors
    )
    destination: DestinationAttributes = Field(
        default_factory=DestinationAttributes,
        description="Where the tables are loaded.",
        json_schema_extra=tell_inner_errors,
    )
    select: SelectionAttributes = Field(
        default_factory=SelectionAttributes, description="The endpoints.", json_schema_extra=tell_inner_errors
    )
    history: bool | None = optional_field("history", ApiSettings)
    schedules: Mapping[str, str | None] | None = Field(
        default_factory=dict,
        json_schema_extra={
            "propertyNames": {"enum": list(SCHEDULES)},
            "patternProperties": {".": text_schema(CRON_FORM)},
        },
        description="Cron expressions by schedule: sync, slow, audit, usage, volume, delivery, delivery_metrics. Those "
        "that are not named keep their default; null makes none.",
    )
    audit_sensor: bool = Field(default=True, description="Whether to make the sensor of the audit trail.")
    pool: str | None = Field(
        default=None,
        description="Dagster pool of the ops; by default one for each token, named as its environment variable.",
    )
    translation: (
        Annotated[
            TranslationFn[SegmentAssetData],
            TranslationFnResolver[SegmentAssetData](
                template_vars_for_translation_fn=lambda data: {"name": data.name, "endpoint": data.endpoint}
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Attributes of each asset: key_prefix, key, group_name, owners, tags, kinds and others.",
    )

    def get_asset_spec(self, data: SegmentAssetData) -> dg.AssetSpec:
        """Return the asset spec of an endpoint. Override it to change keys, groups, owners, automation.

        Args:
            data: The asset as it is by default.
        """
        return self.translation(data.default_spec, data) if self.translation else data.default_spec

    def key_of(self, name: str) -> dg.AssetKey | None:
        """Return the key of an endpoint's asset; `None` if the endpoint is not selected."""
        endpoints = self.select.selection().of(TABLES)
        if name not in {endpoint.name for endpoint in endpoints}:
            return None
        return AssetSpecs(self.translator(), endpoints).key(name)

    def translator(self) -> SegmentTranslator:
        """Return the translator of all assets of the workspace, those of other components too."""
        return _ComponentTranslator(self)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the definitions of the workspace."""
        return build_segment_defs(
            name=self.name,
            workspace=self.workspace.resource(),
            destination=self.destination.resource(),
            select=self.select.selection(),
            translator=self.translator(),
            history=self.history,
            schedules=self.schedules,
            audit_sensor=self.audit_sensor,
            pool=self.pool,
        )


class _ComponentTranslator(SegmentTranslator):
    def __init__(self, component: SegmentWorkspaceComponent) -> None:
        super().__init__()
        self._component = component

    def get_asset_spec(self, data: Any) -> dg.AssetSpec:
        return self._component.get_asset_spec(data)
