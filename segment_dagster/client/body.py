"""The body of an answer, within bounds of its size. Its time is bounded with that of its attempt."""

from dlt.sources.helpers.requests import Response

from segment_dagster.client.errors import OversizeError
from segment_dagster.endpoints import Endpoint

MAX_BYTES = 256 * 1024 * 1024
"""Bytes of a body, unpacked, that are read. A page of 1000 rows has a few million; parsed, it takes ten times them."""

_CHUNK = 256 * 1024


def whole_body(response: Response, endpoint: Endpoint, path: str) -> bytes:
    """Read the body of a response that is streamed, and be done with its connection.

    Args:
        response: The response.
        endpoint: The endpoint that was asked, for the errors.
        path: The path that was asked for, for the errors.

    Raises:
        OversizeError: It is larger than any page.
        urllib3.exceptions.HTTPError: It was cut short, or is not compressed as it says.
    """
    chunks, size = [], 0
    # what has come, as soon as something has: requests' own `iter_content` waits until a chunk is full
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise OversizeError(endpoint.name, path, f"{MAX_BYTES:,} bytes")
    return b"".join(chunks)
