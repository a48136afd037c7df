"""The attributes of reverse ETL in the component of the warehouses."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import Field

from segment_dagster.assets import SegmentResource
from segment_dagster.assets.family import retry_policy
from segment_dagster.components.described import DescribedModel
from segment_dagster.config import DefinitionSettings
from segment_dagster.config.attributes import tell_inner_errors
from segment_dagster.errors import SettingError
from segment_dagster.syncs.reverse_etl.assets import segment_reverse_etl_assets
from segment_dagster.syncs.reverse_etl.checks import reverse_etl_checks
from segment_dagster.syncs.reverse_etl.models import ReverseEtlSelection
from segment_dagster.syncs.reverse_etl.sensor import build_segment_reverse_etl_sensor
from segment_dagster.syncs.reverse_etl.specs import (
    KEY_PREFIX,
    ReverseEtlModelData,
    TranslateModel,
    segment_reverse_etl_specs,
    sent_models,
)
from segment_dagster.syncs.statuses import OnPartial, Statuses
from segment_dagster.syncs.topology import Topology


class ReverseEtlModelsAttributes(DescribedModel, dg.Resolvable):
    """The reverse ETL models; all that are enabled by default."""

    by_id: Sequence[str] = Field(default=(), description="Ids of models.")
    by_name: Sequence[str] = Field(default=(), description="Names of models.")


class ReverseEtlAttributes(DescribedModel, dg.Resolvable):
    """The reverse ETL models that Segment sends on from warehouses."""

    models: ReverseEtlModelsAttributes = Field(
        default_factory=ReverseEtlModelsAttributes, description="The models.", json_schema_extra=tell_inner_errors
    )
    tables: Mapping[str, Sequence[str]] = Field(
        default_factory=dict,
        description="Keys of the assets that a model reads, by its name or id. It counts before what its query says.",
    )
    dialect: str | None = Field(
        default=None,
        description="sqlglot's name of the SQL of the queries, such as `snowflake`; by default by the type of the "
        "model's source, where that is the name of a warehouse.",
    )
    trigger: bool = Field(
        default=False,
        description="Whether to materialize a model starts its syncs. It writes: POST /reverse-etl-syncs.",
    )
    key_prefix: str = Field(default=KEY_PREFIX, description="The first part of the keys of the models.")
    group_name: str = Field(default="segment_reverse_etl", description="The group of the assets.")
    interval_seconds: int = Field(default=60, ge=1, description="Least seconds between two ticks of the sensor.")
    translation: (
        Annotated[
            TranslationFn[ReverseEtlModelData],
            TranslationFnResolver[ReverseEtlModelData](
                template_vars_for_translation_fn=lambda data: {"model": data.model}
            ),
        ]
        | None
    ) = Field(default=None, description="Attributes of each asset: key, group_name, automation_condition and others.")

    @property
    def _selection(self) -> ReverseEtlSelection:
        """Return which models count."""
        return ReverseEtlSelection(model_ids=self.models.by_id, model_names=self.models.by_name)

    def specs(self, topology: Topology, translate: TranslateModel) -> list[dg.AssetSpec]:
        """Return the assets of the models that count.

        Args:
            topology: What was read of the workspace.
            translate: Decides what an asset looks like.

        Raises:
            SettingError: The models were not read, or an attribute names one that is not there.
        """
        if topology.models is None:
            raise SettingError(
                "reverse_etl", "is set, and the models were not read yet", "Run `dg utils refresh-defs-state`."
            )
        tables = {name: [dg.AssetKey.from_user_string(key) for key in keys] for name, keys in self.tables.items()}
        return segment_reverse_etl_specs(
            self._selection.of(topology.models),
            tables=tables,
            key_prefix=self.key_prefix,
            group_name=self.group_name,
            translate=translate,
        )

    def definitions(
        self,
        specs: Sequence[dg.AssetSpec],
        *,
        name: str,
        workspace: SegmentResource,
        statuses: Statuses,
        on_partial: OnPartial,
    ) -> dg.Definitions:
        """Return the models, their checks and the sensor. Those that are started from here have their check with them.

        Args:
            specs: The assets of the models.
            name: Name of the component.
            workspace: The workspace.
            statuses: What a status of a sync means.
            on_partial: What a partial success counts as.
        """
        sent = {model.key for model in sent_models(specs) if model.subscriptions}
        if not sent:
            return dg.Definitions(assets=specs)
        started = segment_reverse_etl_assets(
            specs if self.trigger else [],
            workspace=workspace,
            statuses=statuses,
            on_partial=on_partial,
            retry_policy=retry_policy(DefinitionSettings()),
        )
        of_started = {key for asset in started for key in asset.keys}
        external = [spec for spec in specs if spec.key not in of_started]
        checked = [spec for spec in external if spec.key in sent]
        checks = [reverse_etl_checks(checked, workspace=workspace, name=name, statuses=statuses, on_partial=on_partial)]
        return dg.Definitions(
            assets=[*started, *external],
            asset_checks=checks if checked else [],
            sensors=[
                build_segment_reverse_etl_sensor(
                    specs,
                    workspace=workspace,
                    name=name,
                    statuses=statuses,
                    on_partial=on_partial,
                    interval_seconds=self.interval_seconds,
                )
            ],
        )
