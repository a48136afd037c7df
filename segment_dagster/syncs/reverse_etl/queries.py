"""Which tables the query of a reverse ETL model reads, where that is certain."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

DIALECTS = {
    "bigquery": "bigquery",
    "databricks": "databricks",
    "postgres": "postgres",
    "postgresql": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake",
}
"""The dialect of sqlglot by the slug of the type of a source, where the slug is that of a warehouse."""

_WORKED_OUT = "a table of the query is known only when it runs"


@dataclass(frozen=True, kw_only=True)
class TableRead:
    """A table that a query reads."""

    name: str
    """Its name as the query has it, without quotes: schema and table, and the database where it is there."""

    key: tuple[str, str]
    """Schema and table; what is not quoted is in lower case."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read from a query. It holds no text of the query but names of tables."""

    tables: tuple[TableRead, ...] = ()
    problem: str | None = None
    """Why the tables are not certain; `None` if they are."""


def dialects() -> list[str]:
    """Return the dialects that sqlglot knows."""
    from sqlglot.dialects.dialect import Dialects

    return sorted(dialect.value for dialect in Dialects if dialect.value)


def read_tables(query: str, dialect: str) -> Reading:
    """Return the tables that a query reads, or why they are not certain.

    They are certain if the query is one SELECT that parses, and each table that it names has a schema.

    Args:
        query: The query. Nothing but names of tables is kept of it, also in what is said.
        dialect: The dialect of sqlglot.

    Example:
        >>> read_tables("WITH u AS (SELECT * FROM web.users) SELECT id FROM u", "snowflake").tables[0].name
        'web.users'
    """
    # 0.2 s, for the command that asks for the models alone
    from sqlglot import exp, parse
    from sqlglot.optimizer.scope import traverse_scope

    with _silent():
        try:
            statements = parse(query, read=dialect)
        except Exception:
            # whatever its parser meets in a query; its message repeats the query
            return Reading(problem=f"the query is not read as {dialect}")
        if len(statements) != 1 or not isinstance(statements[0], exp.Query):
            return Reading(problem="the query is not one SELECT")
        query_node = statements[0]
        if query_node.find(exp.Command, exp.DML, exp.Into):
            return Reading(problem="the query does more than to read")
        try:
            sources = [pair for scope in traverse_scope(query_node) for pair in scope.selected_sources.values()]
        except Exception:
            # as above, where a name cannot be resolved
            return Reading(problem="it is not clear which table a name of the query means")
    known = {id(each) for pair in sources for each in pair}
    if query_node.find(exp.TableFromRows) or any(id(table) not in known for table in query_node.find_all(exp.Table)):
        return Reading(problem=_WORKED_OUT)
    tables = {id(source): source for _, source in sources if isinstance(source, exp.Table)}.values()
    found = [_table(table) for table in tables]
    for problem in (each for each in found if isinstance(each, str)):
        return Reading(problem=problem)
    read = {each.name: each for each in found if isinstance(each, TableRead)}
    if not read:
        return Reading(problem="the query names no table")
    return Reading(tables=tuple(read[name] for name in sorted(read)))


def _table(table: Any) -> TableRead | str:
    """Return a table, or why it is not certain which it is."""
    from sqlglot import exp

    parts = [table.args.get(name) for name in ("catalog", "db", "this")]
    given = [part for part in parts if part is not None]
    if not all(isinstance(part, exp.Identifier) for part in given) or any("*" in part.name for part in given):
        return _WORKED_OUT
    if parts[1] is None or parts[2] is None:
        return "a table of the query has no schema"
    names = [part.name for part in given]
    schema, name = (part.name if part.args.get("quoted") else part.name.lower() for part in given[-2:])
    return TableRead(name=".".join(names), key=(schema, name))


@contextmanager
def _silent() -> Iterator[None]:
    """Keep sqlglot from logging what it does not support: it repeats the query, which may hold a secret."""
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
