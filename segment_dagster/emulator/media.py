"""Content negotiation."""

from segment_dagster.emulator.errors import ApiError, error_response
from segment_dagster.endpoints import Endpoint

JSON = "application/json"
"""Media type of the versioned layout and of errors."""


def negotiate(row: Endpoint, accept: str | None) -> str:
    """Choose the media type: the endpoint's version, or plain JSON if the client accepts only that.

    Args:
        row: The endpoint.
        accept: The `Accept` header, if present.

    Returns:
        The media type.

    Raises:
        ApiError: No accepted type is available: status 406.
    """
    asked = [part.split(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    for wanted in asked:
        if wanted in (row.media_type, "*/*", "application/*"):
            return row.media_type
        if wanted == JSON:
            return JSON
    raise ApiError(
        error_response(406, "not-acceptable", f"{row.name} is not available as {accept}; ask for {row.media_type}")
    )
