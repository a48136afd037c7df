"""The lists of an endpoint: their parameters and parent records."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from segment_dagster.emulator.world.factories import Record
from segment_dagster.endpoints import Endpoint

Key = tuple[str, ...]
"""The parameter values of a list, in the order of the endpoint's declaration."""


class ListParams(NamedTuple):
    """One list of an endpoint."""

    values: dict[str, str]
    """Its parameters by name."""

    parent: Record
    """Its first parent record; empty for an endpoint without a parent."""


def list_key(row: Endpoint, values: Mapping[str, str]) -> Key:
    """Return the key of a list.

    Raises:
        KeyError: A value is missing.
    """
    names = [bind.parameter for bind in row.parent.binds] if row.parent else []
    names += [parameter.name for parameter in row.parameters if parameter.fan_out]
    return tuple(values[name] for name in names)


def build_lists(row: Endpoint, records: Callable[[str], list[Any]]) -> dict[Key, ListParams]:
    """Return all lists of an endpoint, in the order of their parents.

    Args:
        row: The endpoint.
        records: Returns all records of an endpoint that comes earlier in the catalogue.
    """
    apart = [parameter for parameter in row.parameters if parameter.fan_out]
    names = [parameter.name for parameter in apart]
    lists: dict[Key, ListParams] = {}
    for bound, parent in _bound(row, records):
        for chosen in product(*(parameter.values for parameter in apart)):
            values = bound | dict(zip(names, chosen, strict=True))
            lists.setdefault(list_key(row, values), ListParams(values, parent))
    return lists


def with_parameter_columns(row: Endpoint, values: Mapping[str, str], records: list[Any]) -> list[Record]:
    """Add the columns that a parameter fills. Bare values become records."""
    given = {
        column.field: values[column.parameter]
        for column in row.columns
        if column.parameter is not None and column.parameter in values
    }
    if row.wrapped:
        records = [{row.wrapped: value} for value in records]
    return [given | record for record in records] if given else records


def _bound(row: Endpoint, records: Callable[[str], list[Any]]) -> Iterator[tuple[dict[str, str], Record]]:
    if row.parent is None:
        yield {}, {}
        return
    for record in records(row.parent.endpoint):
        if row.parent.only and record.get(row.parent.only[0]) not in row.parent.only[1]:
            continue
        bound = {bind.parameter: record.get(bind.field) for bind in row.parent.binds}
        if None not in bound.values():
            yield {name: str(value) for name, value in bound.items()}, record
