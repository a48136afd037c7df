"""How to speak to the Segment Public API."""

from segment_dagster.client.api import Meter, Page, SegmentClient
from segment_dagster.client.errors import ApiError

__all__ = ["ApiError", "Meter", "Page", "SegmentClient"]
