"""Databricks' SQL against the files that a person has reviewed: no engine here speaks it."""

from segment_dagster_tests.destinations.databricks_sql import REVIEWED, TABLES, recorded


def test_the_sql_for_databricks_is_what_was_reviewed(monkeypatch, record_property):
    monkeypatch.delenv("SEGMENT_BASE_URL", raising=False)
    found = recorded()
    assert {table: found[table] for table in TABLES} == {
        table: (REVIEWED / f"{table}.sql").read_text() for table in TABLES
    }, "review what `make databricks-sql` writes"
    statements = sum(text.count(";\n") for text in found.values())
    record_property(
        "conformance",
        f"{'databricks':20} {'none: its SQL, against reviewed files':38} {len(TABLES):3} tables {statements:4} "
        "statements equal; not tested: whether Databricks takes them, and what it makes of them",
    )
