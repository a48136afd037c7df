"""Tables derived from the loaded ones."""

from segment_dagster.marts.changes import Changes

__all__ = ["Changes"]
