"""The length of a list, as a response gives it."""

import re
from decimal import Decimal
from typing import Any

from segment_dagster.client.errors import CountError
from segment_dagster.client.layout import ListRequest, get_path

_NUMBER = re.compile(r"\+?[0-9]{1,18}(\.0*)?([eE]\+?[0-9]{1,2})?")
_MAX_DIGITS = 18


def total_entries(body: Any, request: ListRequest, path: str) -> int | None:
    """Return how many records the whole list holds, where the response says so, in any form of a number.

    Args:
        body: The parsed body.
        request: The list.
        path: The path of the request, for the error.

    Raises:
        CountError: The value is no count.
    """
    # what is one record here may be a list to the API, which counts its elements
    places = () if request.endpoint.single else request.total
    value = next((value for place in places if (value := get_path(body, place)) is not None), None)
    if value is None:
        return None
    count = count_of(value)
    if count is None:
        raise CountError(request.endpoint.name, path, _kind(value))
    return count


def count_of(value: Any) -> int | None:
    """Return the count that a value is, in any form of a number, or `None` if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return value if 0 <= value < 10**_MAX_DIGITS else None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        number = Decimal(value.strip())
        if number.adjusted() < _MAX_DIGITS and number == number.to_integral_value():
            return int(number)
    return None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number that no count can be")
