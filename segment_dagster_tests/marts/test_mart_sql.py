"""The SQL of the marts: every dialect, every column, every table that it reads."""

from dataclasses import replace
from datetime import datetime, timezone

import dagster as dg
import pytest
import sqlglot
from sqlglot import exp

from segment_dagster.config import HealthSettings
from segment_dagster.errors import SettingError
from segment_dagster.load.capabilities import DESTINATIONS
from segment_dagster.marts.assets import mart_spec
from segment_dagster.marts.dialects import DIALECTS
from segment_dagster.marts.ephemeral import EPHEMERAL
from segment_dagster.marts.models import MARTS
from segment_dagster.marts.models.access_review import ACCESS_REVIEW
from segment_dagster.marts.models.changes_weekly import CHANGES_WEEKLY
from segment_dagster.marts.models.health_sources import HEALTH_SOURCES
from segment_dagster.marts.parameters import parameters
from segment_dagster.marts.sql import columns_read, compile_sql, null_columns, with_ephemeral
from segment_dagster.marts.sql_lineage import mart_lineage

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, 6, tzinfo=timezone.utc)
OWN_FUNCTIONS = {"utc_day", "json_text", "json_part", "json_elements", "json_string", "words", "monday", "is_loaded"}

EVERY_MART = pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)


def compiled(sql, dialect, **loaded):
    """The SQL over empty tables."""
    return compile_sql(
        sql,
        lambda table, columns: f"SELECT {', '.join(null_columns(columns, dialect))}",
        dialect,
        parameters(NOW, HealthSettings()),
        lambda table: loaded.get(table, True),
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@EVERY_MART
def test_a_mart_has_sql_in_every_dialect_without_anything_of_ours_left(mart, dialect):
    tree = sqlglot.parse_one(compiled(mart.sql, dialect), read=dialect)
    assert not [node.name for node in tree.find_all(exp.Anonymous) if node.name.lower() in OWN_FUNCTIONS]
    assert not list(tree.find_all(exp.Placeholder))


MONDAYS = {
    "duckdb": "DATE_TRUNC('WEEK', \"day\")",
    "postgres": "DATE_TRUNC('WEEK', \"day\")",
    "redshift": "DATE_TRUNC('WEEK', \"day\")",
    "databricks": "DATE_TRUNC('WEEK', `day`)",
    "bigquery": "DATE_TRUNC(`day`, ISOWEEK)",
    "snowflake": 'DATEADD(DAY, 1 - DAYOFWEEKISO("day"), "day")',
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_week_begins_on_monday_in_every_dialect(dialect):
    # BigQuery's WEEK begins on Sunday, Snowflake's as the session says
    assert MONDAYS[dialect] in compiled(CHANGES_WEEKLY.sql, dialect)


def test_an_alias_of_elements_is_another_one_elsewhere_in_the_query():
    sql = compiled(ACCESS_REVIEW.sql, "redshift")
    assert 'CAST("r"."type" AS VARCHAR(MAX)) AS "resource_type"' in sql
    assert '"r"."name" AS "resource_name"' in sql


def test_redshift_finds_keys_with_capitals():
    assert """JSON_EXTRACT_PATH_TEXT(JSON_SERIALIZE("p"), 'roleName')""" in compiled(ACCESS_REVIEW.sql, "redshift")


@EVERY_MART
def test_no_alias_takes_the_place_of_a_column_in_having(mart):
    # BigQuery and Snowflake would sum the sum
    for select in with_ephemeral(mart.sql).find_all(exp.Select):
        if having := select.args.get("having"):
            read = {column.name for column in having.find_all(exp.Column) if not column.table}
            assert not read & {each.alias for each in select.expressions if isinstance(each, exp.Alias)}


@EVERY_MART
def test_subqueries_are_of_the_kind_that_every_warehouse_takes(mart):
    for exists in with_ephemeral(mart.sql).find_all(exp.Exists):
        assert not exists.find_ancestor(exp.Or, exp.Case), exists.sql()
        where = exists.this.args["where"].this
        terms = where.flatten() if isinstance(where, exp.And) else [where]
        assert all(isinstance(each, exp.EQ) for each in terms), exists.sql()


def code_version(mart):
    """The code version of a mart's asset."""
    return mart_spec(mart, owners=[], destination="duckdb").code_version


def test_a_code_version_changes_with_all_that_makes_the_rows(monkeypatch):
    before = code_version(HEALTH_SOURCES)
    assert code_version(replace(HEALTH_SOURCES)) == before
    assert code_version(replace(HEALTH_SOURCES, version=2)) != before
    others = code_version(ACCESS_REVIEW)
    monkeypatch.setitem(EPHEMERAL, "events_by_day", EPHEMERAL["events_by_day"] + " -- mended")
    assert code_version(HEALTH_SOURCES) != before
    assert code_version(ACCESS_REVIEW) == others


def test_every_destination_with_sql_has_a_dialect():
    assert {"duckdb", "postgres", "redshift", "bigquery", "snowflake", "databricks"} == set(DIALECTS)
    assert set(DESTINATIONS) - set(DIALECTS) == {"motherduck", "ducklake", "filesystem"}, "these speak DuckDB's"


def test_another_dialect_is_refused():
    with pytest.raises(
        SettingError, match=r"SEGMENT_DESTINATION has the SQL dialect 'tsql'\. Marts are made in: duckdb, "
    ):
        compiled(MARTS[0].sql, "tsql")


@EVERY_MART
def test_a_mart_reads_the_tables_that_it_names(mart):
    read = set(columns_read(with_ephemeral(mart.sql)))
    # the history and the parents of slices are no assets
    own = {table for table in read if table.endswith("_history") or table.startswith("_")}
    assert read - own == set(mart.tables)


@EVERY_MART
def test_a_mart_describes_the_columns_that_it_has(mart):
    declared = [column.field for column in mart.columns]
    if mart.finish is None:
        assert with_ephemeral(mart.sql).named_selects == declared
    assert len(set(declared)) == len(declared)
    assert {*mart.key, *mart.personal, *mart.offenders.shown} <= set(declared)
    assert all(column.description for column in mart.columns)


@EVERY_MART
def test_the_lineage_of_a_mart_names_columns_of_its_tables(mart):
    lineage = mart_lineage(mart, lambda table: dg.AssetKey(table)).deps_by_column
    assert any(lineage.values())
    read = columns_read(with_ephemeral(mart.sql))
    for deps in lineage.values():
        for dep in deps:
            assert dep.column_name in read[dep.asset_key.path[-1]]


def test_lineage_goes_through_what_several_marts_build_on():
    mart = next(mart for mart in MARTS if mart.name == "health_sources")
    lineage = mart_lineage(mart, lambda table: dg.AssetKey(table) if table != "sources" else None).deps_by_column
    assert dg.TableColumnDep(dg.AssetKey("events_volume"), "count") in lineage["events_7d"]
    assert lineage["source_slug"] == [], "an asset that is not there is no dependency"


@pytest.mark.parametrize(
    ("sql", "said"),
    [("SELECT id FROM sourcez", "sourcez"), ("SELECT nmae FROM sources", "nmae"), ("SELECT $as_off AS x", "as_off")],
)
def test_a_name_that_nothing_has_is_refused(sql, said):
    with pytest.raises(Exception, match=said):
        compiled(sql, "duckdb")


def test_a_table_that_is_not_loaded_can_be_told_from_an_empty_one():
    sql = "SELECT CASE WHEN is_loaded('warehouses') THEN 1 END AS x FROM warehouses"
    assert "CASE WHEN FALSE THEN 1 END" in compiled(sql, "duckdb", warehouses=False)
    assert "CASE WHEN TRUE THEN 1 END" in compiled(sql, "duckdb")
