"""Let a response pass that holds records, and raise an error for every other."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from dlt.sources.helpers.requests import Response

from segment_dagster.client import parse as parsing
from segment_dagster.client.context import RequestContext
from segment_dagster.client.errors import ApiError, BodyError, DepthError, OversizeError, ShapeError
from segment_dagster.client.layout import ListRequest
from segment_dagster.client.status import error_of
from segment_dagster.config import ApiSettings
from segment_dagster.foreign_text import foreign_text

MAX_NAME = 40
"""Characters of a name in a response, such as a key, that an error shows."""

MAX_NAMES = 20
"""Names that an error lists."""

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")


def check_response(
    response: Response,
    content: bytes,
    context: RequestContext,
    lists: Sequence[ListRequest],
    settings: ApiSettings,
    now: datetime,
) -> Any:
    """Return the parsed body of a response that has every list's records in their place.

    Args:
        response: The response; its body has been read.
        content: The body.
        context: The request.
        lists: The lists that were requested.
        settings: The token, which no error shows, and the layout.
        now: The current time, in UTC.

    Raises:
        ApiError: It has not; `retryable` where another attempt may help.
    """
    show = partial(foreign_text, secret=settings.token)
    endpoint, path = context.endpoint.name, context.path
    body: Any = None
    broken: ApiError | None = None
    try:
        parsed = parsing.parse(content)
        body = parsed.value
        context.repairs.add(parsed)
    except parsing.TooManyValuesError:
        raise OversizeError(endpoint, path, f"{parsing.MAX_VALUES:,} values") from None
    except parsing.TooDeepError:
        broken = DepthError(endpoint, path)
    except parsing.ParseError:
        content_type = show(_media_type(response.headers.get("Content-Type", "")))
        broken = BodyError(endpoint, path, content_type, len(content))
    # an error's body may be anything
    if error := error_of(context, response.status_code, response.headers, body, settings, now) or broken:
        raise error
    for request in lists:
        _check_shape(body, request, path, show)
    return body


def _media_type(content_type: str) -> str:
    """Return the type alone, without parameters; of a header that holds none, only that it is odd."""
    media_type = content_type.partition(";")[0].strip()
    return media_type if not content_type or _MEDIA_TYPE.fullmatch(media_type) else "an odd content type"


def _check_shape(body: Any, request: ListRequest, path: str, show: Callable[[Any, int], str]) -> None:
    endpoint = request.endpoint
    value = body
    for depth, key in enumerate(request.selector):
        place = ".".join(request.selector[:depth]) or "the body"
        if not isinstance(value, dict):
            raise ShapeError(endpoint.name, path, request.selector, f"{place} is {_kind(value)}")
        if key not in value:
            found = ", ".join(show(each, MAX_NAME) for each in sorted(value)[:MAX_NAMES]) or "none"
            raise ShapeError(
                endpoint.name, path, request.selector, f"{place} has no key {key!r}; its keys are: {found}"
            )
        value = value[key]
    records = [value] if endpoint.single else value
    if not isinstance(records, list):
        raise ShapeError(endpoint.name, path, request.selector, f"it is {_kind(value)} and not a list")
    if endpoint.wrapped:
        if None in records:
            raise ShapeError(endpoint.name, path, request.selector, "a record is null")
        return
    for record in records:
        if not isinstance(record, dict):
            problem = f"a record is {_kind(record)} and not an object"
            raise ShapeError(endpoint.name, path, request.selector, problem)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
