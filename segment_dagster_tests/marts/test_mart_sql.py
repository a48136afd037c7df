"""The SQL of the marts: every dialect, every column, every table that it reads."""

from datetime import datetime, timezone

import dagster as dg
import pytest
import sqlglot
from sqlglot import exp

from segment_dagster.config import HealthSettings
from segment_dagster.errors import SettingError
from segment_dagster.load.capabilities import DESTINATIONS
from segment_dagster.marts.dialects import DIALECTS
from segment_dagster.marts.models import MARTS
from segment_dagster.marts.parameters import parameters
from segment_dagster.marts.sql import columns_read, compile_sql, null_columns, with_ephemeral
from segment_dagster.marts.sql_lineage import mart_lineage

NOW = datetime(2026, 3, 2, 6, tzinfo=timezone.utc)
OWN_FUNCTIONS = {"utc_day", "json_text", "json_part", "json_elements", "is_loaded"}

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
    assert {*mart.key, *mart.shown, *mart.personal, *mart.offenders.shown} <= set(declared)
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
