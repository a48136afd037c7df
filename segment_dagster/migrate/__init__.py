"""Move from one destination to another: `python -m segment_dagster.migrate duckdb postgres`."""
