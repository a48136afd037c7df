"""Read and write what dlt keeps about a pipeline.

Private to: dlt 1.31 (`load_pipeline_state_from_destination` of `dlt.pipeline.state_sync`; `duckdb_database` in a
pipeline's local state, from which dlt takes the path of a DuckDB file that no setting names. It calls that legacy).

If it changes: an incremental read begins at its start again; or `dlt.pipeline("segment_pipeline")` and
`dlt pipeline segment_pipeline show` open an empty file in the working directory in place of the one that was loaded.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dlt
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

if TYPE_CHECKING:
    from dlt.common.destination.client import WithStateSync


def stored_state(pipeline_name: str, client: object) -> Mapping[str, Any]:
    """Return the state of a pipeline in the destination, where its table must be; nothing if none is stored.

    Args:
        pipeline_name: The pipeline.
        client: dlt's client of the destination, connected.
    """
    state = load_pipeline_state_from_destination(pipeline_name, cast("WithStateSync", client))
    return cast("Mapping[str, Any]", state or {})


def remember_duckdb_file(pipeline: dlt.Pipeline, file: Path) -> None:
    """Let a pipeline of the same name find a DuckDB file without being told of it."""
    pipeline.set_local_state_val("duckdb_database", str(file))
