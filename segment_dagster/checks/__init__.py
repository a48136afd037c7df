"""Asset checks: completeness, schema, keys, references, history, partitions and volume."""

from segment_dagster.assets import Check
from segment_dagster.checks.available import AvailableCheck
from segment_dagster.checks.gaps import GapsCheck
from segment_dagster.checks.history import HistoryCheck
from segment_dagster.checks.primary_key import PrimaryKeyCheck
from segment_dagster.checks.references import ReferencesCheck
from segment_dagster.checks.row_count import RowCountCheck
from segment_dagster.checks.schema import SchemaCheck
from segment_dagster.checks.volume import VolumeCheck

CHECKS: tuple[Check, ...] = (
    AvailableCheck(),
    RowCountCheck(),
    SchemaCheck(),
    PrimaryKeyCheck(),
    ReferencesCheck(),
    HistoryCheck(),
    GapsCheck(),
    VolumeCheck(),
)
"""All checks. Each is attached to the assets that it applies to."""

__all__ = [
    "CHECKS",
    "AvailableCheck",
    "GapsCheck",
    "HistoryCheck",
    "PrimaryKeyCheck",
    "ReferencesCheck",
    "RowCountCheck",
    "SchemaCheck",
    "VolumeCheck",
]
