"""Which media type an answer is given in."""

from segment_dagster.emulator.errors import ApiError, error_response
from segment_dagster.endpoints import Endpoint

JSON = "application/json"
"""Media type of the versioned layout, and of every error."""


def negotiate(row: Endpoint, accept: str | None) -> str:
    """The media type of the answer: the endpoint's version, or plain JSON where only that is asked for.

    Args:
        row: The endpoint.
        accept: The `Accept` header, if there is one.

    Returns:
        The media type.

    Raises:
        ApiError: The endpoint has none of the types: status 406.
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
