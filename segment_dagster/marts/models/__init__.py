"""The marts, each with its SQL."""

from segment_dagster.marts.mart import Mart
from segment_dagster.marts.models.access_review import ACCESS_REVIEW
from segment_dagster.marts.models.changes_weekly import CHANGES_WEEKLY
from segment_dagster.marts.models.health_destinations import HEALTH_DESTINATIONS
from segment_dagster.marts.models.health_sources import HEALTH_SOURCES
from segment_dagster.marts.models.tracking_plan_coverage import TRACKING_PLAN_COVERAGE
from segment_dagster.marts.models.unused import UNUSED
from segment_dagster.marts.models.usage_forecast import USAGE_FORECAST

MARTS: tuple[Mart, ...] = (
    HEALTH_SOURCES,
    HEALTH_DESTINATIONS,
    TRACKING_PLAN_COVERAGE,
    USAGE_FORECAST,
    ACCESS_REVIEW,
    UNUSED,
    CHANGES_WEEKLY,
)
"""All marts, in the order in which they are made."""

__all__ = ["MARTS"]
