"""What an answer says of its list's length."""

import re
from decimal import Decimal
from typing import Any

from segment_dagster.client.errors import CountError
from segment_dagster.client.layout import Part, at

_NUMBER = re.compile(r"\+?[0-9]{1,18}(\.0*)?([eE]\+?[0-9]{1,2})?")
_MAX_DIGITS = 18


def total_entries(body: Any, part: Part, path: str) -> int | None:
    """Return how many records the whole list holds, where the answer says so: as any form of a number.

    Args:
        body: The parsed body.
        part: The list.
        path: The path that was asked for, for the error.

    Raises:
        CountError: It says something that is no count.
    """
    # what is one record here may be a list to the API, which counts its elements
    places = () if part.endpoint.single else part.total
    told = next((told for place in places if (told := at(body, place)) is not None), None)
    if told is None:
        return None
    count = count_of(told)
    if count is None:
        raise CountError(part.endpoint.name, path, _kind(told))
    return count


def count_of(told: Any) -> int | None:
    """Return the count that a value is, in any form of a number, or `None` if it is none."""
    if isinstance(told, bool):
        return None
    if isinstance(told, float) and told.is_integer():
        told = int(told)
    if isinstance(told, int):
        return told if 0 <= told < 10**_MAX_DIGITS else None
    if isinstance(told, str) and _NUMBER.fullmatch(told.strip()):
        number = Decimal(told.strip())
        if number.adjusted() < _MAX_DIGITS and number == number.to_integral_value():
            return int(number)
    return None


def _kind(told: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(told), "a number that no count can be")
