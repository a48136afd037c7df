"""Looking at tables: what is there, how much of it, which keys repeat and which point nowhere."""

from pathlib import Path

import duckdb
import pytest

from segment_dagster.pipeline import open_tables, settle


def made(sql):
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(f"CREATE SCHEMA segment_data; {sql}")


@pytest.fixture
def tables():
    made(
        """
        CREATE TABLE segment_data.parents AS SELECT * FROM (VALUES ('p1'), ('p2'), (NULL)) AS t(id);
        CREATE TABLE segment_data.things (
            id VARCHAR, part BIGINT, parent_id VARCHAR, "select" BOOLEAN, made TIMESTAMP WITH TIME ZONE, held JSON,
            share DOUBLE);
        INSERT INTO segment_data.things (id, part, parent_id) VALUES
            ('a', 1, 'p1'), ('a', 1, 'p9'), ('a', 2, 'p9'), ('b', 1, NULL), ('c', NULL, 'p0'), (NULL, NULL, 'p2'),
            ('d', 4, 'p1'), ('d', 4, 'p1'), ('d', 4, 'p1');
        CREATE TABLE segment_data."select" AS SELECT 1 AS "from";
        CREATE TABLE segment_data.empty (id VARCHAR, parent_id VARCHAR);
        """
    )
    with open_tables(settle()) as tables:
        yield tables


def test_a_file_that_is_not_there_has_no_tables_and_is_not_made():
    with open_tables(settle()) as tables:
        assert tables.columns("things") == {}
    assert list(Path.cwd().iterdir()) == []


def test_a_file_without_the_dataset_has_no_tables():
    duckdb.connect("segment.duckdb").close()
    with open_tables(settle()) as tables:
        assert tables.columns("things") == {}
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        assert (
            connection.sql("FROM duckdb_schemas() SELECT schema_name WHERE schema_name = 'segment_data'").fetchall()
            == []
        )


def test_a_dataset_without_the_table_has_no_columns(tables):
    assert tables.columns("nothing") == {}


def test_columns_have_dlts_data_types(tables):
    types = {name: column["data_type"] for name, column in tables.columns("things").items()}
    assert types == {
        "id": "text",
        "part": "bigint",
        "parent_id": "text",
        "select": "bool",
        "made": "timestamp",
        "held": "json",
        "share": "double",
    }


def test_counts(tables):
    assert (tables.count("things"), tables.count("empty"), tables.count("select")) == (9, 0, 1)


def test_keys_that_repeat_or_are_null(tables):
    assert tables.duplicates("things", ["id"], 10) == (3, [("a", 3), ("d", 3), (None, 1)])


def test_keys_of_two_columns_that_repeat_or_are_null_in_part(tables):
    count, found = tables.duplicates("things", ["id", "part"], 10)
    assert count == 4
    assert set(found) == {("a", 1, 2), ("c", None, 1), ("d", 4, 3), (None, None, 1)}


def test_only_the_first_are_shown_but_all_are_counted(tables):
    assert tables.duplicates("things", ["id"], 1) == (3, [("a", 3)])
    assert tables.orphans("things", "parent_id", "parents", "id", 1) == (2, [("p0", 1)])


def test_values_that_point_nowhere(tables):
    assert tables.orphans("things", "parent_id", "parents", "id", 10) == (2, [("p0", 1), ("p9", 2)])


def test_nothing_wrong_is_nothing_found(tables):
    assert tables.duplicates("empty", ["id"], 10) == (0, [])
    assert tables.orphans("empty", "parent_id", "parents", "id", 10) == (0, [])
    assert tables.orphans("things", "id", "things", "id", 10) == (0, [])


def test_reserved_words_are_names_like_any_other(tables):
    assert tables.duplicates("select", ["from"], 10) == (0, [])
    assert tables.orphans("select", "from", "select", "from", 10) == (0, [])


def test_a_qualified_name_is_what_a_person_types(tables):
    name = tables.qualified_name("things")
    assert name == "segment.segment_data.things"
    assert tables._client.sql_client.execute_sql(f"SELECT count(*) FROM {name}") == [(9,)]


def test_looking_makes_no_directory_of_a_pipeline(tables, tmp_path):
    tables.count("things")
    assert [each.name for each in (tmp_path / "home" / ".dlt" / "pipelines").iterdir()] == ["segment_pipeline.lock"]
