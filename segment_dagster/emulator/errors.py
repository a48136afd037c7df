"""The error envelope in which the API refuses a request."""

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
    """An answer that holds one error.

    Args:
        status: The HTTP status.
        kind: The error's `type`, such as `bad-request`.
        message: What is wrong.
        field: The parameter that is wrong.
        data: What else the error carries.
        headers: Headers of the answer.

    Returns:
        The answer.
    """
    error = {"type": kind, "message": message, "field": field, "data": data}
    body = {"errors": [{key: value for key, value in error.items() if value is not None}]}
    return Response(encode(body), status, headers, "application/json")


class ApiError(Exception):
    """A request that is answered with an error instead of records."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def invalid_parameter(field: str, message: str) -> ApiError:
    """The refusal of a parameter: status 422."""
    return ApiError(error_response(422, "bad-request", message, field=field))
