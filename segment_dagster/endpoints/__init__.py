"""The catalogue: one row for each list endpoint of the Segment Public API.

To add an endpoint, add a row to its domain's tuple. Asset, table, checks and documentation follow from it.
"""

from segment_dagster.endpoints.connections import CONNECTIONS
from segment_dagster.endpoints.engage import ENGAGE
from segment_dagster.endpoints.model import Column, DataType, Endpoint, Parent, Reference, Secrecy, Versioned
from segment_dagster.endpoints.workspace import WORKSPACE

CATALOGUE: tuple[Endpoint, ...] = (*WORKSPACE, *CONNECTIONS, *ENGAGE)
"""Every endpoint, each after those it is asked with."""

IDENTITY: Endpoint = WORKSPACE[0]
"""The endpoint that says whom a token belongs to. Everything else in the lineage is below it."""

__all__ = [
    "CATALOGUE",
    "IDENTITY",
    "Column",
    "DataType",
    "Endpoint",
    "Parent",
    "Reference",
    "Secrecy",
    "Versioned",
]
