"""Which sources Segment syncs into which warehouses, and which models it sends on from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from segment_dagster.client import SegmentClient
from segment_dagster.endpoints.pipes import CONNECTED_SOURCES, WAREHOUSES
from segment_dagster.syncs.names import check_names
from segment_dagster.syncs.reverse_etl.models import ReverseEtlModel

VERSION = 1
"""Of the form in which it is written."""

Columns = Sequence[str]
"""Names of a table's columns; empty if they are not known."""


@dataclass(frozen=True, kw_only=True)
class SyncedSource:
    """A source that is synced into a warehouse."""

    id: str
    slug: str
    name: str | None = None
    tables: Mapping[str, Columns] | None = None
    """Its tables, where they were read from `warehouse_selective_syncs`; `None` where they were not."""


@dataclass(frozen=True, kw_only=True)
class SyncedWarehouse:
    """A warehouse and the sources that are synced into it."""

    id: str
    name: str
    """The name in its settings, or else that of its type, such as `Snowflake`."""

    type: str
    """The slug of its type, such as `snowflake`."""

    sources: Sequence[SyncedSource] = ()


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The warehouses of a workspace with their sources."""

    warehouses: Sequence[SyncedWarehouse] = ()
    models: Sequence[ReverseEtlModel] | None = None
    """Reverse ETL models; `None` if they were not asked for."""

    def to_json(self) -> str:
        """Return it as JSON. It holds no settings of warehouses, no write keys and no queries."""
        return orjson.dumps({"version": VERSION, **asdict(self)}, option=orjson.OPT_INDENT_2).decode()

    @classmethod
    def from_json(cls, text: str) -> "Topology":
        """Read what `to_json` wrote.

        Raises:
            ValueError: Another version wrote it: the state is to be refreshed.
        """
        given = orjson.loads(text)
        if given.get("version") != VERSION:
            raise ValueError("the state is of another version of segment_dagster: run `dg utils refresh-defs-state`")
        return cls(
            warehouses=tuple(
                SyncedWarehouse(
                    **{**warehouse, "sources": tuple(SyncedSource(**source) for source in warehouse["sources"])}
                )
                for warehouse in given["warehouses"]
            ),
            models=None if given.get("models") is None else tuple(map(ReverseEtlModel.from_json, given["models"])),
        )


@dataclass(frozen=True, kw_only=True)
class WarehouseSelection:
    """Which warehouses and sources count. By default all warehouses that are enabled, with all their sources."""

    warehouse_ids: Sequence[str] = ()
    warehouse_names: Sequence[str] = ()
    """Names in the settings of warehouses, or names or slugs of their types."""

    source_slugs: Sequence[str] = ()
    source_ids: Sequence[str] = ()

    def warehouses_of(self, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the warehouses that count, of the API's records.

        Raises:
            SettingError: There is no warehouse of an id or name.
        """
        names = {name for record in records for name in names_of(record)}
        problem = "which the workspace does not have"
        check_names("warehouses.by_id", self.warehouse_ids, {record["id"] for record in records}, problem)
        check_names("warehouses.by_name", self.warehouse_names, names, problem)
        if not self.warehouse_ids and not self.warehouse_names:
            return [record for record in records if record.get("enabled")]
        return [
            record
            for record in records
            if record["id"] in self.warehouse_ids or names_of(record) & set(self.warehouse_names)
        ]

    def of(self, topology: Topology) -> Topology:
        """Return the part of a topology that counts: its sources are looked at, its warehouses are those that count.

        Raises:
            SettingError: There is no source of an id or slug.
        """
        sources = [source for warehouse in topology.warehouses for source in warehouse.sources]
        problem = "which is synced into none of the warehouses"
        check_names("sources.by_slug", self.source_slugs, {source.slug for source in sources}, problem)
        check_names("sources.by_id", self.source_ids, {source.id for source in sources}, problem)
        if not self.source_slugs and not self.source_ids:
            return topology
        return replace(
            topology,
            warehouses=tuple(
                replace(
                    warehouse,
                    sources=tuple(
                        source
                        for source in warehouse.sources
                        if source.slug in self.source_slugs or source.id in self.source_ids
                    ),
                )
                for warehouse in topology.warehouses
            ),
        )


def names_of(record: Mapping[str, Any]) -> set[str]:
    """Return the names by which a warehouse may be called."""
    type_ = _type_of(record)
    return set(filter(None, (_own_name(record), type_.get("name"), type_.get("slug"))))


def fetch_topology(client: SegmentClient, selection: WarehouseSelection) -> Topology:
    """Ask the API for the warehouses and their sources: a request for each warehouse, and one for all.

    Args:
        client: Requests them.
        selection: The warehouses that count.

    Raises:
        ApiError: A list could not be read.
        SettingError: There is no warehouse of an id or name.
    """
    records = [record for page in client.pages(WAREHOUSES) for record in page.records]
    return Topology(
        warehouses=tuple(
            SyncedWarehouse(
                id=record["id"],
                name=_own_name(record) or _type_of(record).get("name") or record["id"],
                type=_type_of(record).get("slug") or "warehouse",
                sources=tuple(_sources(client, record["id"])),
            )
            for record in selection.warehouses_of(records)
        )
    )


def _sources(client: SegmentClient, warehouse_id: str) -> Iterator[SyncedSource]:
    for page in client.pages(CONNECTED_SOURCES, {"warehouseId": warehouse_id}):
        for record in page.records:
            yield SyncedSource(id=record["id"], slug=record.get("slug") or record["id"], name=record.get("name"))


def _type_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the catalogue's entry of a warehouse's type; empty if it is not there."""
    given = record.get("metadata")
    return given if isinstance(given, dict) else {}


def _own_name(record: Mapping[str, Any]) -> str | None:
    settings = record.get("settings")
    name = settings.get("name") if isinstance(settings, dict) else None
    return name if isinstance(name, str) and name else None
