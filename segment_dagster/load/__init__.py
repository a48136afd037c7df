"""Load extracts into a destination with dlt. Nothing here imports Dagster."""

from segment_dagster.load.destination import Destination, resolve_destination
from segment_dagster.load.errors import LoadError
from segment_dagster.load.inspector import NO_TABLES, DatasetInspector, Rows, inspect_dataset
from segment_dagster.load.isolation import load_isolated
from segment_dagster.load.load_state import TableState, is_current, record_load, table_states, unchanged
from segment_dagster.load.lock import destination_lock
from segment_dagster.load.owner import ForeignDatasetError, check_owner
from segment_dagster.load.pipeline import jsonl_of, load, load_extracts, load_table, locked_pipeline, source_for
from segment_dagster.load.preflight import Preflight, preflight
from segment_dagster.load.result import LoadPackage, LoadResult
from segment_dagster.load.unsupported import UnsupportedError, split_supported

__all__ = [
    "NO_TABLES",
    "DatasetInspector",
    "Destination",
    "ForeignDatasetError",
    "LoadError",
    "LoadPackage",
    "LoadResult",
    "Preflight",
    "Rows",
    "TableState",
    "UnsupportedError",
    "check_owner",
    "destination_lock",
    "inspect_dataset",
    "is_current",
    "jsonl_of",
    "load",
    "load_extracts",
    "load_isolated",
    "load_table",
    "locked_pipeline",
    "preflight",
    "record_load",
    "resolve_destination",
    "source_for",
    "split_supported",
    "table_states",
    "unchanged",
]
