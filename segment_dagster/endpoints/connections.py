"""Sources, destinations and warehouses: where data comes from and where it goes."""

from segment_dagster.endpoints import destinations, sources, warehouses

CONNECTIONS = (*sources.SOURCES, *destinations.DESTINATIONS, *warehouses.WAREHOUSES)
