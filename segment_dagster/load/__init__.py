"""Where the rows go and how they get there. It knows dlt and no Dagster."""

from segment_dagster.load.apart import load_apart
from segment_dagster.load.cursor import windows_since
from segment_dagster.load.errors import LoadError
from segment_dagster.load.lock import PIPELINE_NAME, alone
from segment_dagster.load.memory import Content, contents_of, holds, remember, unchanged
from segment_dagster.load.owner import ForeignDatasetError, check_owner
from segment_dagster.load.place import DATASET, Place, settle
from segment_dagster.load.refused import RefusedError, taken_by
from segment_dagster.load.runs import Loaded, exclusive, load, load_deliveries, point_to, source_for
from segment_dagster.load.tables import NO_TABLES, Rows, Tables, await_ready, open_tables

__all__ = [
    "DATASET",
    "NO_TABLES",
    "PIPELINE_NAME",
    "Content",
    "ForeignDatasetError",
    "LoadError",
    "Loaded",
    "Place",
    "RefusedError",
    "Rows",
    "Tables",
    "alone",
    "await_ready",
    "check_owner",
    "contents_of",
    "exclusive",
    "holds",
    "load",
    "load_apart",
    "load_deliveries",
    "open_tables",
    "point_to",
    "remember",
    "settle",
    "source_for",
    "taken_by",
    "unchanged",
    "windows_since",
]
