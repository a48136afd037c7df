"""The endpoints that tell of Segment's own pipes: what it syncs into warehouses, and out of them, and how that went."""

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

REVERSE_ETL_MODELS = _endpoint("reverse_etl_models")
REVERSE_ETL_SYNCS = _endpoint("reverse_etl_syncs")
"""The syncs of a model to a subscription: one request for each pair."""

DESTINATIONS = _endpoint("destinations")
SUBSCRIPTIONS = _endpoint("destination_subscriptions")
"""The subscriptions of a destination; those that a reverse ETL model feeds name it."""
