"""External assets for the tables that Segment syncs into warehouses."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from segment_dagster.syncs.names import plain_name
from segment_dagster.syncs.tables import TableNames
from segment_dagster.syncs.topology import Columns, SyncedSource, SyncedWarehouse, Topology

WAREHOUSE_ID, SOURCE_ID = "segment/warehouse_id", "segment/source_id"
"""Metadata of a spec: whose syncs write the table."""

_NO_NAME = "warehouse"


@dataclass(frozen=True)
class WarehouseTableData:
    """What a translation is given: the table of a source before it is translated."""

    table: str
    schema: str
    source: SyncedSource
    warehouse: SyncedWarehouse
    default_spec: dg.AssetSpec
    """The asset as it is by default, with the key `<schema>/<table>`."""


Translate = Callable[[WarehouseTableData], dg.AssetSpec]
"""Decides what the asset of a table looks like."""


def segment_warehouse_specs(
    topology: Topology,
    *,
    names: TableNames | None = None,
    database: str | None = None,
    upstream: Sequence[dg.AssetKey] = (),
    group_name: str = "segment_warehouse",
    translate: Translate | None = None,
) -> list[dg.AssetSpec]:
    """Return an external asset for each table that Segment syncs.

    The key is schema and table, as dbt's for a source of that name. If two of the warehouses have a table of the same
    schema and name, the keys of all begin with the name of the warehouse.

    Args:
        topology: The warehouses and their sources.
        names: The tables of each source, and their schemas.
        database: The database in front of the schema, for the name of the table.
        upstream: Keys of assets that the tables depend on, such as that of the sources.
        group_name: The group of the assets.
        translate: Decides what an asset looks like; by default as described here.

    Raises:
        SettingError: `names` names a source that is not there.

    Example:
        >>> from segment_dagster.syncs.topology import SyncedSource, SyncedWarehouse, Topology
        >>> web = SyncedSource(id="s1", slug="web")
        >>> snowflake = SyncedWarehouse(id="w1", name="Snowflake", type="snowflake", sources=[web])
        >>> specs = segment_warehouse_specs(Topology(warehouses=[snowflake]))
        >>> specs[-1].key.to_user_string()
        'web/tracks'
    """
    names = names or TableNames()
    names.check([source for warehouse in topology.warehouses for source in warehouse.sources])
    prefixes = _prefixes(topology)
    found = list(_tables(topology, names))
    several = any(count > 1 for count in Counter((schema, table) for *_, schema, table, _ in found).values())
    specs = []
    for warehouse, source, schema, table, columns in found:
        default = dg.AssetSpec(
            key=[*([prefixes[warehouse.id]] if several else []), schema, table],
            deps=list(upstream),
            description=f"The table {table!r} of the source {source.name or source.slug!r}, written by Segment.",
            group_name=group_name,
            kinds={"segment", warehouse.type},
            metadata={
                "dagster/table_name": ".".join([*([database] if database else []), schema, table]),
                **({"dagster/column_schema": _schema(columns)} if columns else {}),
                WAREHOUSE_ID: warehouse.id,
                SOURCE_ID: source.id,
                "segment/source": source.slug,
                "segment/warehouse": warehouse.name,
            },
        )
        data = WarehouseTableData(table, schema, source, warehouse, default)
        specs.append(translate(data) if translate else default)
    return specs


def keys_by_pipe(specs: Sequence[dg.AssetSpec]) -> dict[str, dict[str, list[dg.AssetKey]]]:
    """Return the keys of tables by the ids of their warehouse and their source.

    Args:
        specs: The specs. Those of other assets are left out.
    """
    found: dict[str, dict[str, list[dg.AssetKey]]] = {}
    for spec in specs:
        if WAREHOUSE_ID in spec.metadata and SOURCE_ID in spec.metadata:
            sources = found.setdefault(spec.metadata[WAREHOUSE_ID], {})
            sources.setdefault(spec.metadata[SOURCE_ID], []).append(spec.key)
    return found


def _tables(topology: Topology, names: TableNames) -> Iterator[tuple[SyncedWarehouse, SyncedSource, str, str, Columns]]:
    for warehouse in topology.warehouses:
        for source in warehouse.sources:
            tables: Mapping[str, Columns] = names.of(source)
            for table, columns in tables.items():
                yield warehouse, source, names.schema_of(source), table, columns


def _prefixes(topology: Topology) -> dict[str, str]:
    """Return the names of warehouses by id, as a part of a key; those that are the same with the id behind them."""
    names = {warehouse.id: plain_name(warehouse.name, _NO_NAME) for warehouse in topology.warehouses}
    alike = Counter(names.values())
    return {id_: name if alike[name] == 1 else f"{name}_{plain_name(id_, _NO_NAME)}" for id_, name in names.items()}


def _schema(columns: Columns) -> dg.TableSchema:
    # Segment states no types: they follow from what the calls send
    return dg.TableSchema(columns=[dg.TableColumn(name=name, type="unknown") for name in columns])
