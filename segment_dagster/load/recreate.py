"""Tables and columns that were dropped outside dlt."""

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
    """Recreate tables and columns that were dropped outside dlt, which takes what it made once to be there.

    Args:
        pipeline: The pipeline, with the schema that the destination has.
        client: dlt's client of the destination, open.
        destination: The destination.
        extracts: What is going to be loaded. Tables of others are left alone: one that cannot be mended would fail
            these as well. Where there are none, all tables are looked at.
    """
    # files that are gone are written again in any case
    if pipeline.default_schema_name is None or not isinstance(client, SqlJobClientBase):
        return
    schema = pipeline.default_schema
    names = {name for each in extracts for name in (each.endpoint.name, history_table(each.endpoint.name))}
    wanted = [name for name in schema.tables if not names or name in names or name in schema.dlt_table_names()]
    there = list(client.get_storage_tables(wanted))
    missing = [name for name, columns in there if not schema.get_table_columns(name).keys() <= columns.keys()]
    if missing:
        client.update_stored_schema(missing, force=True)
    if destination.capabilities.digest:
        _check_readable([name for name, columns in there if columns and name in names], client, destination)


def _check_readable(names: Iterable[str], client: SqlJobClientBase, destination: Destination) -> None:
    """Refuse a table that nobody lets this user read: it could be loaded, and not be checked."""
    for name in names:
        table = client.sql_client.make_qualified_table_name(name)
        try:
            client.sql_client.execute_sql(f"SELECT 1 FROM {table} LIMIT 0")  # noqa: S608 - an escaped name
        except DatabaseTerminalException as failure:
            error = load_error(failure, "read", destination)
            error.table = name
            raise error from failure
