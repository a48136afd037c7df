"""Read the error envelope, `{"errors": [{"type", "message"?, "field"?, "data"?, "status"?}]}`, whatever its shape."""

import re
from collections.abc import Callable
from typing import Any

from segment_dagster.client.errors import MAX_QUOTE

MAX_NAME = 40
"""Characters of a field's name that an error shows."""

_WORD_BREAK = re.compile(r"[-_.\s]+|(?<=[a-z0-9])(?=[A-Z])")


def errors_in(body: Any) -> list[dict[str, Any]]:
    """Return the errors that a parsed body holds, no more of them than a message could show."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors[:MAX_QUOTE] if isinstance(error, dict)] if isinstance(errors, list) else []


def message_of(errors: list[dict[str, Any]], show: Callable[[Any, int], str]) -> str:
    """Return the messages of the errors on one line.

    Args:
        errors: The errors.
        show: Makes a text of the API fit for a message.
    """
    texts = []
    for error in errors:
        field = f" (field {show(error['field'], MAX_NAME)})" if error.get("field") else ""
        texts.append(f"{show(error.get('message') or error.get('type') or 'no reason', MAX_QUOTE)}{field}")
    return show("; ".join(texts), MAX_QUOTE)


def codes_of(errors: list[dict[str, Any]]) -> str:
    """Return what the errors say in fields for programs: their types and the names in their data, as plain words.

    `{"type": "feature-not-enabled", "data": {"requiredPlan": 1}}` becomes `feature not enabled required plan`.
    """
    codes: list[str] = []
    for error in errors:
        data = error.get("data")
        names = [error.get("type"), *(list(data)[:MAX_NAME] if isinstance(data, dict) else ())]
        codes += [name[:MAX_QUOTE] for name in names if isinstance(name, str)]
    return " ".join(_WORD_BREAK.sub(" ", code) for code in codes).lower()


def milliseconds_before_next(body: Any) -> float | None:
    """Return the first `data.msBeforeNext` of the errors in a body: milliseconds to wait after a 429."""
    for error in errors_in(body):
        data = error.get("data")
        value = data.get("msBeforeNext") if isinstance(data, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return float(value)
    return None
