"""Where the rows go and how they get there. It knows dlt and no Dagster."""

from segment_dagster.pipeline.cursor import windows_since
from segment_dagster.pipeline.errors import LoadError
from segment_dagster.pipeline.lock import PIPELINE_NAME, alone
from segment_dagster.pipeline.memory import Content, contents_of, holds, remember, unchanged
from segment_dagster.pipeline.place import DATASET, Place, settle
from segment_dagster.pipeline.refused import RefusedError, refused
from segment_dagster.pipeline.runs import Loaded, exclusive, load, load_deliveries, point_to, source_for
from segment_dagster.pipeline.tables import NO_TABLES, Rows, Tables, await_ready, open_tables

__all__ = [
    "DATASET",
    "NO_TABLES",
    "PIPELINE_NAME",
    "Content",
    "LoadError",
    "Loaded",
    "Place",
    "RefusedError",
    "Rows",
    "Tables",
    "alone",
    "await_ready",
    "contents_of",
    "exclusive",
    "holds",
    "load",
    "load_deliveries",
    "open_tables",
    "point_to",
    "refused",
    "remember",
    "settle",
    "source_for",
    "unchanged",
    "windows_since",
]
