"""A code location of another instance that reads the same workspace with the same token."""

import dagster as dg

from segment_dagster import build_segment_defs
from segment_dagster.assets import DestinationResource


@dg.definitions
def defs() -> dg.Definitions:
    """The instance."""
    return build_segment_defs(name="second", destination=DestinationResource(dataset="segment_second"))
