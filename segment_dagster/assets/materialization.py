"""Metadata of a materialization."""

from collections.abc import Mapping
from typing import Any

from segment_dagster.assets.metadata import (
    FROM,
    HISTORY_CURRENT,
    HISTORY_VERSIONS,
    LISTS_CHANGED,
    OLDEST_READ,
    PARENT_DOUBTFUL,
    PARENT_INCOMPLETE,
    PARENTS,
    PARENTS_DUE,
    PARENTS_GONE,
    PARENTS_LEFT,
    PARENTS_READ,
    PARENTS_UNCHANGED,
    RECORDS_DELIVERED,
    REPEATED,
    ROWS,
    ROWS_DELIVERED,
    ROWS_IN_WINDOW,
    ROWS_REUSED,
    ROWS_UNCHANGED,
    STILL_LISTED,
    STILL_LISTED_NAMES,
    TOTAL_ENTRIES,
    UNTIL,
)
from segment_dagster.assets.preview import PREVIEW, shown_rows
from segment_dagster.assets.specs import column_schema
from segment_dagster.config import Preview
from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import columns_of
from segment_dagster.extract.result import Coverage, Extract
from segment_dagster.extract.versions import VALID_TO, history_table
from segment_dagster.load import DatasetInspector
from segment_dagster.load.verify import in_window


def materialization_metadata(
    extract: Extract, tables: DatasetInspector, dlt_metadata: Mapping[str, Any] | None, shown: Preview
) -> dict[str, Any]:
    """Return the metadata of a materialization: first the rows, then requests and seconds, then dlt's own."""
    endpoint = extract.endpoint
    fields = [column.field for column in endpoint.columns]
    undeclared = tuple(name for name in tables.columns(endpoint.name) if name not in columns_of(endpoint))
    metadata = {
        PREVIEW: shown_rows(extract.preview, fields, endpoint.personal, shown),
        ROWS: tables.count(endpoint.name),
        "dagster/table_name": tables.qualified_name(endpoint.name),
        "dagster/column_schema": column_schema(endpoint, undeclared),
        ROWS_DELIVERED: extract.rows,
        ROWS_UNCHANGED: None if extract.fingerprint is None else dlt_metadata is None,
        RECORDS_DELIVERED: extract.records,
        TOTAL_ENTRIES: extract.total_entries,
        FROM: extract.window and extract.window.start.isoformat(),
        UNTIL: extract.window and extract.window.end and extract.window.end.isoformat(),
        ROWS_IN_WINDOW: extract.window and tables.count(endpoint.name, in_window(endpoint, extract.window)),
        "segment/characters_replaced": extract.replaced or None,
        "segment/lists": extract.lists,
        "segment/lists_not_found": extract.not_found,
        STILL_LISTED: extract.still_listed,
        STILL_LISTED_NAMES: list(extract.still_listed_names) or None,
        LISTS_CHANGED: extract.unstable,
        PARENT_INCOMPLETE: extract.parent_incomplete,
        PARENT_DOUBTFUL: extract.parent_doubtful,
        REPEATED: extract.repeated or None,
        **coverage_metadata(extract.coverage),
        PARENTS_UNCHANGED: extract.reused and extract.reused.parents,
        ROWS_REUSED: extract.reused and extract.reused.rows,
        "segment/requests": extract.requests,
        "segment/duration_seconds": round(extract.seconds, 3),
        "segment/waited_seconds": round(extract.waited, 3),
        **{name: value for name, value in (dlt_metadata or {}).items() if not name.startswith("dagster/")},
    }
    # dlt's list of load files is long, and the files no longer exist
    metadata.pop("jobs", None)
    return {name: value for name, value in metadata.items() if value is not None}


def coverage_metadata(coverage: Coverage | None) -> dict[str, int | str | None]:
    """Return how far a table has come that is read in slices of parents; empty for others."""
    if coverage is None:
        return {}
    return {
        PARENTS: coverage.parents,
        PARENTS_DUE: coverage.due,
        PARENTS_READ: coverage.read,
        PARENTS_LEFT: coverage.left,
        PARENTS_GONE: coverage.gone,
        OLDEST_READ: coverage.oldest.isoformat() if coverage.oldest else None,
    }


def history_metadata(endpoint: Endpoint, tables: DatasetInspector) -> dict[str, int]:
    """Return the number of all and of current versions in an endpoint's history; empty if it has no history."""
    if not endpoint.keeps_history:
        return {}
    table = history_table(endpoint.name)
    return {HISTORY_VERSIONS: tables.count(table), HISTORY_CURRENT: tables.count(table, f"{VALID_TO} IS NULL")}
