"""`python -m segment_dagster.marts.purge`: remove secrets that were loaded while `SEGMENT_INCLUDE_SECRETS` was on."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.json_text import loads
from segment_dagster.extract.versions import OF_HISTORY, ROW_VERSION, VALID_FROM, as_json, history_table
from segment_dagster.load import DatasetInspector, Destination, destination_lock, inspect_dataset, resolve_destination
from segment_dagster.marts.build import build
from segment_dagster.marts.changes import NAME as CHANGES
from segment_dagster.marts.redacted import history_redactor
from segment_dagster.text import pluralize


def main(arguments: Sequence[str] | None = None) -> int:
    """Remove secrets from the dataset, and print how many rows held one.

    Args:
        arguments: The command line; by default that of the process.

    Returns:
        The exit status: 1 if it failed.
    """
    argparse.ArgumentParser(
        "python -m segment_dagster.marts.purge",
        description="Take out the secrets that landed while SEGMENT_INCLUDE_SECRETS was on.",
    ).parse_args(arguments)
    try:
        for table, rows in purge(resolve_destination(DestinationSettings()), TABLES, ApiSettings()):
            print(f"{table}: {pluralize(rows, 'row')}", flush=True)
    except SegmentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def purge(destination: Destination, catalogue: Sequence[Endpoint], settings: ApiSettings) -> Iterator[tuple[str, int]]:
    """Redact secrets in the tables, their histories and `changes`, and empty dlt's staging tables.

    Args:
        destination: The dataset.
        catalogue: The endpoints whose tables are redacted if they exist.
        settings: How to redact, and the current time.

    Yields:
        The name of each table that held secrets, and the number of its rows that did.

    Raises:
        LoadError: The tables could not be read or written.
        SettingError: Secrets are still included, or the destination's rows cannot be changed.
    """
    if settings.include_secrets:
        raise SettingError(
            "SEGMENT_INCLUDE_SECRETS", "is true", "Turn it off first: the next load would bring the secrets back."
        )
    if not destination.capabilities.keeps_history:
        raise SettingError(
            "SEGMENT_DESTINATION",
            f"is {destination.type!r}, where no rows can be changed and no history is kept",
            "Load all tables once more: that replaces them.",
        )
    with destination_lock(destination):
        with inspect_dataset(destination) as tables:
            histories = {history_table(each.name): each for each in catalogue}
            tables.prefetch([*histories, *(each.name for each in catalogue), CHANGES])
            for endpoint in catalogue:
                key = [column_name(field) for field in endpoint.primary_key]
                for table, columns in ((endpoint.name, key), (history_table(endpoint.name), [ROW_VERSION, VALID_FROM])):
                    if rows := _redact(tables, endpoint, table, columns, settings):
                        yield table, rows
            has_changes = bool(tables.columns(CHANGES))
            if tables.has_dlt_tables():
                tables.empty_staging([*histories, *(each.name for each in catalogue), CHANGES])
        if has_changes:
            build(destination, catalogue, settings)


def _redact(tables: DatasetInspector, endpoint: Endpoint, table: str, key: Sequence[str], settings: ApiSettings) -> int:
    """Redact secrets in a table.

    Returns:
        The number of rows that held secrets.
    """
    columns = [column for column in tables.columns(table) if not column.startswith("_dlt_")]
    if not set(key) <= set(columns):
        return 0
    redact = history_redactor(endpoint, settings)
    not_json = {column_name(column.field) for column in endpoint.columns if column.type != "json"}
    json_columns = {column for column in columns if column not in not_json and column not in OF_HISTORY}
    updates: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    for row in tables.rows(table, columns):
        values = {name: _parsed(value) if name in json_columns else value for name, value in row.items()}
        clean = redact(values)
        if new := {name: value for name, value in clean.items() if value != values[name]}:
            written = {name: as_json(value).decode() if name in json_columns else value for name, value in new.items()}
            updates.append(({name: row[name] for name in key}, written))
    if updates:
        tables.rewrite(table, updates)
    return len(updates)


def _parsed(value: Any) -> Any:
    """Return the parsed value of a JSON column; some drivers return text."""
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except ValueError:
        return value


if __name__ == "__main__":
    sys.exit(main())
