"""From the API's fields to the destination's columns."""

from functools import lru_cache

from dlt.common.normalizers.naming.snake_case import NamingConvention
from dlt.common.schema.typing import TColumnSchema

from segment_dagster.endpoints import Endpoint

_NAMING = NamingConvention()


@lru_cache(maxsize=4096)
def column_name(field: str) -> str:
    """The column a field lands in, by dlt's snake_case naming: `workspaceId` becomes `workspace_id`."""
    return _NAMING.normalize_identifier(field)


def columns_of(endpoint: Endpoint) -> dict[str, TColumnSchema]:
    """The declared columns as dlt writes them, by their names in the destination."""
    columns: dict[str, TColumnSchema] = {}
    for column in endpoint.columns:
        name = column_name(column.field)
        columns[name] = {
            "name": name,
            "data_type": column.type,
            "description": column.description,
            "nullable": column.field not in endpoint.required_key,
        }
    return columns
