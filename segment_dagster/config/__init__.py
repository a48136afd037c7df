"""What a user can set: made at the edge from arguments and the environment, then passed as an argument."""

from segment_dagster.config.api import (
    FIRST_YEAR,
    HOW_TO_MAKE_ONE,
    MAX_PAGE_SIZE,
    ApiSettings,
    TokenMissingError,
)
from segment_dagster.config.choices import Granularity, Layout, OnUnavailable, Preview, Region
from segment_dagster.config.definitions import DefinitionSettings
from segment_dagster.config.destination import DestinationSettings
from segment_dagster.config.health import HealthSettings

__all__ = [
    "FIRST_YEAR",
    "HOW_TO_MAKE_ONE",
    "MAX_PAGE_SIZE",
    "ApiSettings",
    "DefinitionSettings",
    "DestinationSettings",
    "Granularity",
    "HealthSettings",
    "Layout",
    "OnUnavailable",
    "Preview",
    "Region",
    "TokenMissingError",
]
