"""Speak to the Segment Public API.

A page's way: `api.SegmentClient.pages` - `layout` (path and query) - `paging.paginate` - `sender.Sender.fetch` -
`limits` (a slot) - `deadline` - `session` - `body` (bytes) - `response` (`parse`, `status`, shape) - `retry` where that
failed - back in `paging`: `page`, the next cursor, `list_end` - the caller.
"""

from segment_dagster.client.api import SegmentClient
from segment_dagster.client.errors import ApiError
from segment_dagster.client.meter import Meter
from segment_dagster.client.page import Page

__all__ = ["ApiError", "Meter", "Page", "SegmentClient"]
