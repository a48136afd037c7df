"""Asset checks: completeness, schema, keys, references, history, partitions and volume."""

from segment_dagster.assets import Check
from segment_dagster.checks.available import AvailableCheck
from segment_dagster.checks.coverage import CoverageCheck
from segment_dagster.checks.gaps import GapsCheck
from segment_dagster.checks.history import HistoryCheck
from segment_dagster.checks.primary_key import PrimaryKeyCheck
from segment_dagster.checks.references import ReferencesCheck
from segment_dagster.checks.row_count import RowCountCheck
from segment_dagster.checks.schema import SchemaCheck
from segment_dagster.checks.volume import VolumeCheck
from segment_dagster.config import DefinitionSettings


def standard_checks(settings: DefinitionSettings) -> tuple[Check, ...]:
    """Return all checks. Each is attached to the assets that it applies to."""
    return (
        AvailableCheck(),
        RowCountCheck(),
        SchemaCheck(),
        PrimaryKeyCheck(),
        ReferencesCheck(),
        *([HistoryCheck()] if settings.history else []),
        GapsCheck(),
        CoverageCheck(),
        VolumeCheck(days=settings.volume_check_days, deviations=settings.volume_check_deviations),
    )


__all__ = [
    "AvailableCheck",
    "CoverageCheck",
    "GapsCheck",
    "HistoryCheck",
    "PrimaryKeyCheck",
    "ReferencesCheck",
    "RowCountCheck",
    "SchemaCheck",
    "VolumeCheck",
    "standard_checks",
]
