"""The page. What the API gave is escaped wherever it is written."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape
from math import log1p
from typing import Any

from segment_dagster.report.figures import (
    Bullet,
    Column,
    Daily,
    Figure,
    Matrix,
    Neighbourhood,
    Neighbourhoods,
    Report,
    Section,
    Stats,
    Table,
)
from segment_dagster.report.formats import shown
from segment_dagster.report.html.style import SCRIPT, STYLE
from segment_dagster.report.html.svg import bullet, daily, spark
from segment_dagster.report.levels import level
from segment_dagster.text import pluralize

KeyOf = Callable[[str], str]
"""Returns the key of the asset of a table."""

SEARCHED = 12
"""A table with more rows has a search."""

_NUMBERS = ("count", "share", "change", "points")


def page(report: Report, made_at: datetime, key_of: KeyOf) -> str:
    """Return the report as an HTML document. It needs nothing else, and may load nothing else.

    Args:
        report: What it shows.
        made_at: When it is made.
        key_of: Returns the key of the asset that a missing table is materialized by.
    """
    title = escape(f"Segment: {report.workspace}" if report.workspace else "Segment")
    sections = "".join(_section(name, section, report, key_of) for name, section in report.sections.items())
    links = "".join(f'<a href="#{name}">{escape(section.title)}</a>' for name, section in report.sections.items())
    as_of = f"Data as of <b>{report.as_of:%Y-%m-%d}</b> (UTC)" if report.as_of else "No data is loaded"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>{as_of}, made {made_at:%Y-%m-%d %H:%M %Z}.</p>{_stats(report.summary)}"
        f"<nav>{links}</nav>{sections}<script>{SCRIPT}</script></body></html>\n"
    )


def _policy() -> str:
    """Return a policy that refuses every request, and every style and script but the page's own."""
    style, script = (
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (STYLE, SCRIPT)
    )
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def _section(name: str, section: Section, report: Report, key_of: KeyOf) -> str:
    older = f"<p>As of {section.as_of:%Y-%m-%d}.</p>" if section.as_of and section.as_of != report.as_of else ""
    lacking = ", ".join(f"<code>{escape(key_of(table))}</code>" for table in section.lacking)
    missing = f'<p class="lacking">Not loaded yet: materialize {lacking}.</p>' if lacking else ""
    figures = "".join(_figure(figure, f"{name}-{number}") for number, figure in enumerate(section.figures))
    empty = '<p class="none">Nothing to show.</p>' if not figures and not missing else ""
    return (
        f'<section id="{name}"><h2>{escape(section.title)}</h2><p>{escape(section.about)}</p>{older}{missing}'
        f"{figures}{empty}</section>"
    )


def _figure(figure: Figure, identifier: str) -> str:
    if isinstance(figure, Stats):
        return _stats(figure)
    if isinstance(figure, Table):
        return _table(figure, identifier)
    if isinstance(figure, Daily):
        return daily(figure)
    if isinstance(figure, Matrix):
        return _matrix(figure)
    if isinstance(figure, Bullet):
        return bullet(figure)
    return _neighbourhoods(figure, identifier)


def _stats(figure: Stats) -> str:
    stats = "".join(
        f"<div><b>{escape(stat.value)}</b><span>{escape(stat.label)}</span><small>{escape(stat.caption)}</small></div>"
        for stat in figure.stats
    )
    return f'<div class="stats">{stats}</div>'


def _table(table: Table, identifier: str) -> str:
    label = f"<h3>{escape(table.label)}</h3>" if table.label else ""
    if not table.rows:
        return f'{label}<p class="none">{escape(table.empty)}</p>'
    heads = "".join(f"<th{_class(column)}>{escape(column.name)}</th>" for column in table.columns)
    rows = "".join(f"<tr data-item>{_cells(table.columns, row)}</tr>" for row in table.rows)
    more = f"<p>The first {len(table.rows):,} of {table.of:,} rows.</p>" if table.of > len(table.rows) else ""
    search = _search(identifier, "these rows") if len(table.rows) > SEARCHED else ""
    return (
        f'{label}{search}<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f'<tbody id="{identifier}">{rows}</tbody></table></div>{more}'
    )


def _cells(columns: Sequence[Column], row: Sequence[Any]) -> str:
    return "".join(_cell(column, value) for column, value in zip(columns, row, strict=True))


def _cell(column: Column, value: Any) -> str:
    if column.kind == "days":
        return f"<td>{spark(value)}</td>"
    text = escape(shown(value, column.kind))
    return f"<td>{_chip(text, value)}</td>" if column.kind == "state" else f"<td{_class(column)}>{text}</td>"


def _class(column: Column) -> str:
    return ' class="n"' if column.kind in _NUMBERS else ' class="d"' if column.kind == "day" else ""


def _chip(text: str, state: str) -> str:
    return f'<span class="state {level(state)}">{text}</span>'


def _search(identifier: str, what: str) -> str:
    hint = escape(f"Search {what}")
    # shown by the script, without which it does nothing
    return f'<input type="search" hidden data-of="{identifier}" placeholder="{hint}" aria-label="{hint}">'


def _matrix(matrix: Matrix) -> str:
    most = max(matrix.counts.values(), default=0) or 1
    upright = len(matrix.columns) <= 8
    heads = "".join(
        f'<th{"" if upright else " class=v"} scope="col">{escape(column)}</th>' for column in matrix.columns
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(row)}</th>'
        + "".join(_shade(matrix.counts.get((row, column), 0), most) for column in matrix.columns)
        + "</tr>"
        for row in matrix.rows
    )
    return (
        f'<figure><figcaption>{escape(matrix.label)}</figcaption><div class="scroll whole"><table class="matrix">'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div></figure>"
    )


def _shade(count: int, most: int) -> str:
    if not count:
        return '<td class="s0">·</td>'
    # by the logarithm: a few large counts would leave the others without a shade
    depth = 1 + min(3, int(4 * log1p(count) / log1p(most)))
    return f'<td class="s{depth}">{shown(count, "count")}</td>'


def _neighbourhoods(figure: Neighbourhoods, identifier: str) -> str:
    by_type: Mapping[str, list[Neighbourhood]] = defaultdict(list)
    for source in figure.sources:
        by_type[source.type].append(source)
    groups = "".join(
        f"<details data-group><summary><b>{escape(kind)}</b> ({pluralize(len(sources), 'source')})</summary>"
        f"{''.join(map(_neighbourhood, sources))}</details>"
        for kind, sources in sorted(by_type.items(), key=lambda each: (-len(each[1]), each[0]))
    )
    return (
        f"<h3>Each source and what it is connected to</h3>{_search(identifier, 'sources and destinations')}"
        f'<div class="groups" id="{identifier}">{groups}</div>'
    )


def _neighbourhood(source: Neighbourhood) -> str:
    labels = "".join(f" <small>{escape(key)}: {escape(value)}</small>" for key, value in source.labels)
    targets = "".join(
        f"<li>{_chip(escape(target.name), target.state)} <small>{escape(target.type)}, "
        f"{escape(', '.join(filter(None, (target.state, target.note))))}</small></li>"
        for target in source.targets
    )
    number = pluralize(len(source.targets), "connection")
    return (
        f"<details data-item><summary>{_chip(escape(source.source), source.state)} "
        f"<small>{escape(source.state)}, {number}</small>{labels}</summary>"
        f"<ul>{targets or '<li>nothing</li>'}</ul></details>"
    )
