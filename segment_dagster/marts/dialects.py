"""SQL that sqlglot does not translate by itself: three functions that the marts' SQL calls."""

from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp

from segment_dagster.errors import SettingError

UTC_DAY, JSON_TEXT = "utc_day", "json_text"
"""`utc_day(timestamp)` is the day in UTC, as a date. `json_text(json, 'key')` is the text at a key of an object."""

_TEMPLATES: Mapping[str, Mapping[str, str]] = {
    "duckdb": {
        UTC_DAY: "CAST({0} AT TIME ZONE 'UTC' AS DATE)",
        JSON_TEXT: "({0} ->> '$.{1}')",
    },
    "postgres": {
        UTC_DAY: "CAST({0} AT TIME ZONE 'UTC' AS DATE)",
        JSON_TEXT: "({0} ->> '{1}')",
    },
    "redshift": {
        UTC_DAY: "CAST({0} AT TIME ZONE 'UTC' AS DATE)",
        # dlt loads JSON as SUPER
        JSON_TEXT: "CAST({0}.{1} AS VARCHAR)",
    },
    "snowflake": {
        UTC_DAY: "CAST(CONVERT_TIMEZONE('UTC', {0}) AS DATE)",
        JSON_TEXT: "CAST(GET_PATH({0}, '{1}') AS VARCHAR)",
    },
    "bigquery": {
        UTC_DAY: "DATE({0}, 'UTC')",
        JSON_TEXT: "JSON_VALUE({0}, '$.{1}')",
    },
    "databricks": {
        # a cast takes the session's time zone
        UTC_DAY: "CAST(TO_UTC_TIMESTAMP({0}, CURRENT_TIMEZONE()) AS DATE)",
        JSON_TEXT: "GET_JSON_OBJECT({0}, '$.{1}')",
    },
}
"""By sqlglot's name of the dialect: `{0}`, `{1}` are the arguments, the second one a plain word."""

DIALECTS = tuple(_TEMPLATES)
"""The dialects that the marts' SQL is translated to."""


def translate(tree: exp.Query, dialect: str) -> exp.Query:
    """Replace the functions by what the dialect has for them.

    Args:
        tree: SQL of a mart. It is not changed.
        dialect: sqlglot's name of the dialect.

    Raises:
        SettingError: The marts have no SQL for the dialect.
    """
    if dialect not in _TEMPLATES:
        legal = ", ".join(DIALECTS)
        raise SettingError("SEGMENT_DESTINATION", f"has the dialect {dialect!r}", f"Marts are made in: {legal}.")
    translated = tree.transform(_replace(_TEMPLATES[dialect], dialect))
    assert isinstance(translated, exp.Query)
    return translated


def _replace(templates: Mapping[str, str], dialect: str) -> Callable[[exp.Expr], exp.Expr]:
    def replace(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Anonymous) or node.name.lower() not in templates:
            return node
        column, *others = node.expressions
        # the column may hold such a function itself
        inner = column.transform(replace).sql(dialect, identify=True)
        return sqlglot.parse_one(
            templates[node.name.lower()].format(inner, *(each.name for each in others)), read=dialect
        )

    return replace
