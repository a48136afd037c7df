"""Parses the objects of control requests."""

from collections.abc import Iterable, Mapping
from typing import Any

from segment_dagster.emulator.clock import parse_time

_TIMES = ("at", "start", "end")


def parse_fields(
    what: str, given: object, required: Iterable[str], types: Mapping[str, tuple[type, ...]]
) -> dict[str, Any]:
    """Return the fields of an object after checking them. Times are parsed: `at`, `start` and `end`, in ISO 8601.

    Args:
        what: What the object is, for messages.
        given: The decoded JSON.
        required: Names of the required fields.
        types: The types of each field.

    Raises:
        ValueError: It is invalid. The message says why.
    """
    if not isinstance(given, dict):
        raise ValueError(f"{what} is an object with {', '.join(required)}")
    if missing := [name for name in required if name not in given]:
        raise ValueError(f"{what} needs {', '.join(missing)}")
    held: dict[str, Any] = dict(given)
    for name, value in list(held.items()):
        if name not in types:
            raise ValueError(f"unknown {name!r} in {what}; there are {', '.join(types)}")
        if not isinstance(value, types[name]) or isinstance(value, bool):
            raise ValueError(f"{name} of {what} is not of the right type")
        if name in _TIMES and value is not None:
            if (moment := parse_time(given[name])) is None:
                raise ValueError(f"{name} of {what} is not a time in ISO 8601: {value!r}")
            held[name] = moment
    return held
