"""Check that dlt's staging dataset belongs to nobody else: dlt empties it."""

import re

from dlt.destinations.job_client_impl import SqlJobClientBase, SqlJobClientWithStagingDataset

from segment_dagster._compat.dlt_information_schema import table_names
from segment_dagster.errors import SettingError
from segment_dagster.extract.resources import SOURCE_NAME
from segment_dagster.load.dlt_settings import DEFAULT_LAYOUT

SHOWN = 3
"""Most table names that the error shows."""


def check_name(dataset: str, staging_layout: str) -> None:
    """Refuse a dataset that has the name of another dataset's staging dataset.

    Args:
        dataset: The dataset.
        staging_layout: dlt's layout of the names of staging datasets.

    Raises:
        SettingError: The name matches the layout of staging datasets.
    """
    for layout in (DEFAULT_LAYOUT, staging_layout):
        named = ".+".join(map(re.escape, layout.split("%s")))
        if re.fullmatch(named, dataset):
            problem = f"is {dataset!r}, and dlt empties datasets of such names ({layout}): it stages rows there"
            raise SettingError("SEGMENT_DATASET", problem, "Set it to another name.")


def check_staging(client: object, destination: str, dataset: str) -> None:
    """Refuse a staging dataset that dlt did not create, before dlt empties it.

    A staging dataset of dlt has the table of schema versions, with schemas that the dataset also has. It has no table
    of loads: only datasets that hold final tables have one.

    Args:
        client: dlt's connected client of the destination.
        destination: dlt's name of the destination.
        dataset: The dataset.

    Raises:
        SettingError: The staging dataset belongs to somebody else.
    """
    if not isinstance(client, SqlJobClientWithStagingDataset):
        # files are not staged
        return
    own_schemas = _schema_names(client) if client.is_storage_initialized() else set()
    with client.with_staging_dataset():
        if not client.is_storage_initialized():
            return
        staging = client.sql_client.dataset_name
        tables = table_names(client.sql_client)
        schema = client.schema
        foreign = (
            client.capabilities.casefold_identifier(schema.loads_table_name) in tables
            or client.capabilities.casefold_identifier(schema.version_table_name) not in tables
            or not _schema_names(client) <= own_schemas | {SOURCE_NAME}
        )
    if tables and foreign:
        named = ", ".join(sorted(tables)[:SHOWN]) + (", ..." if len(tables) > SHOWN else "")
        problem = f"is {dataset!r}, and dlt would stage rows in {staging!r}, which holds tables of others ({named})"
        setting = f"DESTINATION__{destination.upper()}__STAGING_DATASET_NAME_LAYOUT"
        raise SettingError(
            "SEGMENT_DATASET", problem, f"Nothing was touched. Set it to another name, or {setting} to another layout."
        )


def _schema_names(client: SqlJobClientBase) -> set[str]:
    """Return the names of dlt's schemas in the dataset."""
    table, sql = client.schema.version_table_name, client.sql_client
    ((_, columns),) = client.get_storage_tables([table])
    if not columns:
        return set()
    name = sql.escape_column_name(client.schema.naming.normalize_identifier("schema_name"))
    rows = sql.execute_sql(f"SELECT DISTINCT {name} FROM {sql.make_qualified_table_name(table)}")  # noqa: S608
    return {str(row[0]) for row in rows or ()}
