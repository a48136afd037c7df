"""Which tables a query reads, and where that is not certain."""

import logging

import pytest

from segment_dagster.syncs.reverse_etl.queries import DIALECTS, dialects, read_tables


@pytest.mark.parametrize(
    ("query", "dialect", "tables"),
    [
        ("SELECT id FROM analytics.users WHERE plan = 'pro' -- x", "snowflake", {"analytics.users": "analytics/users"}),
        ('SELECT * FROM RAW.Mart."Top Users" u', "snowflake", {"RAW.Mart.Top Users": "mart/Top Users"}),
        (
            "WITH t AS (SELECT * FROM s.a) SELECT * FROM t JOIN s.b x USING (id)",
            "postgres",
            {"s.a": "s/a", "s.b": "s/b"},
        ),
        ("SELECT 1 FROM s.a WHERE EXISTS (SELECT 1 FROM s.b) UNION ALL SELECT 1 FROM s.c", "redshift", "abc"),
        ("SELECT * FROM `p-1.ds.t`, UNNEST(items) i", "bigquery", {"p-1.ds.t": "ds/t"}),
        ("SELECT * FROM s.a, LATERAL FLATTEN(input => a.x) f", "snowflake", "a"),
    ],
)
def test_tables_of_a_query_are_those_that_it_names(query, dialect, tables):
    read = read_tables(query, dialect)
    wanted = {f"s.{each}": f"s/{each}" for each in tables} if isinstance(tables, str) else tables
    assert read.problem is None
    assert {table.name: "/".join(table.key) for table in read.tables} == wanted


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELECT * FROM {{ ref('x') }}", "the query is not read as snowflake"),
        ("SELECT * FROM s.a WHERE (", "the query is not read as snowflake"),
        ("SELECT * FROM s.a; SELECT * FROM s.b", "the query is not one SELECT"),
        ("DELETE FROM s.a", "the query is not one SELECT"),
        ("CALL s.f('secret')", "the query is not one SELECT"),
        ("", "the query is not one SELECT"),
        ("SELECT * INTO s.b FROM s.a", "the query does more than to read"),
        ("SELECT * FROM users", "a table of the query has no schema"),
        # the table that it means is none of the names that it gives
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", "a table of the query has no schema"),
        ("SELECT * FROM a.t, b.t", "it is not clear which table a name of the query means"),
        ("SELECT * FROM IDENTIFIER($t)", "a table of the query is known only when it runs"),
        ("SELECT * FROM @stage/x", "a table of the query is known only when it runs"),
        ("SELECT * FROM s.a JOIN TABLE(s.f(1))", "a table of the query is known only when it runs"),
        ("SELECT 1", "the query names no table"),
    ],
)
def test_what_is_not_certain_has_a_reason_and_no_tables(query, problem):
    read = read_tables(query, "snowflake")
    assert (read.tables, read.problem) == ((), problem)


def test_a_wildcard_is_more_than_one_table():
    assert read_tables("SELECT * FROM `p.ds.events_*`", "bigquery").problem


def test_nothing_of_a_query_is_logged(caplog):
    with caplog.at_level(logging.DEBUG):
        for query in (
            "CALL f('secret')",
            "SELECT * FROM s.a WHERE x = 'secret' (",
            "SELECT 'secret' FROM IDENTIFIER($x)",
        ):
            assert "secret" not in repr(read_tables(query, "snowflake"))
    assert "secret" not in caplog.text
    assert not logging.getLogger("sqlglot").disabled


def test_dialects_are_those_of_sqlglot():
    assert set(DIALECTS.values()) <= set(dialects())
