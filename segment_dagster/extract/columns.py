"""From the API's fields to the destination's columns."""

from collections.abc import Collection, Iterable
from functools import lru_cache

from dlt.common.normalizers.naming.snake_case import NamingConvention
from dlt.common.schema.typing import TColumnSchema

from segment_dagster.endpoints import Column, Endpoint

_NAMING = NamingConvention()


@lru_cache(maxsize=4096)
def column_name(field: str) -> str:
    """Return the column of a field, by dlt's snake_case naming: `workspaceId` becomes `workspace_id`."""
    return _NAMING.normalize_identifier(field)


def columns_of(endpoint: Endpoint) -> dict[str, TColumnSchema]:
    """Return the declared columns as dlt writes them, by their names in the destination."""
    return declared(endpoint.columns, endpoint.required_key)


def declared(columns: Iterable[Column], required: Collection[str]) -> dict[str, TColumnSchema]:
    """Columns as dlt writes them, by their names in the destination.

    Args:
        columns: The columns.
        required: Fields that are nowhere null.
    """
    written: dict[str, TColumnSchema] = {}
    for column in columns:
        name = column_name(column.field)
        written[name] = {
            "name": name,
            "data_type": column.type,
            "description": column.description,
            "nullable": column.field not in required,
        }
    return written
