"""What the control paths do with a request."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.errors import error_response

Handler = Callable[[Request], Awaitable[Response]]


def get(shown: Callable[[], object]) -> Handler:
    """Answers with what is shown, as JSON."""

    async def answer(request: Request) -> Response:
        return Response(encode(shown()), media_type="application/json")

    return answer


def put(change: Callable[[Any], None], shown: Callable[[], object]) -> Handler:
    """Changes what the JSON of the body says and answers with what is shown then; 422 where the change raises."""

    async def answer(request: Request) -> Response:
        try:
            change(json.loads(await request.body()))
        except ValueError as error:
            return error_response(422, "bad-request", str(error))
        return Response(encode(shown()), media_type="application/json")

    return answer


def delete(change: Callable[[], None]) -> Handler:
    """Changes something, and answers with nothing."""

    async def answer(request: Request) -> Response:
        change()
        return Response(status_code=204)

    return answer


def checked(given: Any, **types: type | tuple[type, ...]) -> dict[str, Any]:
    """The body, if it is an object with no other names than these, each with a value of its type.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(given, dict):
        raise ValueError("the body must be a JSON object")
    for name, value in given.items():
        if name not in types:
            raise ValueError(f"unknown {name!r}; there are {', '.join(types)}")
        if not isinstance(value, types[name]) or (isinstance(value, bool) and types[name] is not bool):
            raise ValueError(f"{name} is not of the right type")
    return given
