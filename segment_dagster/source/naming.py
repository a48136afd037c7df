"""From the API's names to the destination's."""

from functools import lru_cache

from dlt.common.normalizers.naming.snake_case import NamingConvention

_NAMING = NamingConvention()


@lru_cache(maxsize=4096)
def column_name(field: str) -> str:
    """The column a field lands in, by dlt's snake_case naming: `workspaceId` becomes `workspace_id`."""
    return _NAMING.normalize_identifier(field)
