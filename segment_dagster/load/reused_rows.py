"""Take rows from an endpoint's table, as they were read, in place of requesting them again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.disposition import parent_columns
from segment_dagster.extract.json_text import dumps, loads
from segment_dagster.extract.result import ParentKey
from segment_dagster.extract.rows import schema_of
from segment_dagster.extract.spool import Spool, SpooledFile
from segment_dagster.load.inspector import ROWS_PER_CHUNK, DatasetInspector


def write_rows(
    tables: DatasetInspector, endpoint: Endpoint, parents: Collection[ParentKey], directory: Path
) -> tuple[Sequence[SpooledFile], int]:
    """Write the rows of some parents to disk.

    Args:
        tables: The dataset.
        endpoint: The endpoint whose table has the rows.
        parents: The parents.
        directory: Where the files go; it must not exist yet.

    Returns:
        The files, with the declared columns and those of undeclared fields, and the number of rows.

    Raises:
        OSError: They cannot be written.
        ValueError: The table has a column that is none of ours, or a value is not as it was loaded.
    """
    schema, columns, rows = _schema(tables, endpoint), parent_columns(endpoint), 0
    types = {column_name(column.field): column.type for column in endpoint.columns}
    # what is not declared is JSON
    json = {name for name in schema.names if types.get(name, "json") == "json"}
    spool = Spool(directory, schema_of(endpoint))
    for chunk in _chunks(tables.rows(endpoint.name, schema.names)):
        kept = [
            {name: _as_read(value) if name in json else value for name, value in row.items()}
            for row in chunk
            if tuple(row[column] for column in columns) in parents
        ]
        table = pa.Table.from_pylist(kept, schema)
        # as when they were read: a column of an undeclared field is there only where a row has it
        others = schema.names[len(schema_of(endpoint)) :]
        spool.write(table.drop_columns([name for name in others if table.column(name).null_count == len(kept)]))
        rows += len(kept)
    return spool.close(), rows


def _schema(tables: DatasetInspector, endpoint: Endpoint) -> pa.Schema:
    """Return the declared columns, then the table's other ones, without dlt's own."""
    declared = schema_of(endpoint)
    others = sorted(
        name for name in tables.columns(endpoint.name) if name not in declared.names and not name.startswith("_dlt_")
    )
    # fields that are not declared are JSON, which some destinations take as text
    as_json = {"json", tables.lands_as("json")}
    if foreign := [name for name in others if tables.columns(endpoint.name)[name].get("data_type") not in as_json]:
        raise ValueError(f"the column {foreign[0]!r} is none that a load has made")
    return pa.schema([*declared, *(pa.field(name, pa.string()) for name in others)])


def _as_read(value: Any) -> str | None:
    """Return JSON as it was written when it was read: a destination may put the members in another order."""
    if value is None:
        return None
    return dumps(loads(value) if isinstance(value, str) else value).decode()


def _chunks(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == ROWS_PER_CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
