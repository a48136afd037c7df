"""Parses query parameters and selects the list that they name."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from segment_dagster.emulator.endpoint_rules import FILTERS, REQUIRED
from segment_dagster.emulator.errors import invalid_parameter
from segment_dagster.endpoints import Endpoint

Query = Mapping[str, tuple[str, ...]]
"""Query parameters, each with all its values."""


def read_query(items: Iterable[tuple[str, str]]) -> Query:
    """Normalize the spellings of query parameters.

    `groupBy=a&groupBy=b`, `groupBy.0=a&groupBy.1=b`, `groupBy[]=a&groupBy[]=b` and `groupBy=["a","b"]` are the same,
    and so are `filter.eventName=a`, `filter[eventName]=a` and `filter={"eventName":["a"]}`.

    Args:
        items: Names and values as sent, percent-decoded.

    Returns:
        The values by dotted name.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, text in items:
        for key, value in _flat(_dotted(name), _parsed(text)):
            found[key] = (*found.get(key, ()), value)
    return found


def list_values(row: Endpoint, ids: Mapping[str, str], query: Query) -> dict[str, str]:
    """Return the parameters that select the requested list.

    Args:
        row: The endpoint.
        ids: The path values by placeholder.
        query: The query parameters.

    Returns:
        The list's values by parameter name.

    Raises:
        ApiError: A parameter is missing or has an unknown value: status 422.
    """
    binds = row.parent.binds if row.parent else ()
    values = {
        bind.parameter: ids[bind.parameter] if bind.parameter in ids else required(query, bind.parameter)
        for bind in binds
    }
    for parameter in row.parameters:
        if parameter.fan_out:
            given = _first(query, parameter.name)
            if given is None and parameter.name not in REQUIRED.get(row.name, ()):
                given = parameter.values[0]
            if given not in parameter.values:
                known = ", ".join(parameter.values)
                raise invalid_parameter(parameter.name, f"{parameter.name} must be one of {known}")
            values[parameter.name] = given
    return values


def apply_filters(row: Endpoint, query: Query, records: list[Any]) -> list[Any]:
    """Keep the records that match the filters of the query."""
    for name, field in FILTERS.get(row.name, {}).items():
        if wanted := query.get(name):
            records = [record for record in records if record[field] in wanted]
    return records


def required(query: Query, name: str) -> str:
    """Return the value of a required parameter.

    Raises:
        ApiError: It is missing: status 422.
    """
    if value := _first(query, name):
        return value
    raise invalid_parameter(name, f"{name} is required")


def optional(row: Endpoint, query: Query, name: str) -> str | None:
    """Return the value of a parameter, or `None` if it is missing.

    Raises:
        ApiError: It is missing and Segment requires it for this endpoint: status 422.
    """
    return required(query, name) if name in REQUIRED.get(row.name, ()) else _first(query, name)


def _first(query: Query, name: str) -> str | None:
    return next(iter(query.get(name, ())), None)


def _dotted(name: str) -> str:
    return re.sub(r"(\.\d+)+$|\.$", "", re.sub(r"\[(\w*)\]", r".\1", name))


def _parsed(text: str) -> object:
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _flat(f"{name}.{key}", held)
    elif isinstance(value, list):
        for held in value:
            yield from _flat(name, held)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)
