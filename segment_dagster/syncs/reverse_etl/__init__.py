"""Reverse ETL: models that Segment sends on from a warehouse are external assets, and may be started from Dagster."""
