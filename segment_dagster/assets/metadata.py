"""Names of the metadata that more than one module writes or reads."""

ROWS_UNCHANGED = "segment/rows_unchanged"
"""Whether the table held already what came, so that nothing was written."""

SKIPPED = "segment/skipped"
"""Why an endpoint was left out."""

FAILED = "segment/failed"
"""Why an endpoint failed."""

LOST = "segment/partitions_lost"
"""The partitions that were materialized too late ever to be read, as ranges."""

AHEAD = "segment/partitions_ahead"
"""The partitions that were materialized before anything of them was counted, as ranges."""

PARTITION = "segment/partition"
"""What became of a partition."""

PARTITION_ROWS = "dagster/partition_row_count"

DATA_VERSION = "dagster/data_version"
"""The tag by which Dagster keeps the data version of a materialization."""
