"""The dbt project as a component whose sources are also found by the name of their table."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DbtProject, DbtProjectComponent

TABLES = {"raw_events.ios.tracks": dg.AssetKey(["ios", "tracks"])}
"""Assets by the table that they are, for sources of dbt that are called otherwise."""


class ModelsComponent(DbtProjectComponent):
    """dbt models that run when what they read has changed."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Return the spec of a model, or of a source: that of the table that it is."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        source = manifest["sources"].get(unique_id)
        if source is None:
            return spec
        table = ".".join([source["source_name"], source["schema"], source["identifier"]])
        return spec.replace_attributes(key=TABLES.get(table, spec.key))
