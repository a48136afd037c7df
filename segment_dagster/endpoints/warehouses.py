"""Warehouses, their connections and their syncs."""

from segment_dagster.endpoints.columns import (
    V1,
    choice,
    count,
    flag,
    from_request,
    nested,
    number,
    parent_of,
    text,
    timestamp,
)
from segment_dagster.endpoints.model import Endpoint, Reference, Versioned
from segment_dagster.endpoints.records import SOURCE, WAREHOUSE

_WAREHOUSES = "https://docs.segmentapis.com/tag/Warehouses"
_SELECTIVE_SYNC = "https://docs.segmentapis.com/tag/Selective-Sync"

_TO_SOURCE = Reference(field="sourceId", endpoint="sources")
_TO_WAREHOUSE = Reference(field="warehouseId", endpoint="warehouses")
_TO_WORKSPACE = Reference(field="workspaceId", endpoint="workspace")

_SYNC_REPORT = (
    from_request("warehouseId", "The warehouse that was synced into."),
    text("sourceId", "The source whose data was synced."),
    timestamp("start", "When the sync started."),
    timestamp("end", "When the sync ended; null while it runs, and until then the rest of the row changes."),
    text("status", "The state of the sync."),
    number("duration", "How many seconds the sync took, or has taken so far while it runs."),
    text("humanDuration", "The duration in words."),
    count("count", "How many rows were synced."),
    nested("notices", "What was noticed during the sync: level, message and time of each notice."),
)
_SYNC_KEY = ("warehouseId", "sourceId", "start")

WAREHOUSES = (
    Endpoint(
        name="warehouses",
        domain="connections",
        description="Every warehouse of the workspace: the databases that Segment syncs raw events into.",
        documentation=_WAREHOUSES,
        path="/warehouses",
        selector=("data", "warehouses"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        references=(_TO_WORKSPACE,),
        audited_as=("warehouse",),
        columns=WAREHOUSE,
        versioned=Versioned(path="/v1/warehouses", selector=("data",), page_size=200),
    ),
    Endpoint(
        name="warehouse_connected_sources",
        domain="connections",
        description="Every source that is synced into every warehouse, once for each warehouse.",
        documentation=_WAREHOUSES,
        path="/warehouses/{warehouseId}/connected-sources",
        selector=("data", "sources"),
        media_type=V1,
        page_size=1000,
        primary_key=("warehouseId", "id"),
        parent=parent_of("warehouses", warehouseId="id"),
        references=(_TO_WAREHOUSE, Reference(field="id", endpoint="sources"), _TO_WORKSPACE),
        audited_as=("warehouse", "source"),
        columns=(from_request("warehouseId", "The warehouse that the source is connected to."), *SOURCE),
    ),
    Endpoint(
        name="warehouse_connection_states",
        domain="connections",
        description="Whether Segment can connect to every warehouse, which it tries anew each time it is asked.",
        documentation=_WAREHOUSES,
        path="/warehouses/{warehouseId}/connection-state",
        # The record is the whole `data` object, here and in the next row.
        selector=("data",),
        media_type=V1,
        single=True,
        primary_key=("warehouseId",),
        parent=parent_of("warehouses", warehouseId="id"),
        references=(_TO_WAREHOUSE,),
        requests_per_minute=200,
        changes_by_itself=True,
        audited_as=("warehouse",),
        columns=(
            from_request("warehouseId", "The warehouse that Segment tried to connect to."),
            choice("connectionState", "Whether it could be connected to with its settings.", "CONNECTED", "FAILED"),
        ),
    ),
    Endpoint(
        name="warehouse_advanced_sync_schedules",
        domain="connections",
        description="The advanced sync schedule of every warehouse: the hours of the day at which it is synced.",
        documentation=_SELECTIVE_SYNC,
        path="/warehouses/{warehouseId}/advanced-sync-schedule",
        selector=("data",),
        media_type=V1,
        single=True,
        primary_key=("warehouseId",),
        parent=parent_of("warehouses", warehouseId="id"),
        references=(_TO_WAREHOUSE,),
        requests_per_minute=2,
        slow=True,
        audited_as=("warehouse",),
        columns=(
            from_request("warehouseId", "The warehouse that the schedule is for."),
            flag("enabled", "Whether the warehouse is synced by this schedule."),
            nested("schedule", "The hours of the day, whether each is in use, and their timezone."),
        ),
    ),
    Endpoint(
        name="warehouse_selective_syncs",
        domain="connections",
        description="Every collection of every source that is connected to every warehouse, and whether it is synced.",
        documentation=_SELECTIVE_SYNC,
        path="/warehouses/{warehouseId}/connected-sources/{sourceId}/selective-syncs",
        selector=("data", "items"),
        media_type=V1,
        page_size=1000,
        primary_key=("warehouseId", "sourceId", "collection"),
        parent=parent_of("warehouse_connected_sources", warehouseId="warehouseId", sourceId="id"),
        references=(_TO_WAREHOUSE, _TO_SOURCE),
        requests_per_minute=2,
        slow=True,
        audited_as=("warehouse", "selective sync"),
        columns=(
            text("sourceId", "The source of the collection."),
            text("collection", "The collection's name within the source."),
            text("warehouseId", "The warehouse that the source is connected to."),
            flag("enabled", "Whether the collection is synced."),
            nested("properties", "The collection's properties, and what is synced of them."),
        ),
    ),
    Endpoint(
        name="warehouse_syncs",
        domain="connections",
        description="Every sync that Segment lists for every warehouse, of all its sources: how it went, and its rows.",
        documentation=_SELECTIVE_SYNC,
        path="/warehouses/{warehouseId}/syncs",
        selector=("data", "reports"),
        media_type=V1,
        page_size=1000,
        # Syncs have no id.
        primary_key=_SYNC_KEY,
        parent=parent_of("warehouses", warehouseId="id"),
        # No reference to `sources`: a deleted source keeps its syncs.
        references=(_TO_WAREHOUSE,),
        requests_per_minute=2,
        slow=True,
        log=True,
        columns=_SYNC_REPORT,
    ),
    Endpoint(
        name="warehouse_source_syncs",
        domain="connections",
        description="Every sync that Segment lists for every warehouse and connected source, asked for pair by pair.",
        documentation=_SELECTIVE_SYNC,
        path="/warehouses/{warehouseId}/connected-sources/{sourceId}/syncs",
        selector=("data", "reports"),
        media_type=V1,
        page_size=1000,
        primary_key=_SYNC_KEY,
        parent=parent_of("warehouse_connected_sources", warehouseId="warehouseId", sourceId="id"),
        # No reference to `sources`: a deleted source keeps its syncs.
        references=(_TO_WAREHOUSE,),
        requests_per_minute=2,
        slow=True,
        log=True,
        columns=_SYNC_REPORT,
    ),
)
