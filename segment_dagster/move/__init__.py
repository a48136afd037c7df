"""From one destination to another: `python -m segment_dagster.move duckdb postgres`."""
