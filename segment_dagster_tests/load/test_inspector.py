"""Looking at tables: what is there, how much of it, which keys repeat and which point nowhere."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.extract.resources import segment_source
from segment_dagster.load import inspect_dataset, load, resolve_destination
from segment_dagster.load.inspector import CONDITIONS_PER_QUERY


def made(sql, create="CREATE SCHEMA segment_data;"):
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(f"{create} {sql}")


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
        CREATE TABLE segment_data.things_history (
            id VARCHAR, slug VARCHAR, valid_from TIMESTAMP WITH TIME ZONE, valid_to TIMESTAMP WITH TIME ZONE);
        INSERT INTO segment_data.things_history VALUES
            ('a', 'old', '2024-03-01 06:00:00+00', '2024-03-02 06:00:00+00'),
            ('a', 'new', '2024-03-02 06:00:00+00', NULL),
            ('b', 'b', '2024-03-01 06:00:00+00', NULL), ('c', 'c', '2024-03-03 06:00:00+00', NULL);
        """
    )
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        yield tables


def test_a_file_that_is_not_there_has_no_tables_and_is_not_made():
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        assert tables.columns("things") == {}
    assert list(Path.cwd().iterdir()) == []


def test_a_file_without_the_dataset_has_no_tables():
    duckdb.connect("segment.duckdb").close()
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
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


def test_counts_where_a_condition_is_met(tables):
    counts = tables.count("things", "parent_id IS NULL"), tables.count("things_history", "valid_to IS NULL")
    assert counts == (1, 3)


def test_counts_of_more_conditions_than_one_query_takes(tables):
    conditions = [f"part = {number}" for number in range(CONDITIONS_PER_QUERY * 2 + 1)]
    counts = tables.counts("things", conditions)
    assert (len(counts), counts[:5]) == (len(conditions), [0, 3, 1, 0, 3])
    assert sum(counts) == 7 and tables.counts("things", []) == []


def test_keys_that_repeat_among_the_rows_in_which_a_column_is_null(tables):
    made("INSERT INTO segment_data.things_history VALUES ('b', 'b', now(), NULL), ('a', 'x', now(), now())", create="")
    assert tables.duplicates("things_history", ["id"], 10, null="valid_to") == (1, [("b", 2)])
    assert tables.duplicates("things_history", ["id"], 10)[0] == 2


def test_rows_whose_end_is_not_after_their_beginning(tables):
    assert tables.out_of_order("things_history", ["id"], "valid_from", "valid_to", 10) == (0, [])
    made(
        "INSERT INTO segment_data.things_history VALUES "
        "('x', '', '2024-03-02', '2024-03-01'), ('y', '', '2024-03-02', '2024-03-02'), ('x', '', NULL, '2024-03-02')",
        create="",
    )
    assert tables.out_of_order("things_history", ["id"], "valid_from", "valid_to", 10) == (2, [("x", 1), ("y", 1)])
    assert tables.out_of_order("things_history", ["id"], "valid_from", "valid_to", 1) == (2, [("x", 1)])


def test_rows_come_as_records_in_order(tables):
    found = tables.rows("things", ["parent_id", "id"], order=["id", "parent_id"])
    assert next(found) == {"parent_id": "p1", "id": "a"}
    assert len(list(found)) == 8


def test_rows_come_in_chunks_and_all_of_them(tables):
    made("CREATE TABLE segment_data.many AS SELECT range AS n FROM range(2345)", create="")
    assert [row["n"] for row in tables.rows("many", ["n"], order=["n"])] == list(range(2345))


def test_times_come_in_utc(tables):
    first = next(tables.rows("things_history", ["valid_from"], order=["valid_from"]))
    assert first["valid_from"] == datetime(2024, 3, 1, 6, tzinfo=timezone.utc)
    assert first["valid_from"].utcoffset() == timedelta(0)


def test_versions_that_tell_of_a_change_come_by_key_and_then_by_time(tables):
    def later(since):
        versions = tables.later_versions(
            "things_history", ["id", "slug", "valid_to"], ["id"], ("valid_from", "valid_to"), since
        )
        return [(row["id"], row["slug"]) for row in versions]

    assert later(datetime(2024, 3, 1, 7, tzinfo=timezone.utc)) == [("a", "old"), ("a", "new"), ("c", "c")]
    assert later(datetime(2024, 3, 3, 6, tzinfo=timezone.utc)) == [("a", "old")]
    assert len(later(datetime(2024, 2, 1, tzinfo=timezone.utc))) == 4


def test_the_least_value(tables):
    assert tables.least("things_history", "valid_from") == datetime(2024, 3, 1, 6, tzinfo=timezone.utc)
    assert tables.least("empty", "id") is None


def test_the_load_that_made_a_table_is_the_first_that_ended_well(tables):
    schemas = {"v1": ["things"], "v2": ["things", "empty"], "v3": ["things", "empty", "select"]}
    stored = ", ".join(
        f"""('{name}', '{json.dumps({"tables": {key: {} for key in made}})}', 's', now(), {n}, 11)"""
        for n, (name, made) in enumerate(schemas.items())
    )
    made(
        f"""
        CREATE TABLE segment_data._dlt_version (
            version_hash VARCHAR, schema VARCHAR, schema_name VARCHAR, inserted_at TIMESTAMP WITH TIME ZONE,
            version BIGINT, engine_version BIGINT);
        INSERT INTO segment_data._dlt_version VALUES {stored};
        CREATE TABLE segment_data._dlt_loads (
            load_id VARCHAR, schema_name VARCHAR, status BIGINT, inserted_at TIMESTAMP WITH TIME ZONE,
            schema_version_hash VARCHAR);
        INSERT INTO segment_data._dlt_loads VALUES
            ('5', 's', 0, '2024-03-05 00:00:00+00', 'v2'), ('1', 's', 1, '2024-03-01 00:00:00+00', 'v3'),
            ('2', 's', 0, '2024-03-02 00:00:00+00', 'v1'), ('3', 's', 0, '2024-03-03 00:00:00+00', 'v2'),
            ('4', 's', 0, '2024-03-04 00:00:00+00', 'v1'), ('6', 's', 0, '2024-03-06 00:00:00+00', 'gone');
        """,
        create="",
    )
    assert tables.first_loads(["things", "empty", "select", "nothing"]) == {
        "things": datetime(2024, 3, 2, tzinfo=timezone.utc),
        "empty": datetime(2024, 3, 3, tzinfo=timezone.utc),
    }


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
    assert not (tmp_path / "home" / ".dlt" / "pipelines").exists()


def test_columns_that_the_destination_shows_in_capitals_are_those_that_are_declared(emulator):
    # as on Snowflake
    destination = resolve_destination(DestinationSettings())
    destination = replace(
        destination,
        capabilities=replace(
            destination.capabilities, fetches_arrow=False, dlt_capabilities={"casefold_identifier": str.upper}
        ),
    )
    load(segment_source(endpoints=["roles"]), destination, now=utc_now())
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        assert connection.sql("FROM SEGMENT_DATA.ROLES").columns == ["ID", "NAME", "DESCRIPTION"]
    with inspect_dataset(destination) as tables:
        assert list(tables.columns("roles")) == ["id", "name", "description"]
        assert {*next(tables.rows("roles", ["id", "name"]))} == {"id", "name"}
        assert list(tables.first_loads(["roles"])) == ["roles"]
