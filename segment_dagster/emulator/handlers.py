"""Request handlers of the control endpoints."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.errors import error_response

T = TypeVar("T")

Handler = Callable[[Request], Awaitable[Response]]


def get(shown: Callable[[], object]) -> Handler:
    """Build a handler that returns `shown()` as JSON."""

    async def answer(request: Request) -> Response:
        return Response(encode(shown()), media_type="application/json")

    return answer


def put(change: Callable[[Any], None], shown: Callable[[], object]) -> Handler:
    """Build a handler that passes the JSON body to `change`, then returns `shown()`, or 422 on a `ValueError`."""

    async def answer(request: Request) -> Response:
        try:
            change(json.loads(await request.body()))
        except ValueError as error:
            return error_response(422, "bad-request", str(error))
        return Response(encode(shown()), media_type="application/json")

    return answer


def delete(change: Callable[[], None]) -> Handler:
    """Build a handler that calls `change` and returns 204."""

    async def answer(request: Request) -> Response:
        change()
        return Response(status_code=204)

    return answer


def checked(given: Any, **types: type | tuple[type, ...]) -> dict[str, Any]:
    """Return the body after checking that it is an object with only these keys and types.

    Raises:
        ValueError: The body does not match.
    """
    if not isinstance(given, dict):
        raise ValueError("the body must be a JSON object")
    for name, value in given.items():
        if name not in types:
            raise ValueError(f"unknown {name!r}; there are {', '.join(types)}")
        if not isinstance(value, types[name]) or (isinstance(value, bool) and types[name] is not bool):
            raise ValueError(f"{name} is not of the right type")
    return given


def listed(given: Any, read: Callable[[object], T], what: str) -> list[T]:
    """Return the items of the body after parsing each.

    Args:
        given: The body.
        read: Parses an item.
        what: What the items are, for the message.

    Raises:
        ValueError: The body is not a list, or an item is invalid.
    """
    if not isinstance(given, list):
        raise ValueError(f"the body must be a JSON list of {what}")
    return [read(item) for item in given]
