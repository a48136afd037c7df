"""The SQL of a mart in a destination's dialect."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from segment_dagster.endpoints import TABLES
from segment_dagster.endpoints.model import Column, DataType
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.versions import VALID_FROM, VALID_TO, history_table
from segment_dagster.load.parent_state import PARENTS_TABLE
from segment_dagster.load.parent_state import TYPES as PARENTS_TYPES
from segment_dagster.marts.changes import COLUMNS as CHANGES_COLUMNS
from segment_dagster.marts.changes import NAME as CHANGES
from segment_dagster.marts.dialects import translate
from segment_dagster.marts.ephemeral import EPHEMERAL
from segment_dagster.marts.parameters import Parameter

WRITTEN_IN = "duckdb"
"""The dialect in which the marts are written."""

Columns = Mapping[str, DataType]
"""Types of columns by name."""

SelectOf = Callable[[str, Columns], str]
"""Returns the SELECT of some columns of a loaded table, in the destination's dialect."""

_TYPES: Mapping[DataType, str] = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "json": "JSON",
}


def compile_sql(
    sql: str,
    select_of: SelectOf,
    dialect: str,
    parameters: Mapping[str, Parameter],
    is_loaded: Callable[[str], bool] = lambda table: True,
) -> str:
    """Return a mart's SQL in a dialect.

    Args:
        sql: The query as it is written: see `Mart.sql`.
        select_of: Returns the SELECT of a loaded table's columns. It says what becomes of those that are not there.
        dialect: sqlglot's name of the dialect.
        parameters: Values by the name of the parameter.
        is_loaded: Says whether a table is in the dataset: the value of `is_loaded('table')` in the query.

    Raises:
        SettingError: The marts have no SQL for the dialect.
        KeyError: The query has a parameter without a value.
    """
    tree = with_ephemeral(sql)
    columns = columns_read(tree)
    tree = translate(_with_values(tree, parameters, is_loaded), dialect)
    ctes = [f"{quoted_name(table, dialect)} AS ({select_of(table, of_table)})" for table, of_table in columns.items()]
    for cte in tree.ctes:
        ctes.append(f"{quoted_name(cte.alias, dialect)} AS ({cte.this.sql(dialect, identify=True)})")
    tree.set("with_", None)
    return f"WITH {', '.join(ctes)} {tree.sql(dialect, identify=True)}"


def with_ephemeral(sql: str) -> exp.Query:
    """Parse a query, and put the ephemeral queries that it reads in front of it, each once."""
    tree = _parse(sql)
    named: dict[str, exp.Query] = {}
    _collect(tree, named)
    own = [(cte.alias, cte.this) for cte in tree.ctes]
    tree.set("with_", None)
    for name, query in (*named.items(), *own):
        tree = tree.with_(name, query, copy=False)
    return tree


def columns_read(tree: exp.Query) -> dict[str, dict[str, DataType]]:
    """Return the columns of loaded tables that a query reads, by table, with their declared types.

    Raises:
        ValueError: The query names a table that no endpoint loads.
        sqlglot.errors.OptimizeError: It names a column that its table does not have.
    """
    ctes = {cte.alias for cte in tree.ctes}
    if unknown := [name for table in tree.find_all(exp.Table) if (name := table.name) not in {*_LOADED, *ctes}]:
        raise ValueError(f"the SQL of a mart reads {unknown[0]}, which no endpoint loads")
    qualified = qualify(tree.copy(), schema=sqlglot_schema(), dialect=WRITTEN_IN, quote_identifiers=False)
    found: dict[str, dict[str, DataType]] = {}
    for scope in traverse_scope(qualified):
        for table in (source for source in scope.sources.values() if isinstance(source, exp.Table)):
            found.setdefault(table.name, {})
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table):
                found[source.name][column.name] = _LOADED[source.name][column.name]
    return {table: dict(sorted(columns.items())) for table, columns in sorted(found.items())}


def sqlglot_schema() -> dict[str, object]:
    """Return the declared columns of all loaded tables, with their types in the dialect of the marts."""
    return {table: {name: _TYPES[kind] for name, kind in columns.items()} for table, columns in _LOADED.items()}


def null_columns(columns: Columns, dialect: str) -> list[str]:
    """Return a null of each column's type under its name, in a dialect."""
    return [f"CAST(NULL AS {_type(kind, dialect)}) AS {quoted_name(name, dialect)}" for name, kind in columns.items()]


def quoted_name(name: str, dialect: str) -> str:
    """Return a name in quotes, as all names in the marts' SQL are: destinations would fold its case."""
    return exp.to_identifier(name, quoted=True).sql(dialect)


def _type(kind: DataType, dialect: str) -> str:
    return exp.DataType.build(_TYPES[kind], dialect=WRITTEN_IN).sql(dialect)


def _parse(sql: str) -> exp.Query:
    return _query(sqlglot.parse_one(sql, read=WRITTEN_IN))


def _query(tree: exp.Expr) -> exp.Query:
    assert isinstance(tree, exp.Query)
    return tree


def _collect(tree: exp.Query, named: dict[str, exp.Query]) -> None:
    for table in tree.find_all(exp.Table):
        if (name := table.name) in EPHEMERAL and name not in named:
            query = _parse(EPHEMERAL[name])
            _collect(query, named)
            # its own CTEs become CTEs beside it, under names that no other has
            for cte in query.ctes:
                named[f"{name}_{cte.alias}"] = _renamed(_query(cte.this), query.ctes, name)
            outer = _renamed(query, query.ctes, name)
            outer.set("with_", None)
            named[name] = outer


def _renamed(query: exp.Query, ctes: Sequence[exp.CTE], prefix: str) -> exp.Query:
    names = {cte.alias for cte in ctes}

    def rename(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Table) and node.name in names:
            new = exp.to_table(f"{prefix}_{node.name}")
            new.set("alias", node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(node.name)))
            return new
        return node

    return _query(query.transform(rename))


def _with_values(tree: exp.Query, parameters: Mapping[str, Parameter], is_loaded: Callable[[str], bool]) -> exp.Query:
    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.lower() == "is_loaded":
            return exp.convert(is_loaded(node.expressions[0].name))
        return _literal(parameters[node.name]) if isinstance(node, exp.Placeholder) else node

    return _query(tree.transform(replace))


def _literal(value: Parameter) -> exp.Expr:
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, tuple):
        # a list of none: no text is equal to null
        return exp.Tuple(expressions=[exp.Literal.string(each) for each in value] or [exp.null()])
    return exp.convert(value)


_DECLARED: Mapping[str, DataType] = {"text": "text", "timestamp": "timestamp"}
"""The types of the project's own tables."""


def _typed(columns: Sequence[Column]) -> dict[str, DataType]:
    return {column_name(column.field): column.type for column in columns}


def _loaded() -> Iterator[tuple[str, dict[str, DataType]]]:
    for endpoint in TABLES:
        yield endpoint.name, _typed(endpoint.columns)
        if endpoint.keeps_history:
            validity: dict[str, DataType] = {VALID_FROM: "timestamp", VALID_TO: "timestamp"}
            yield history_table(endpoint.name), {**_typed(endpoint.columns), **validity}
    yield CHANGES, _typed(CHANGES_COLUMNS)
    yield PARENTS_TABLE, {name: _DECLARED[kind] for name, kind in PARENTS_TYPES.items()}


_LOADED: Mapping[str, Columns] = dict(_loaded())
"""The declared columns of all tables that are loaded."""
