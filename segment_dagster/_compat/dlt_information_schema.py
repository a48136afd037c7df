"""List the tables of a dataset, dlt's and others'.

Private to: dlt 1.31 (`SqlClientBase._get_information_schema_components`, `_qualify_info_schema_table_name`). dlt's
public `has_dataset` and `get_storage_tables` only answer for names that are known.

If it changes: a staging dataset that belongs to somebody else is not noticed, and dlt empties it.
"""

from typing import Any

from dlt.destinations.sql_client import SqlClientBase


def table_names(client: SqlClientBase[Any]) -> set[str]:
    """Return the names of the tables and views in a client's dataset."""
    catalog, schema, _ = client._get_information_schema_components()
    where, values = "table_schema = %s", [schema]
    if catalog:
        where, values = f"table_catalog = %s AND {where}", [catalog, schema]
    source = client._qualify_info_schema_table_name("TABLES")
    rows = client.execute_sql(f"SELECT table_name FROM {source} WHERE {where}", *values)  # noqa: S608 - dlt's own name
    return {str(row[0]) for row in rows or ()}
