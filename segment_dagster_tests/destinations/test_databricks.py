"""Databricks' SQL against the reviewed files: no engine here speaks it."""

from segment_dagster_tests.destinations.databricks_sql import REVIEWED, TABLES, recorded


def test_the_sql_for_databricks_is_what_was_reviewed(record_property):
    found = recorded()
    reviewed = {table: (REVIEWED / f"{table}.sql").read_text() for table in TABLES}
    assert found == reviewed, "review what `make databricks-sql` writes"
    statements = sum(text.count(";\n") for text in found.values())
    record_property(
        "conformance",
        f"{'databricks':20} {'none: its SQL, against reviewed files':38} {len(TABLES):3} tables {statements:4} "
        "statements equal; not tested: whether Databricks takes them, and what it makes of them",
    )
