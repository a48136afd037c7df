"""From the API's records to the records of a table's rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.errors import GrainError

Record = dict[str, Any]


def records_of_rows(endpoint: Endpoint, records: Sequence[Record], params: Mapping[str, str]) -> list[Record]:
    """Return one record per row: explode lists, fill in what only the request knows.

    Args:
        endpoint: Says what a row is.
        records: One page, as the API gave it. They stay as they are.
        params: The parameters of the list.

    Raises:
        GrainError: A record that is to be exploded has no list.
    """
    rows = [row for record in records for row in _exploded(endpoint, record)] if endpoint.exploded else list(records)
    from_request = {
        column.field: params[column.parameter]
        for column in endpoint.columns
        if column.parameter and column.parameter in params
    }
    source_path = [(column.field, column.source_path) for column in endpoint.columns if column.source_path]
    if not from_request and not source_path:
        return rows
    return [_filled(row, from_request, source_path) for row in rows]


def _exploded(endpoint: Endpoint, record: Record) -> list[Record]:
    exploded = endpoint.exploded
    assert exploded is not None
    elements = record.get(exploded.field)
    if not isinstance(elements, list):
        raise GrainError(endpoint, exploded.field)
    dropped = {exploded.field, *exploded.without}
    shared = {field: value for field, value in record.items() if field not in dropped}
    if exploded.element:
        return [{**shared, exploded.element: element} for element in elements]
    if any(not isinstance(element, dict) for element in elements):
        raise GrainError(endpoint, exploded.field)
    return [{**shared, **element} for element in elements]


def _filled(row: Record, from_request: Mapping[str, str], source_path: Sequence[tuple[str, tuple[str, ...]]]) -> Record:
    filled = dict(row)
    for field, value in from_request.items():
        if filled.get(field) is None:
            filled[field] = value
    for field, (*keys, last) in source_path:
        holder: Any = row
        for key in keys:
            holder = holder.get(key) if isinstance(holder, dict) else None
        filled[field] = holder.get(last) if isinstance(holder, dict) else None
    return filled
