"""dlt's staging dataset, which it empties: it must be nobody else's."""

import re

import dlt
from dlt.destinations.job_client_impl import SqlJobClientBase, SqlJobClientWithStagingDataset

from segment_dagster._compat.dlt_information_schema import table_names
from segment_dagster.errors import SettingError
from segment_dagster.extract.resources import SOURCE_NAME

DEFAULT_LAYOUT = "%s_staging"
"""How dlt names the staging dataset of a dataset, where its own setting says nothing else."""

SHOWN = 3
"""Names of tables that the error shows."""


def layout_in_use(destination: str) -> str:
    """Return dlt's own setting of how the staging dataset is named."""
    for section in (f"destination.{destination}.", "destination.", ""):
        layout: object = dlt.config.get(f"{section}staging_dataset_name_layout")
        if isinstance(layout, str):
            return layout
    return DEFAULT_LAYOUT


def check_name(dataset: str, destination: str) -> None:
    """Refuse a dataset whose name is that of another one's staging dataset.

    Raises:
        SettingError: It is.
    """
    for layout in (DEFAULT_LAYOUT, layout_in_use(destination)):
        named = ".+".join(map(re.escape, layout.split("%s")))
        if re.fullmatch(named, dataset):
            problem = f"is {dataset!r}, and dlt empties datasets of such names ({layout}): it stages rows there"
            raise SettingError("SEGMENT_DATASET", problem, "Set it to another name.")


def check_staging(client: object, destination: str, dataset: str) -> None:
    """Refuse a staging dataset that is not dlt's own, before anything in it is emptied.

    dlt's own has the table of dlt's schema versions, with schemas that the dataset itself knows, and none of dlt's
    loads: that is in datasets that somebody looks at.

    Args:
        client: dlt's client of the destination, connected.
        destination: The destination.
        dataset: The dataset.

    Raises:
        SettingError: It is somebody else's.
    """
    if not isinstance(client, SqlJobClientWithStagingDataset):
        # files are not staged
        return
    known = _schemas(client) if client.is_storage_initialized() else set()
    with client.with_staging_dataset():
        if not client.is_storage_initialized():
            return
        staging = client.sql_client.dataset_name
        tables = table_names(client.sql_client)
        schema = client.schema
        foreign = (
            client.capabilities.casefold_identifier(schema.loads_table_name) in tables
            or client.capabilities.casefold_identifier(schema.version_table_name) not in tables
            or not _schemas(client) <= known | {SOURCE_NAME}
        )
    if tables and foreign:
        named = ", ".join(sorted(tables)[:SHOWN]) + (", ..." if len(tables) > SHOWN else "")
        problem = f"is {dataset!r}, and dlt would stage rows in {staging!r}, which holds tables of others ({named})"
        setting = f"DESTINATION__{destination.upper()}__STAGING_DATASET_NAME_LAYOUT"
        raise SettingError(
            "SEGMENT_DATASET", problem, f"Nothing was touched. Set it to another name, or {setting} to another layout."
        )


def _schemas(client: SqlJobClientBase) -> set[str]:
    """Return the names of dlt's schemas that the dataset knows."""
    table, sql = client.schema.version_table_name, client.sql_client
    ((_, columns),) = client.get_storage_tables([table])
    if not columns:
        return set()
    name = sql.escape_column_name(client.schema.naming.normalize_identifier("schema_name"))
    rows = sql.execute_sql(f"SELECT DISTINCT {name} FROM {sql.make_qualified_table_name(table)}")  # noqa: S608
    return {str(row[0]) for row in rows or ()}
