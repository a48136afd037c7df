"""Sources, destinations and warehouses: where data comes from and where it goes."""

from segment_dagster.endpoints.destinations import DESTINATIONS
from segment_dagster.endpoints.sources import SOURCES
from segment_dagster.endpoints.warehouses import WAREHOUSES

CONNECTIONS = (*SOURCES, *DESTINATIONS, *WAREHOUSES)
