"""Lists that answered 404: whether what they were asked for is still there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow.parquet as pq

from segment_dagster.endpoints import Endpoint, Parent
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.times import StreamSlice
from segment_dagster.foreign_text import foreign_text

NAMES_SHOWN = 3
"""Lists that a message names."""

MAX_NAME = 60
"""Characters of a value that a message shows."""

Values = tuple[str, ...]


def values_of(rows: Iterable[Mapping[str, Any]], parent: Parent, named: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return what each of a parent's rows gives to the requests.

    Args:
        rows: The rows.
        parent: Says which of them count, and what they give.
        named: Makes a row's name of a field from the API's.
    """
    only, allowed = (named(parent.only[0]), parent.only[1]) if parent.only else (None, ())
    fields = {bind.parameter: named(bind.field) for bind in parent.binds}
    return [
        {parameter: row.get(field) for parameter, field in fields.items()}
        for row in rows
        if only is None or row.get(only) in allowed
    ]


def parent_values(stream_slice: StreamSlice, parent: Parent) -> Values:
    """Return the values of a list that come from the parent's record."""
    return tuple(stream_slice.values[bind.parameter] for bind in parent.binds)


def lists_to_look_up(
    source: Endpoint,
    parts: Sequence[SpooledFile],
    parent: Parent,
    lists: Sequence[StreamSlice],
    missing: Sequence[StreamSlice],
) -> list[StreamSlice]:
    """Return the lists of a parent that held the records of lists which answered 404.

    Args:
        source: The parent.
        parts: Its rows.
        parent: What they give to the requests.
        lists: All of its lists.
        missing: The lists that answered 404.
    """
    asked_with = [*source.asked_with]
    columns = {
        parameter: next(
            (each.field for each in source.columns if parameter in (each.parameter, each.field)),
            None,
        )
        for parameter in asked_with
    }
    if not asked_with or None in columns.values():
        return list(lists)
    wanted = {parent_values(stream_slice, parent) for stream_slice in missing}
    names = [column_name(str(columns[parameter])) for parameter in asked_with]
    given = [column_name(bind.field) for bind in parent.binds]
    rows = chain.from_iterable(pq.read_table(part.path, columns=[*{*names, *given}]).to_pylist() for part in parts)
    held = {
        tuple(str(row[name]) for name in names) for row in rows if tuple(str(row[name]) for name in given) in wanted
    }
    return [
        stream_slice
        for stream_slice in lists
        if tuple(stream_slice.values[parameter] for parameter in asked_with) in held
    ]


def names_of(lists: Sequence[StreamSlice]) -> Iterator[str]:
    """Name the first few lists by what they were asked with, each in one line: `sourceId=qQEHquLrjRDN9j1ByrChyn`."""
    for stream_slice in lists[:NAMES_SHOWN]:
        yield ", ".join(f"{name}={foreign_text(value, MAX_NAME)}" for name, value in stream_slice.values.items())
