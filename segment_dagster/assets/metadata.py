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

ROWS = "dagster/row_count"
ROWS_DELIVERED = "segment/rows_delivered"
RECORDS_DELIVERED = "segment/records_delivered"
TOTAL_ENTRIES = "segment/total_entries"
LISTS_CHANGED = "segment/lists_changed"
STILL_LISTED = "segment/lists_not_found_still_listed"
STILL_LISTED_NAMES = "segment/lists_not_found_first"
PARENT_INCOMPLETE = "segment/parent_incomplete"
PARENT_DOUBTFUL = "segment/parent_doubtful"
REPEATED = "segment/rows_repeated"
FROM, UNTIL = "segment/from", "segment/until"
ROWS_IN_WINDOW = "segment/rows_in_window"
HISTORY_VERSIONS = "segment/history_versions"
HISTORY_CURRENT = "segment/history_current"
