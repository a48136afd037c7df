"""dbt models on tables that Segment syncs into a warehouse: they run once a sync has ended."""
