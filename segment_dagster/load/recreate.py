"""Recreate tables and columns that were dropped outside dlt."""

from collections.abc import Iterable, Sequence

import dlt
from dlt.common.destination.client import JobClientBase
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.job_client_impl import SqlJobClientBase

from segment_dagster.extract.result import Extract
from segment_dagster.extract.versions import history_table
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import load_error


def recreate_missing(
    pipeline: dlt.Pipeline, client: JobClientBase, destination: Destination, extracts: Sequence[Extract]
) -> None:
    """Recreate tables and columns that were dropped outside dlt. dlt assumes that they still exist.

    Args:
        pipeline: The pipeline, with the schema of the destination.
        client: dlt's open client of the destination.
        destination: The destination.
        extracts: The extracts to load. Other tables are left alone: one that cannot be recreated would fail these as
            well. Without extracts, all tables are checked.
    """
    # files that are missing are written again anyway
    if pipeline.default_schema_name is None or not isinstance(client, SqlJobClientBase):
        return
    schema = pipeline.default_schema
    names = {name for each in extracts for name in (each.endpoint.name, history_table(each.endpoint.name))}
    checked = [name for name in schema.tables if not names or name in names or name in schema.dlt_table_names()]
    existing = list(client.get_storage_tables(checked))
    missing = [name for name, columns in existing if not schema.get_table_columns(name).keys() <= columns.keys()]
    if missing:
        client.update_stored_schema(missing, force=True)
    if destination.capabilities.digest:
        _check_readable([name for name, columns in existing if columns and name in names], client, destination)


def _check_readable(names: Iterable[str], client: SqlJobClientBase, destination: Destination) -> None:
    """Refuse a table that this user may not read: it could be loaded, but not checked."""
    for name in names:
        table = client.sql_client.make_qualified_table_name(name)
        try:
            client.sql_client.execute_sql(f"SELECT 1 FROM {table} LIMIT 0")  # noqa: S608 - an escaped name
        except DatabaseTerminalException as failure:
            error = load_error(failure, "read", destination)
            error.table = name
            raise error from failure
