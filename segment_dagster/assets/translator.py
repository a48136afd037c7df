"""The translator: what the assets of endpoints look like. Override it to change keys, groups, owners, automation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
import dlt
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData
from dlt.extract import DltResource

from segment_dagster.assets.column_lineage import translated_lineage
from segment_dagster.assets.keys import asset_key
from segment_dagster.assets.specs import asset_spec
from segment_dagster.endpoints import HISTORY, TABLES, Endpoint

KeyOf = Callable[[str], dg.AssetKey]
"""Returns the key of an asset by the name of its endpoint or of what is worked out from the tables."""


@dataclass(frozen=True)
class SegmentAssetData:
    """What a translator is given: an asset before it is translated."""

    name: str
    """Name of the endpoint, or of what is worked out from the tables, such as `changes`."""

    default_spec: dg.AssetSpec
    """The asset as it is by default, with the key `segment/<name>`."""

    endpoint: Endpoint | None = None
    """The endpoint; `None` for what is worked out from the tables."""

    @cached_property
    def resource(self) -> DltResource:
        """The dlt resource of the same name, without rows: dagster-dlt's own translators ask for it."""
        made: DltResource = dlt.resource([], name=self.name)
        return made


class SegmentTranslator(DagsterDltTranslator):
    """Decide what the asset of an endpoint looks like: key, group, owners, tags, kinds, automation.

    Override `get_asset_spec`. Assets, dependencies, checks, jobs, the sensor and run metadata follow it. It also
    translates the resources of `segment_source` for `@dlt_assets`.

    Args:
        endpoints: Endpoints of the resources, if it translates those of a dlt source.

    Example:
        >>> class Prefixed(SegmentTranslator):
        ...     def get_asset_spec(self, data):
        ...         spec = super().get_asset_spec(data)
        ...         return spec.replace_attributes(key=spec.key.with_prefix("prod"), owners=["team:growth"])
    """

    def __init__(self, endpoints: Iterable[Endpoint] = TABLES) -> None:
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}

    def get_asset_spec(self, data: SegmentAssetData | DltResourceTranslatorData) -> dg.AssetSpec:
        """Return the asset spec of an endpoint or of a dlt resource.

        Args:
            data: The asset; `data.resource.name` is its name in either case.
        """
        if isinstance(data, SegmentAssetData):
            return data.default_spec
        name = data.resource.name
        kind = data.destination.destination_name if data.destination else None
        endpoint = self._endpoints[name.removesuffix(HISTORY)]
        spec = asset_spec(endpoint, destination=kind) if kind else asset_spec(endpoint)
        # a history belongs to its endpoint's asset; a key of its own keeps it from replacing the table
        return spec if name in self._endpoints else spec.replace_attributes(key=asset_key(name))


class AssetSpecs:
    """The translated specs of an instance's assets: the one place that knows their keys.

    Args:
        translator: Translates each asset once.
        endpoints: All endpoints that the assets, their checks or their dependencies may name.
        owners: Owners of the assets, before they are translated.
        destination: dlt's name of the destination, a kind of each asset before it is translated.
        dataset: The dataset, for the names of the tables; unknown by default.
    """

    def __init__(
        self,
        translator: SegmentTranslator,
        endpoints: Iterable[Endpoint],
        *,
        owners: Sequence[str] = (),
        destination: str = "duckdb",
        dataset: str | None = None,
    ) -> None:
        self._translator = translator
        self.owners = tuple(owners)
        self.destination = destination
        self.dataset = dataset
        self._default_names: dict[dg.AssetKey, str] = {}
        self._default_deps: set[dg.AssetKey] = set()
        self._specs: dict[str, dg.AssetSpec] = {}
        for endpoint in endpoints:
            default = asset_spec(endpoint, owners=owners, destination=destination, dataset=dataset)
            self._add(SegmentAssetData(endpoint.name, default, endpoint))

    def add(self, name: str, default_spec: dg.AssetSpec) -> None:
        """Add an asset that is worked out from the tables. Its dependencies have default keys."""
        self._add(SegmentAssetData(name, default_spec))

    def __contains__(self, name: str) -> bool:
        """Return whether the instance has an asset of this name."""
        return name in self._specs

    def key(self, name: str) -> dg.AssetKey:
        """Return the key of an asset, by the name of its endpoint or of what is worked out.

        Raises:
            KeyError: There is none of this name.
        """
        return self._specs[name].key

    def spec(self, name: str) -> dg.AssetSpec:
        """Return the spec of an asset. Its dependencies on other assets of the instance are translated too.

        So is its column lineage.
        """
        spec = self._specs[name]
        return spec.replace_attributes(
            deps=[
                dg.AssetDep(key, partition_mapping=dep.partition_mapping)
                for dep in spec.deps
                if (key := self._translated(dep.asset_key))
            ],
            metadata={**spec.metadata, **translated_lineage(spec.metadata, self._translated)},
        )

    def by_key(self, endpoints: Iterable[Endpoint]) -> dict[dg.AssetKey, Endpoint]:
        """Return endpoints by the key of their asset."""
        return {self.key(endpoint.name): endpoint for endpoint in endpoints}

    def _add(self, data: SegmentAssetData) -> None:
        self._default_names[data.default_spec.key] = data.name
        self._default_deps.update(dep.asset_key for dep in data.default_spec.deps)
        self._specs[data.name] = self._translator.get_asset_spec(data)

    def _translated(self, key: dg.AssetKey) -> dg.AssetKey | None:
        """Return the translated key of an asset; `None` for an endpoint that the instance does not have."""
        name = self._default_names.get(key)
        if name is not None:
            return self.key(name)
        return None if key in self._default_deps else key


class ResourceTranslator(DagsterDltTranslator):
    """Give the dlt resources of a run the keys of an instance's assets, so that dlt's metadata can be told apart.

    Args:
        specs: The assets of the instance.
    """

    def __init__(self, specs: AssetSpecs) -> None:
        self._specs = specs

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        """Return the asset spec of a dlt resource."""
        name: str = data.resource.name
        spec = self._specs.spec(name.removesuffix(HISTORY))
        # a history belongs to its endpoint's asset; a key of its own keeps it from replacing the table
        return spec.replace_attributes(key=dg.AssetKey([*spec.key.path, "history"])) if name.endswith(HISTORY) else spec
