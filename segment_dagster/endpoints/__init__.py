"""The catalogue: one row for each list endpoint of the Segment Public API.

To add an endpoint, add a row to its domain's tuple. Asset, table, checks and documentation follow from it.
"""

from segment_dagster.endpoints.access import ACCESS
from segment_dagster.endpoints.audit import AUDIT
from segment_dagster.endpoints.catalog import CATALOG
from segment_dagster.endpoints.connections import CONNECTIONS
from segment_dagster.endpoints.credentials import CREDENTIALS
from segment_dagster.endpoints.delivery import DELIVERY
from segment_dagster.endpoints.deltas import deltas_of
from segment_dagster.endpoints.engage import ENGAGE
from segment_dagster.endpoints.functions import FUNCTIONS
from segment_dagster.endpoints.model import (
    HISTORY,
    AuditFields,
    Column,
    DataType,
    Endpoint,
    Exploded,
    Months,
    Paging,
    Parameter,
    Parent,
    ParentParam,
    Reference,
    Secrecy,
    Span,
    TimeRange,
    Versioned,
)
from segment_dagster.endpoints.privacy import PRIVACY
from segment_dagster.endpoints.protocols import PROTOCOLS
from segment_dagster.endpoints.reverse_etl import REVERSE_ETL
from segment_dagster.endpoints.space_schema import SPACE_SCHEMA
from segment_dagster.endpoints.usage import USAGE
from segment_dagster.endpoints.volume import VOLUME
from segment_dagster.endpoints.workspace import WORKSPACE

CATALOGUE: tuple[Endpoint, ...] = (
    *WORKSPACE,
    *CONNECTIONS,
    *CATALOG,
    *CREDENTIALS,
    *PROTOCOLS,
    *FUNCTIONS,
    *ACCESS,
    *AUDIT,
    *USAGE,
    *VOLUME,
    *DELIVERY,
    *PRIVACY,
    *REVERSE_ETL,
    *ENGAGE,
    *SPACE_SCHEMA,
)
"""All endpoints, parents before their children."""

TABLES: tuple[Endpoint, ...] = (*CATALOGUE, *deltas_of(CATALOGUE))
"""All tables: those of the endpoints, and those derived from them."""

IDENTITY: Endpoint = WORKSPACE[0]
"""The endpoint that identifies the workspace of a token. It is upstream of everything else."""

__all__ = [
    "CATALOGUE",
    "HISTORY",
    "IDENTITY",
    "TABLES",
    "AuditFields",
    "Column",
    "DataType",
    "Endpoint",
    "Exploded",
    "Months",
    "Paging",
    "Parameter",
    "Parent",
    "ParentParam",
    "Reference",
    "Secrecy",
    "Span",
    "TimeRange",
    "Versioned",
]
