"""What all requests for one list, or all attempts of one that writes, have in common."""

import threading
from dataclasses import dataclass, field

from segment_dagster.client.meter import Meter
from segment_dagster.client.parse import Repairs
from segment_dagster.endpoints import Endpoint


@dataclass(frozen=True)
class RequestContext:
    """The address of a list, and who wants it."""

    endpoint: Endpoint
    """The endpoint, or the first of those that share the response."""

    url: str
    """The whole address without its query."""

    path: str
    """The path as errors and logs show it, after the method if that is not GET."""

    accept: str
    """The media type to ask for."""

    meter: Meter
    """Counts the requests."""

    cancelled: threading.Event | None = None
    """Once set, nothing more is sent."""

    body: bytes | None = None
    """What a request that writes sends, as JSON; `None` for one that reads."""

    repairs: Repairs = field(default_factory=Repairs)
    """Counts the values that were replaced in the responses."""
