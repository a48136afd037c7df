"""The marts, each with its SQL."""

from segment_dagster.marts.mart import Mart
from segment_dagster.marts.models.health_sources import HEALTH_SOURCES

MARTS: tuple[Mart, ...] = (HEALTH_SOURCES,)
"""All marts, in the order in which they are made."""

__all__ = ["MARTS"]
