"""Read the body of a response, up to a size. The deadline of the attempt bounds the time."""

from dlt.sources.helpers.requests import Response

from segment_dagster.client.errors import OversizeError
from segment_dagster.endpoints import Endpoint

MAX_BYTES = 256 * 1024 * 1024
"""Bytes of a body, unpacked, that are read. A page of 1000 rows has a few million; parsed, it takes ten times them."""

_CHUNK = 256 * 1024


def read_body(response: Response, endpoint: Endpoint, path: str) -> bytes:
    """Read the whole body of a streamed response.

    Args:
        response: The response.
        endpoint: The endpoint, for the error.
        path: The path of the request, for the error.

    Raises:
        OversizeError: The body is larger than any page.
        urllib3.exceptions.HTTPError: The body was cut short, or is not compressed as its header says.
    """
    chunks, size = [], 0
    # what has come, as soon as something has: requests' own `iter_content` waits until a chunk is full
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise OversizeError(endpoint.name, path, f"{MAX_BYTES:,} bytes")
    return b"".join(chunks)
