"""Error responses of the API."""

from typing import Any

from starlette.responses import Response

from segment_dagster.emulator.encoding import encode


def error_response(
    status: int,
    kind: str,
    message: str | None = None,
    *,
    field: str | None = None,
    data: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Build an error response.

    Args:
        status: The HTTP status.
        kind: The error's `type`, such as `bad-request`.
        message: What is wrong.
        field: The invalid parameter.
        data: Additional data of the error.
        headers: Headers of the response.

    Returns:
        The response.
    """
    error = {"type": kind, "message": message, "field": field, "data": data}
    body = {"errors": [{key: value for key, value in error.items() if value is not None}]}
    return Response(encode(body), status, headers, "application/json")


class ApiError(Exception):
    """Raised to answer a request with an error response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def invalid_parameter(field: str, message: str) -> ApiError:
    """Build the error for an invalid parameter: status 422."""
    return ApiError(error_response(422, "bad-request", message, field=field))
