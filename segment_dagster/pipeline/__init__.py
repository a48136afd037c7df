"""Where the rows go and how they get there. It knows dlt and no Dagster."""

from segment_dagster.pipeline.cursor import windows_since
from segment_dagster.pipeline.errors import LoadError
from segment_dagster.pipeline.lock import PIPELINE_NAME
from segment_dagster.pipeline.place import DATASET, Place, settle
from segment_dagster.pipeline.runs import exclusive, load
from segment_dagster.pipeline.tables import NO_TABLES, Rows, Tables, open_tables

__all__ = [
    "DATASET",
    "NO_TABLES",
    "PIPELINE_NAME",
    "LoadError",
    "Place",
    "Rows",
    "Tables",
    "exclusive",
    "load",
    "open_tables",
    "settle",
    "windows_since",
]
