"""Names of the metadata that several modules use."""

ROWS_UNCHANGED = "segment/rows_unchanged"
"""Whether the table already held the same rows, so that nothing was written."""

LOADED_BEFORE = "segment/loaded_before"
"""Whether an earlier attempt loaded the table, so that the retry did not read it again."""

SKIPPED = "segment/skipped"
"""Why an endpoint was skipped."""

FAILED = "segment/failed"
"""Why an endpoint failed."""

LOST = "segment/partitions_lost"
"""Partitions that were materialized too late to be read, as ranges."""

AHEAD = "segment/partitions_ahead"
"""Partitions that were materialized before Segment had counted anything in them, as ranges."""

PARTITION = "segment/partition"
"""Outcome of a partition."""

PARTITION_ROWS = "dagster/partition_row_count"

OFFENDERS_DIGEST = "segment/offenders_digest"
"""Of a failed check: a digest of the set that it has found, by the name of its severity.

A severity for which nothing was found that somebody could help is absent."""

DATA_VERSION = "dagster/data_version"
"""Dagster's tag for the data version of a materialization."""

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
PARENTS = "segment/parents"
"""Parents that are listed, if the table is read in slices of them."""

PARENTS_DUE, PARENTS_READ, PARENTS_LEFT = "segment/parents_due", "segment/parents_read", "segment/parents_left"
PARENTS_GONE = "segment/parents_gone"
PARENTS_UNCHANGED = "segment/parents_unchanged"
"""Parents whose lists were not requested: their rows, `ROWS_REUSED`, were taken from the table."""

ROWS_REUSED = "segment/rows_reused"
OLDEST_READ = "segment/oldest_read"
FROM, UNTIL = "segment/from", "segment/until"
ROWS_IN_WINDOW = "segment/rows_in_window"
HISTORY_VERSIONS = "segment/history_versions"
HISTORY_CURRENT = "segment/history_current"
MISSING_TABLES = "segment/missing_tables"
"""Tables that a mart reads and that are not loaded."""

OFFENDERS, ROWS_SQL = "segment/offenders", "segment/rows_sql"
"""The first rows that the check of a mart counts, and the query of them all."""
