"""External assets for the reverse ETL models that Segment sends on from a warehouse."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from segment_dagster.errors import SettingError
from segment_dagster.syncs.names import plain_name
from segment_dagster.syncs.reverse_etl.models import ReverseEtlModel, Subscription

KEY_PREFIX = "segment_reverse_etl"

MODEL_ID, MODEL_SOURCE_ID = "segment/model_id", "segment/model_source_id"
SUBSCRIPTIONS = "segment/subscriptions"
"""Metadata of a spec: whose syncs send it on, and the names of the subscriptions by their ids."""

READS = "segment/reads"
"""Metadata of a spec: which tables the query reads, or why that is not known."""

_TABLE_NAME = "dagster/table_name"

TranslateModel = Callable[["ReverseEtlModelData"], dg.AssetSpec]
"""Decides what the asset of a model looks like."""


@dataclass(frozen=True)
class ReverseEtlModelData:
    """What a translation is given: the model before it is translated."""

    model: ReverseEtlModel
    default_spec: dg.AssetSpec
    """The asset as it is by default."""


def segment_reverse_etl_specs(
    models: Sequence[ReverseEtlModel],
    *,
    tables: Mapping[str, Sequence[dg.AssetKey]] | None = None,
    key_prefix: str = KEY_PREFIX,
    group_name: str = "segment_reverse_etl",
    translate: TranslateModel | None = None,
) -> list[dg.AssetSpec]:
    """Return an external asset for each reverse ETL model, below the tables that its query reads.

    The key is the prefix and the name of the model; models of one name have their id behind it. A table that the query
    reads is the asset whose `dagster/table_name` is its name, or else the one with the key schema and table.

    Args:
        models: The models.
        tables: Keys of the assets that a model reads, by its name or id. It counts before what its query says.
        key_prefix: The first part of the keys.
        group_name: The group of the assets.
        translate: Decides what an asset looks like; by default as described here.

    Raises:
        SettingError: `tables` names a model that is not there.

    Example:
        >>> from segment_dagster.syncs.reverse_etl.models import ReverseEtlModel, Subscription
        >>> model = ReverseEtlModel(id="m1", name="Paying customers", source_id="s1")
        >>> segment_reverse_etl_specs([model])[0].key.to_user_string()
        'segment_reverse_etl/paying_customers'
    """
    tables = tables or {}
    known = {name for model in models for name in (model.id, model.name)}
    if unknown := [name for name in tables if name not in known]:
        names = ", ".join(sorted({model.name for model in models})) or "none"
        raise SettingError(
            "reverse_etl.tables", f"names {unknown[0]!r}, which is none of the models", f"There are: {names}."
        )
    alike = Counter(plain_name(model.name, "model") for model in models)
    specs = []
    for model in models:
        name = plain_name(model.name, "model")
        key = [key_prefix, name if alike[name] == 1 else f"{name}_{plain_name(model.id, 'model')}"]
        deps, reads = _upstream(model, tables)
        default = dg.AssetSpec(
            key=key,
            deps=deps,
            description="The rows that a reverse ETL model picks from a warehouse, sent on by Segment.",
            group_name=group_name,
            kinds={"segment"},
            metadata={
                MODEL_ID: model.id,
                MODEL_SOURCE_ID: model.source_id,
                "segment/model": model.name,
                SUBSCRIPTIONS: _labels(model.subscriptions),
                READS: reads,
            },
        )
        specs.append(translate(ReverseEtlModelData(model, default)) if translate else default)
    return specs


@dataclass(frozen=True)
class SentModel:
    """A model as its spec tells of it."""

    key: dg.AssetKey
    id: str
    name: str
    source_id: str
    subscriptions: Mapping[str, str]
    """Names of the subscriptions by their ids."""


def sent_models(specs: Sequence[dg.AssetSpec]) -> list[SentModel]:
    """Return the models of specs. Those of other assets are left out.

    Args:
        specs: The specs, as `segment_reverse_etl_specs` returns them; their keys may be others.
    """
    return [
        SentModel(
            spec.key,
            spec.metadata[MODEL_ID],
            spec.metadata["segment/model"],
            spec.metadata[MODEL_SOURCE_ID],
            spec.metadata[SUBSCRIPTIONS],
        )
        for spec in specs
        if MODEL_ID in spec.metadata
    ]


def _labels(subscriptions: Sequence[Subscription]) -> dict[str, str]:
    """Return the names of subscriptions by id; those that are the same with the id behind them."""
    alike = Counter(each.name for each in subscriptions)
    return {each.id: each.name if alike[each.name] == 1 else f"{each.name} ({each.id})" for each in subscriptions}


def _upstream(model: ReverseEtlModel, tables: Mapping[str, Sequence[dg.AssetKey]]) -> tuple[list[dg.AssetDep], str]:
    """Return what a model depends on, and how that is known."""
    for name in (model.id, model.name):
        if name in tables:
            return [dg.AssetDep(key) for key in tables[name]], "As `tables` says."
    if model.reads.problem:
        return [], f"Not known, as {model.reads.problem}."
    # Dagster looks for an asset of that table where there is none of the key
    keys = {dg.AssetKey(each.key): each.name for each in model.reads.tables}
    deps = [dg.AssetDep(key, metadata={_TABLE_NAME: name}) for key, name in keys.items()]
    return deps, f"{', '.join(each.name for each in model.reads.tables)}, by its query."
