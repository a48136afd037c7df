"""Telling an answer that holds records from one that does not."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dlt.sources.helpers.requests import Response

from segment_dagster.client import parse as parsing
from segment_dagster.client.body import whole_body
from segment_dagster.client.errors import (
    MAX_QUOTE,
    BodyError,
    DepthError,
    FeatureError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    OversizeError,
    RateLimitedError,
    RedirectError,
    ServerError,
    ShapeError,
    TokenError,
)
from segment_dagster.client.layout import Call, Part
from segment_dagster.client.retry import told_delay
from segment_dagster.config import Settings
from segment_dagster.endpoints import Endpoint
from segment_dagster.foreign_text import foreign_text
from segment_dagster.text import pluralize

MAX_PATH = 200
"""Characters of a request's path that an error shows."""

MAX_NAME = 40
"""Characters of a name in an answer, such as a key, that an error shows."""

MAX_NAMES = 20

_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")

_PERMISSION = re.compile(
    r"\b(permissions?|roles?|scopes?|privileges?|access|authori[sz]ed|unauthori[sz]ed|allowed|denied|read.only|token)\b",
    re.IGNORECASE,
)
"""What a refusal speaks of where it is about the token."""

_PLAN = re.compile(r"\b(features?|plan|not enabled|upgrade|subscription)\b", re.IGNORECASE)
"""What a refusal speaks of where it is about the workspace's plan."""


@dataclass
class Repairs:
    """What had to be replaced in the answers of a list, as no text or number can hold it."""

    broken: int = 0
    infinite: int = 0

    def add(self, parsed: parsing.Parsed) -> None:
        """Count what was replaced in an answer."""
        self.broken += parsed.broken
        self.infinite += parsed.infinite

    def __str__(self) -> str:
        said = []
        if self.broken:
            said.append(f"{pluralize(self.broken, 'broken character')}, such as half of an emoji, became U+FFFD")
        if self.infinite:
            verb = "is" if self.infinite == 1 else "are"
            said.append(f"{pluralize(self.infinite, 'number')} that {verb} NaN or infinite became null")
        return "; ".join(said)


def check_answer(call: Call, settings: Settings, answered: Callable[[], None], repairs: Repairs) -> Callable[..., None]:
    """A response hook that lets only an answer with records pass.

    Args:
        call: The lists that were asked for.
        settings: The token and the layout.
        answered: Called when the answer has come whole.
        repairs: Counts what is replaced in the answer.

    Returns:
        A hook for requests. It reads a streamed body, parses it once and keeps it as the response's `json()`.

    Raises:
        ApiError: By the hook, for everything else; a `TransientError` where another attempt may help.
    """
    show = partial(foreign_text, secret=settings.token)

    def check(response: Response, *_: Any, **__: Any) -> None:
        endpoint = call.parts[0].endpoint
        path = show(urlsplit(response.url).path, MAX_PATH)
        # the connection is free again when its answer has been read, or is closed
        with response:
            # without a Location as well, which requests takes for no redirect
            if 300 <= response.status_code < 400:
                location = response.headers.get("Location")
                raise RedirectError(endpoint.name, path, None if location is None else _host(location, show))
            content = whole_body(response, endpoint, path)
            answered()
        body = None
        try:
            parsed = parsing.parse(content)
            body = parsed.value
            repairs.add(parsed)
        except parsing.TooManyValuesError:
            raise OversizeError(endpoint.name, path, f"{parsing.MAX_VALUES:,} values") from None
        except (parsing.ParseError, parsing.TooDeepError) as error:
            if response.status_code < 400:
                if isinstance(error, parsing.TooDeepError):
                    raise DepthError(endpoint.name, path) from None
                content_type = show(_media_type(response.headers.get("Content-Type", "")))
                raise BodyError(endpoint.name, path, content_type, len(content)) from None
        if response.status_code >= 400:
            raise _refusal(endpoint, path, response, body, settings)
        # a list that is at its end is not asked for any more, and need not be there
        asked = [part for part in call.parts if _is_asked(part, response.request.url or "", call)]
        for part in asked:
            _check_shape(path, part, body, show)
        # RESTClient and the paginator each parse the body again otherwise
        response.json = partial(_same, body)  # type: ignore[method-assign]
        # parsed, it is not needed as text, and is as large as the rows
        response._content = b""

    return check


def _host(location: str, show: Callable[[Any, int], str]) -> str:
    """Return the host of an address, without a user and a password; nothing where it has none."""
    try:
        urlsplit(location)
    except ValueError:
        return ""
    # a token may hold what ends a host
    match = _HOST.match(show(location, MAX_QUOTE))
    return match[1].rpartition("@")[2] if match else ""


def _media_type(content_type: str) -> str:
    """Return the type alone, without parameters; of a header that holds none, only that it is odd."""
    media_type = content_type.partition(";")[0].strip()
    return media_type if not content_type or _MEDIA_TYPE.fullmatch(media_type) else "an odd content type"


def _same(body: Any, **_: Any) -> Any:
    return body


def _refusal(endpoint: Endpoint, path: str, response: Response, body: Any, settings: Settings) -> Exception:
    status = response.status_code
    said = _message(body, partial(foreign_text, secret=settings.token))
    if status == 401:
        return TokenError(endpoint.name, path, said)
    if status == 403:
        return (FeatureError if _is_gate(endpoint, said) else ForbiddenError)(endpoint, path, said)
    if status == 404:
        return NotFoundError(endpoint.name, path, settings.layout, said)
    if status < 500 and status not in (408, 429):
        return InvalidRequestError(endpoint.name, path, status, said)
    delay = told_delay(response, body)
    if status == 429:
        return RateLimitedError(endpoint.name, path, said, delay)
    failure = ServerError(endpoint.name, path, status, said)
    failure.delay = delay
    return failure


def _is_gate(endpoint: Endpoint, said: str) -> bool:
    # Segment states no status for a missing feature, and answers 403 to a missing permission too: its words decide
    if endpoint.feature is None:
        return False
    return bool(_PLAN.search(said)) or not _PERMISSION.search(said)


def _message(body: Any, show: Callable[[Any, int], str]) -> str:
    """The messages of the error envelope, `{"errors": [{"type", "message"?, "field"?}]}`, on one line."""
    errors = body.get("errors") if isinstance(body, dict) else None
    said = []
    # no more than are shown
    for error in errors[:MAX_QUOTE] if isinstance(errors, list) else ():
        if isinstance(error, dict):
            field = f" (field {show(error['field'], MAX_NAME)})" if error.get("field") else ""
            said.append(f"{show(error.get('message') or error.get('type') or 'no reason', MAX_QUOTE)}{field}")
    return show("; ".join(said), MAX_QUOTE)


def _is_asked(part: Part, url: str, call: Call) -> bool:
    return len(call.parts) == 1 or part.count_parameter in parse_qs(urlsplit(url).query)


def _check_shape(path: str, part: Part, body: Any, show: Callable[[Any, int], str]) -> None:
    endpoint = part.endpoint
    value = body
    for depth, key in enumerate(part.selector):
        place = ".".join(part.selector[:depth]) or "the body"
        if not isinstance(value, dict):
            raise ShapeError(endpoint.name, path, part.selector, f"{place} is {_kind(value)}")
        if key not in value:
            found = ", ".join(show(each, MAX_NAME) for each in sorted(value)[:MAX_NAMES]) or "none"
            raise ShapeError(endpoint.name, path, part.selector, f"{place} has no key {key!r}; its keys are: {found}")
        value = value[key]
    records = [value] if endpoint.single else value
    if not isinstance(records, list):
        raise ShapeError(endpoint.name, path, part.selector, f"it is {_kind(value)} and not a list")
    if endpoint.wrapped:
        if None in records:
            raise ShapeError(endpoint.name, path, part.selector, "a record is null")
        return
    for record in records:
        if not isinstance(record, dict):
            raise ShapeError(endpoint.name, path, part.selector, f"a record is {_kind(record)} and not an object")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
