"""All functions that generate records."""

from segment_dagster.emulator.world import connections, engage
from segment_dagster.emulator.world.access import MAKERS as ACCESS
from segment_dagster.emulator.world.audiences import MAKERS as AUDIENCES
from segment_dagster.emulator.world.audit import TIMED as AUDIT
from segment_dagster.emulator.world.catalog import MAKERS as CATALOG
from segment_dagster.emulator.world.credentials import MAKERS as CREDENTIALS
from segment_dagster.emulator.world.delivery import TIMED as DELIVERY
from segment_dagster.emulator.world.destinations import MAKERS as DESTINATIONS
from segment_dagster.emulator.world.factories import Maker, TimedMaker
from segment_dagster.emulator.world.functions import MAKERS as FUNCTIONS
from segment_dagster.emulator.world.privacy import MAKERS as PRIVACY
from segment_dagster.emulator.world.profiles import MAKERS as PROFILES
from segment_dagster.emulator.world.protocols import MAKERS as PROTOCOLS
from segment_dagster.emulator.world.reverse_etl import MAKERS as REVERSE_ETL
from segment_dagster.emulator.world.sources import MAKERS as SOURCES
from segment_dagster.emulator.world.space_schema import MAKERS as SPACE_SCHEMA
from segment_dagster.emulator.world.usage import TIMED as USAGE
from segment_dagster.emulator.world.volume import TIMED as VOLUME
from segment_dagster.emulator.world.warehouses import MAKERS as WAREHOUSES
from segment_dagster.emulator.world.workspace import workspace

MAKERS: dict[str, Maker] = {
    "workspace": workspace,
    "sources": connections.sources,
    "destinations": connections.destinations,
    "warehouses": connections.warehouses,
    "spaces": engage.spaces,
    "segments": engage.segments,
    **SOURCES,
    **DESTINATIONS,
    **WAREHOUSES,
    **CATALOG,
    **CREDENTIALS,
    **PROTOCOLS,
    **FUNCTIONS,
    **ACCESS,
    **PRIVACY,
    **REVERSE_ETL,
    **AUDIENCES,
    **PROFILES,
    **SPACE_SCHEMA,
}
"""Functions that generate the records of one list, by endpoint name."""

TIMED: dict[str, TimedMaker] = {**AUDIT, **USAGE, **VOLUME, **DELIVERY}
"""The same for time-dependent endpoints."""
