"""What proves that every row arrived and that its shape held."""

from segment_dagster.assets import Check
from segment_dagster.checks.available import Available
from segment_dagster.checks.gaps import Gaps
from segment_dagster.checks.history import History
from segment_dagster.checks.primary_key import PrimaryKey
from segment_dagster.checks.references import References
from segment_dagster.checks.row_count import RowCount
from segment_dagster.checks.schema import Schema
from segment_dagster.checks.volume import Volume

CHECKS: tuple[Check, ...] = (
    Available(),
    RowCount(),
    Schema(),
    PrimaryKey(),
    References(),
    History(),
    Gaps(),
    Volume(),
)
"""The checks that every asset gets, where they apply."""

__all__ = [
    "CHECKS",
    "Available",
    "Gaps",
    "History",
    "PrimaryKey",
    "References",
    "RowCount",
    "Schema",
    "Volume",
]
