"""SQL that sqlglot does not translate by itself: the functions that only the marts' SQL has."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from segment_dagster.errors import SettingError

ELEMENTS = "json_elements"
"""`LEFT JOIN UNNEST(json_elements(json)) AS p(value) ON TRUE` has a row for each element of an array."""


@dataclass(frozen=True)
class _Templates:
    """What a dialect has in place of the functions. `{0}` is the first argument, `{1}` the second, a plain word."""

    utc_day: str
    """`utc_day(timestamp)`: the day in UTC, as a date."""

    json_text: str
    """`json_text(json, 'key')`: the text at a key of an object."""

    json_part: str
    """`json_part(json, 'key')`: the JSON at a key of an object."""

    json_string: str
    """`json_string(json)`: the JSON as text."""

    elements: str
    """The join of an array's elements; `{1}` is its alias."""

    json_text_cased: str = ""
    """`json_text` of a key with capitals, where that is another expression."""

    monday: str = "CAST(DATE_TRUNC('WEEK', {0}) AS DATE)"
    """`monday(day)`: the Monday of its week."""

    words: str = "' ' || REGEXP_REPLACE({0}, '[^A-Za-z0-9_]', ' ') || ' '"
    """`words(text)`: its words with one blank before and after each. Whatever separates them becomes blanks."""

    element: str = "{0}.{1}"
    """An element, by the alias of the join and the name of its column."""


_BY_DIALECT: Mapping[str, _Templates] = {
    "duckdb": _Templates(
        utc_day="CAST({0} AT TIME ZONE 'UTC' AS DATE)",
        json_text="({0} ->> '$.{1}')",
        json_part="({0} -> '$.{1}')",
        json_string="CAST({0} AS VARCHAR)",
        words="' ' || REGEXP_REPLACE({0}, '[^A-Za-z0-9_]', ' ', 'g') || ' '",
        elements="LEFT JOIN UNNEST(CAST({0} AS JSON[])) AS {1}(value) ON TRUE",
    ),
    "postgres": _Templates(
        utc_day="CAST({0} AT TIME ZONE 'UTC' AS DATE)",
        json_text="({0} ->> '{1}')",
        json_part="({0} -> '{1}')",
        json_string="CAST({0} AS TEXT)",
        words="' ' || REGEXP_REPLACE({0}, '[^A-Za-z0-9_]', ' ', 'g') || ' '",
        elements="LEFT JOIN LATERAL JSONB_ARRAY_ELEMENTS(CASE JSONB_TYPEOF({0}) WHEN 'array' THEN {0} END) "
        "AS {1}(value) ON TRUE",
    ),
    "redshift": _Templates(
        utc_day="CAST({0} AT TIME ZONE 'UTC' AS DATE)",
        # dlt loads JSON as SUPER; a VARCHAR without a length has 256 bytes
        json_text="CAST({0}.{1} AS VARCHAR(MAX))",
        # a path finds no key with capitals, unless the session says enable_case_sensitive_identifier
        json_text_cased="NULLIF(JSON_EXTRACT_PATH_TEXT(JSON_SERIALIZE({0}), '{1}'), '')",
        json_part="{0}.{1}",
        json_string="JSON_SERIALIZE({0})",
        elements="LEFT JOIN {0} AS {1} ON TRUE",
        element="{0}",
    ),
    "snowflake": _Templates(
        utc_day="CAST(CONVERT_TIMEZONE('UTC', {0}) AS DATE)",
        json_text="CAST(GET_PATH({0}, '{1}') AS VARCHAR)",
        json_part="GET_PATH({0}, '{1}')",
        json_string="TO_JSON({0})",
        # weeks begin as the session's WEEK_START says
        monday="CAST(DATEADD(DAY, 1 - DAYOFWEEKISO({0}), {0}) AS DATE)",
        elements="CROSS JOIN LATERAL FLATTEN(INPUT => {0}, OUTER => TRUE) AS {1}(seq, key, path, index, value, this)",
    ),
    "bigquery": _Templates(
        utc_day="DATE({0}, 'UTC')",
        json_text="JSON_VALUE({0}, '$.{1}')",
        json_part="JSON_QUERY({0}, '$.{1}')",
        json_string="TO_JSON_STRING({0})",
        monday="DATE_TRUNC({0}, ISOWEEK)",
        elements="LEFT JOIN UNNEST(ARRAY(SELECT AS STRUCT e AS value FROM UNNEST(JSON_QUERY_ARRAY({0})) AS e)) AS {1} "
        "ON TRUE",
    ),
    "databricks": _Templates(
        # a cast takes the session's time zone
        utc_day="CAST(TO_UTC_TIMESTAMP({0}, CURRENT_TIMEZONE()) AS DATE)",
        json_text="GET_JSON_OBJECT({0}, '$.{1}')",
        json_part="GET_JSON_OBJECT({0}, '$.{1}')",
        json_string="{0}",
        elements="LEFT JOIN LATERAL EXPLODE(FROM_JSON({0}, 'ARRAY<STRING>')) AS {1}(value) ON TRUE",
    ),
}

_ELEMENT = "element"

DIALECTS = tuple(_BY_DIALECT)
"""sqlglot's names of the dialects that the marts' SQL is translated to."""


def translate(tree: exp.Query, dialect: str) -> exp.Query:
    """Replace the marts' own functions by what the dialect has for them.

    Args:
        tree: SQL of a mart. It is not changed.
        dialect: sqlglot's name of the dialect.

    Raises:
        SettingError: The marts have no SQL for the dialect.
    """
    if dialect not in _BY_DIALECT:
        legal = ", ".join(DIALECTS)
        raise SettingError("SEGMENT_DESTINATION", f"has the SQL dialect {dialect!r}", f"Marts are made in: {legal}.")
    marked = tree.copy()
    _mark_elements(marked)
    translated = marked.transform(_Replacement(_BY_DIALECT[dialect], dialect))
    assert isinstance(translated, exp.Query)
    return translated


def _mark_elements(tree: exp.Query) -> None:
    """Mark the columns that are elements of an array. Elsewhere in the query their aliases may be those of tables."""
    for select in tree.find_all(exp.Select):
        aliases = {join.this.alias for join in select.args.get("joins") or () if _elements_of(join)}
        for column in select.find_all(exp.Column) if aliases else ():
            if column.table in aliases:
                column.meta[_ELEMENT] = True


def _elements_of(join: exp.Join) -> exp.Expr | None:
    """Return the array whose elements a join has; `None` for other joins."""
    unnest = join.this
    call = unnest.expressions[0] if isinstance(unnest, exp.Unnest) else None
    return call.expressions[0] if isinstance(call, exp.Anonymous) and call.name.lower() == ELEMENTS else None


class _Replacement:
    def __init__(self, templates: _Templates, dialect: str) -> None:
        self._templates = templates
        self._dialect = dialect
        self._functions: Mapping[str, str] = {
            "utc_day": templates.utc_day,
            "json_text": templates.json_text,
            "json_part": templates.json_part,
            "json_string": templates.json_string,
            "monday": templates.monday,
            "words": templates.words,
        }

    def __call__(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Join) and (array := _elements_of(node)):
            return self._join(node, array)
        if isinstance(node, exp.Column) and node.meta.get(_ELEMENT):
            return self._parsed(self._templates.element.format(_quoted(node.table, self._dialect), node.name))
        if isinstance(node, exp.Anonymous) and (template := self._functions.get(node.name.lower())):
            first, *others = node.expressions
            words = [each.name for each in others]
            if node.name.lower() == "json_text" and not words[0].islower():
                template = self._templates.json_text_cased or template
            return self._parsed(template.format(self._sql(first), *words))
        return node

    def _join(self, node: exp.Join, array: exp.Expr) -> exp.Expr:
        alias = _quoted(node.this.alias, self._dialect)
        join = self._templates.elements.format(self._sql(array), alias)
        made: exp.Expr = sqlglot.parse_one(f"SELECT 1 FROM one {join}", read=self._dialect).args["joins"][0]  # noqa: S608
        return made

    def _sql(self, argument: exp.Expr) -> str:
        return argument.transform(self).sql(self._dialect, identify=True)

    def _parsed(self, sql: str) -> exp.Expr:
        return sqlglot.parse_one(sql, read=self._dialect)


def _quoted(name: str, dialect: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect)
