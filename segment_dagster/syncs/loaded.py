"""The tables and columns that are synced, as `warehouse_selective_syncs` in the destination says."""

from dataclasses import replace

from segment_dagster.config import DestinationSettings
from segment_dagster.endpoints.pipes import SELECTIVE_SYNCS
from segment_dagster.errors import SettingError
from segment_dagster.extract.json_text import loads
from segment_dagster.load import inspect_dataset, resolve_destination
from segment_dagster.syncs.tables import table_name
from segment_dagster.syncs.topology import Columns, Topology


def with_loaded_tables(topology: Topology, settings: DestinationSettings) -> Topology:
    """Return a topology with the tables of each source: its enabled collections, with their enabled properties.

    Args:
        topology: The warehouses and their sources.
        settings: Where the table was loaded.

    Raises:
        LoadError: The destination cannot be read.
        SettingError: The table is not there.
    """
    found: dict[tuple[str, str], dict[str, Columns]] = {}
    columns = ["warehouse_id", "source_id", "collection", "enabled", "properties"]
    destination = resolve_destination(settings)
    with inspect_dataset(destination) as tables:
        if not set(columns) <= set(tables.columns(SELECTIVE_SYNCS.name)):
            raise SettingError(
                "tables",
                f"is 'loaded', and the dataset {destination.dataset} has no table {SELECTIVE_SYNCS.name}",
                "Materialize that asset first, or set `tables: standard`.",
            )
        for row in tables.rows(SELECTIVE_SYNCS.name, columns):
            if row["enabled"]:
                properties = loads(row["properties"]) if isinstance(row["properties"], str) else row["properties"]
                of_source = found.setdefault((row["warehouse_id"], row["source_id"]), {})
                of_source[table_name(row["collection"])] = sorted(
                    table_name(name) for name, enabled in (properties or {}).items() if enabled
                )
    return replace(
        topology,
        warehouses=tuple(
            replace(
                warehouse,
                sources=tuple(
                    replace(source, tables=dict(sorted(found.get((warehouse.id, source.id), {}).items())))
                    for source in warehouse.sources
                ),
            )
            for warehouse in topology.warehouses
        ),
    )
