"""The endpoints that tell of Segment's own pipes: which sources it syncs into which warehouses, and how that went."""

from segment_dagster.endpoints import CATALOGUE, Endpoint


def _endpoint(name: str) -> Endpoint:
    return next(endpoint for endpoint in CATALOGUE if endpoint.name == name)


WAREHOUSES = _endpoint("warehouses")
CONNECTED_SOURCES = _endpoint("warehouse_connected_sources")
"""The sources that are synced into a warehouse."""

WAREHOUSE_SYNCS = _endpoint("warehouse_syncs")
"""The syncs of all sources into a warehouse: one request for all, of which Segment allows two a minute."""

SELECTIVE_SYNCS = _endpoint("warehouse_selective_syncs")
"""Which collections and properties of a source are synced into a warehouse."""

SOURCES = _endpoint("sources")

VOLUME = _endpoint("events_volume")
"""How many events Segment has taken in, by source, type and name."""
