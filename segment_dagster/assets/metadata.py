"""Names of the metadata that more than one module writes or reads."""

ROWS_UNCHANGED = "segment/rows_unchanged"
"""Whether the table held already what came, so that nothing was written."""

SKIPPED = "segment/skipped"
"""Why an endpoint was left out."""

FAILED = "segment/failed"
"""Why an endpoint failed."""
