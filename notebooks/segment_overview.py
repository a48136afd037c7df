"""A Segment workspace at a glance: `make notebook` shows it in a browser, `python` reads it once and sums it up."""

# Light or dark, as the browser is.
# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Segment overview")

with app.setup:
    import re
    from collections import Counter
    from collections.abc import Callable, Sequence
    from dataclasses import replace
    from datetime import date
    from html import escape
    from math import log1p
    from statistics import fmean
    from typing import Any

    import altair as alt
    import marimo as mo

    from segment_dagster.config import ApiSettings, DestinationSettings, HealthSettings
    from segment_dagster.errors import SegmentError
    from segment_dagster.load import LoadError, inspect_dataset, resolve_destination
    from segment_dagster.report.build import build_report
    from segment_dagster.report.figures import (
        Bullet,
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
    from segment_dagster.report.formats import shown, spark
    from segment_dagster.report.levels import level
    from segment_dagster.report.queries import MARTS, QUERIES
    from segment_dagster.report.read import Tables, read_tables
    from segment_dagster.report.sections.connections import TYPE, groupings, matrix

    Row = dict[str, Any]

    # Okabe and Ito's colours, which the colour-blind can tell apart, and the light and the dark page show alike
    BLUE, ORANGE, VERMILION, GREEN, GREY = "#2A85C0", "#E69F00", "#D55E00", "#009E73", "#8B949E"
    BY_LEVEL = alt.Scale(domain=["good", "warn", "bad", "off"], range=[GREEN, ORANGE, VERMILION, GREY])
    # the fewest and the most of a chart's counts: the same on a light and on a dark page
    SHADES = ["#D3E5F2", "#1F6FA8"]
    # d3 calls a billion G
    SHORT = "replace(format(datum.value, '.3~s'), 'G', 'B')"
    # pixels of a table's columns by kind, and of short texts by name
    WIDTHS = {"state": 95, "count": 90, "share": 80, "change": 80, "points": 90, "day": 105, "days": 185}
    SHORT_TEXTS = {"what": 95, "of": 85, "type": 120, "finding": 130}
    # sources that the graph has room for
    MOST = 16
    # seconds to wait for a run that holds the destination
    PATIENCE = 2.0


@app.function
def read() -> Tables:
    """The tables that the settings lead to, read in one go so that the destination is free again at once.

    Raises:
        SegmentError: A setting cannot be used, or the destination cannot be read.
    """
    destination = resolve_destination(DestinationSettings())
    with inspect_dataset(replace(destination, lock_timeout=PATIENCE)) as dataset:
        return read_tables(dataset, ApiSettings().now, HealthSettings())


@app.function
def chart(rows: Sequence[Row]) -> alt.Chart:
    """A chart of rows as they are, without a data frame, as wide as the page."""
    plain = [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()} for row in rows
    ]
    return alt.Chart(alt.InlineData(values=plain), width="container")


@app.function
def drawn(figure: Figure) -> Any:
    """A figure of the report as marimo shows it. Texts of the API are data of tables and charts, which stay text."""
    if isinstance(figure, Stats):
        stats = [
            mo.stat(value=each.value, label=each.label, caption=each.caption, bordered=True) for each in figure.stats
        ]
        return mo.hstack(stats, justify="start", wrap=True)
    if isinstance(figure, Table):
        return table(figure)
    if isinstance(figure, Daily):
        return daily(figure)
    if isinstance(figure, Matrix):
        return heat(figure)
    if isinstance(figure, Bullet):
        return bullet(figure)
    return None


@app.function
def table(figure: Table) -> Any:
    """Rows with a search, ten on a page; numbers are sorted as numbers."""
    head = [mo.md(f"**{figure.label}**")] if figure.label else []
    if not figure.rows:
        return mo.vstack([*head, mo.md(f"*{figure.empty}*")])
    numbers: dict[str, str | Callable[..., Any]] = {
        column.name: lambda value, kind=column.kind: shown(value, kind)
        for column in figure.columns
        if column.kind in ("count", "share", "change", "points")
    }
    rows = [
        {
            column.name: spark(value)
            if column.kind == "days"
            else value
            if column.name in numbers
            else shown(value, column.kind)
            for column, value in zip(figure.columns, row, strict=True)
        }
        for row in figure.rows
    ]
    texts = [column.name for column in figure.columns if column.kind == "text"]
    return mo.vstack(
        [
            *head,
            mo.ui.table(
                rows,
                selection=None,
                page_size=10,
                show_column_summaries=False,
                show_data_types=False,
                format_mapping=numbers | dict.fromkeys(texts, no_link),
                text_justify_columns=dict.fromkeys(numbers, "right"),
                column_widths=widths(figure),
                wrapped_columns=texts,
            ),
        ]
    )


@app.function
def no_link(text: str) -> str:
    """A text that marimo's tables make no link of: an invisible word joiner follows what may be a scheme."""
    return re.sub(r"(?<=\w):(?=\S)", ":\u2060", text)


@app.function
def widths(figure: Table) -> dict[str, int]:
    """Pixels of the columns whose values are short; the others are as wide as marimo makes a text that it wraps."""
    return {
        column.name: width
        for column in figure.columns
        if (width := WIDTHS.get(column.kind) or SHORT_TEXTS.get(column.name))
    }


@app.function
def daily(figure: Daily) -> alt.Chart:
    """Bars by day."""
    axis = alt.Axis(format=".2%", tickCount=4) if figure.kind == "share" else alt.Axis(labelExpr=SHORT, tickCount=4)
    bars: alt.Chart = (
        chart([{"day": day, "value": value, "shown": shown(value, figure.kind)} for day, value in figure.days])
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("utcyearmonthdate(day):T", title=None, axis=alt.Axis(format="%d %b", labelSeparation=12)),
            y=alt.Y("value:Q", title=None, axis=axis),
            tooltip=[alt.Tooltip("utcyearmonthdate(day):T", title="day"), alt.Tooltip("shown:N", title="value")],
        )
        .properties(height=180, title=figure.label)
    )
    return bars


@app.function
def heat(figure: Matrix) -> alt.LayerChart:
    """Counts as shades, with the numbers."""
    most = log1p(max(figure.counts.values(), default=1))
    cells = [
        {
            "row": row,
            "column": column,
            "count": count,
            "shown": shown(count, "count"),
            "deep": log1p(count) > 0.6 * most,
        }
        for (row, column), count in figure.counts.items()
        if count
    ]
    base = chart(cells).encode(
        x=alt.X("column:N", title=None, sort=figure.columns, scale=alt.Scale(domain=figure.columns)),
        y=alt.Y("row:N", title=None, sort=figure.rows, scale=alt.Scale(domain=figure.rows)),
        tooltip=["row:N", "column:N", "count:Q"],
    )
    many = len(figure.columns) > 8
    both: alt.LayerChart = (
        alt.layer(
            base.mark_rect().encode(
                color=alt.Color("count:Q", scale=alt.Scale(type="symlog", range=SHADES, domainMin=0), legend=None)
            ),
            base.mark_text().encode(
                text="shown:N", color=alt.when("datum.deep").then(alt.value("white")).otherwise(alt.value("#1C2128"))
            ),
        )
        .properties(title=figure.label, height=alt.Step(22), width="container" if many else alt.Step(70))
        .configure_axisX(orient="top", labelAngle=-60 if many else 0, labelLimit=180, domain=False, ticks=False)
        .configure_axisY(labelLimit=240, domain=False, ticks=False)
        .configure_view(stroke=None)
    )
    return both


@app.function
def bullet(figure: Bullet) -> alt.LayerChart:
    """What is used, the range of the forecast and the plan on one axis."""
    base = chart(
        [
            {
                "used": figure.used,
                "forecast": figure.forecast,
                "low": figure.low,
                "high": figure.high,
                "plan": figure.plan,
            }
        ]
    )
    x = alt.X(
        "used:Q", title=None, scale=alt.Scale(domain=[0, figure.scale()]), axis=alt.Axis(labelExpr=SHORT, tickCount=6)
    )
    layers = [
        base.mark_bar(size=26, color=BLUE, opacity=0.35).encode(x=alt.X("low:Q", title=None), x2="high:Q"),
        base.mark_bar(size=13, color=BLUE).encode(x=x),
        base.mark_tick(size=30, thickness=3, color=BLUE).encode(x=alt.X("forecast:Q", title=None)),
        *(
            [base.mark_tick(size=34, thickness=3, color=VERMILION).encode(x=alt.X("plan:Q", title=None))]
            if figure.plan
            else []
        ),
    ]
    both: alt.LayerChart = alt.layer(*layers).properties(
        height=44, title=f"{figure.label}: used, forecast with its range{', plan (red)' if figure.plan else ''}"
    )
    return both


@app.function
def placed(links: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Both ends of some links from top to bottom, each beside what it is linked to, so that few lines cross."""
    left, right = (list(dict.fromkeys(link[end] for link in links)) for end in (0, 1))
    for _round in range(8):
        for mine, others, end in ((right, left, 1), (left, right, 0)):
            height = {name: place / len(others) for place, name in enumerate(others)}
            middle = {name: fmean(height[link[1 - end]] for link in links if link[end] == name) for name in mine}
            mine.sort(key=middle.__getitem__)
    return left, right


@app.function
def graph(sources: Sequence[Neighbourhood]) -> alt.LayerChart:
    """A few sources on the left, lines to what they are connected to: of several, to the types of it."""
    alone = len(sources) == 1
    links: Counter[tuple[str, str, str]] = Counter()
    for source in sources:
        for target in source.targets:
            called = f"{target.name}: {target.type}, {target.state}" if alone else target.type
            links[source.source, called, level(target.state) if alone else level(source.state)] += 1
    left, right = placed([(source, target) for source, target, _ in links])
    tall = max(len(left), len(right))
    at = {("left", name): (place + 0.5) * tall / len(left) for place, name in enumerate(left)}
    at |= {("right", name): (place + 0.5) * tall / len(right) for place, name in enumerate(right)}
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    lines = [
        {"source": source, "target": target, "level": how, "connections": number}
        | {"x": 0, "x2": 1, "y": at["left", source], "y2": at["right", target]}
        for (source, target, how), number in links.items()
    ]
    sides = []
    # the names are labels of axes, whose colour is that of the page
    for names, place in ((left, 0), (right, 1)):
        y = alt.Y(
            "text:N",
            title=None,
            # of points, each in the middle of its share of the height, where the lines end
            scale=alt.Scale(domain=names, padding=0.5),
            axis=alt.Axis(
                orient="right" if place else "left", labelLimit=300, labelPadding=8, domain=False, ticks=False
            ),
        )
        dots = chart([{"text": name, "x": place} for name in names])
        sides.append(dots.mark_circle(size=70, color=GREY, opacity=1).encode(x=x, y=y))
    both: alt.LayerChart = (
        alt.layer(
            chart(lines)
            .mark_rule(opacity=0.8)
            .encode(
                x=x,
                x2="x2:Q",
                y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[tall, 0], nice=False)),
                y2="y2:Q",
                color=alt.Color("level:N", scale=BY_LEVEL, legend=None),
                size=alt.Size("connections:Q", scale=alt.Scale(domain=[1, 5], range=[1.5, 6], clamp=True), legend=None),
                tooltip=["source:N", "target:N", "connections:Q"],
            ),
            *sides,
        )
        .resolve_scale(y="independent")
        .properties(height=max(120, 24 * tall))
        .configure_view(stroke=None)
    )
    return both


@app.function
def found(sources: Sequence[Neighbourhood], sought: str) -> list[Neighbourhood]:
    """The sources in whose name, type, state or labels a text is, whatever its case."""
    words = sought.casefold().split()
    return [
        source
        for source in sources
        for text in [" ".join([source.source, source.type, source.state, *map(" ".join, source.labels)]).casefold()]
        if all(word in text for word in words)
    ]


@app.function
def missing(lacking: Sequence[str]) -> list[Any]:
    """The line in place of what is not loaded: which assets to materialize."""
    return (
        [mo.md(f"*Not loaded yet: materialize {', '.join(f'`segment/{each}`' for each in lacking)}.*")]
        if lacking
        else []
    )


@app.function
def headed(section: Section, as_of: date | None) -> list[Any]:
    """The heading of a section, what it lacks, and its last day, if that is not the report's."""
    older = f" As of {section.as_of:%Y-%m-%d}." if section.as_of and section.as_of != as_of else ""
    return [mo.md(f"## {section.title}\n\n{section.about}{older}"), *missing(section.lacking)]


@app.function
def part(report: Report, name: str) -> Any:
    """A section as it is."""
    section = report.sections[name]
    return mo.vstack([*headed(section, report.as_of), *filter(None, map(drawn, section.figures))])


@app.cell
def _():
    mo.md("""
    # Segment overview
    """)
    return


@app.cell
def _():
    tables: Tables = {}
    _problem = ""
    try:
        tables = read()
        if not tables:
            _problem = (
                "Nothing is loaded yet. `make demo` loads a made-up workspace; with `SEGMENT_API_TOKEN` set,"
                " `python segment_pipeline.py` loads yours."
            )
    except LoadError:
        _problem = "The destination cannot be reached, or a run is loading into it. Reload this page in a minute."
    except SegmentError as _error:
        _problem = str(_error)
    report = build_report(tables)
    mo.callout(mo.Html(f"<p>{escape(_problem)}</p>"), kind="warn") if _problem else None
    return report, tables


@app.cell
def _(report):
    _as_of = f"Data as of <b>{report.as_of:%Y-%m-%d}</b> (UTC)." if report.as_of else ""
    mo.vstack([mo.Html(f"<p><b>{escape(report.workspace)}</b> {_as_of}</p>"), drawn(report.summary)])
    return


@app.cell
def _(report):
    part(report, "attention")
    return


@app.cell
def _(report):
    neighbourhoods = [
        _source
        for _figure in report.sections["connections"].figures
        if isinstance(_figure, Neighbourhoods)
        for _source in _figure.sources
    ]
    by = mo.ui.dropdown(groupings(neighbourhoods) if neighbourhoods else [TYPE], value=TYPE, label="group by")
    sought = mo.ui.text(label="search", placeholder="name, type, state or label", debounce=300)
    chosen = mo.ui.dropdown(
        {_source.source: _number for _number, _source in enumerate(neighbourhoods)},
        label="one source",
        searchable=True,
    )
    mo.vstack(
        [
            *headed(report.sections["connections"], report.as_of),
            *([mo.hstack([by, sought, chosen], justify="start", wrap=True)] if neighbourhoods else []),
        ]
    )
    return by, chosen, neighbourhoods, sought


@app.cell
def _(by, chosen, neighbourhoods, sought):
    _some = [neighbourhoods[chosen.value]] if chosen.value is not None else found(neighbourhoods, sought.value)
    _connected = [_source for _source in _some if _source.targets]
    _lines = [f"{len(_some)} of {len(neighbourhoods)} sources, {len(_some) - len(_connected)} connected to nothing."]
    if len(_connected) > MOST:
        _lines.append(f"Search for fewer than {MOST + 1}, or choose one, to see their lines.")
    mo.vstack(
        [
            mo.md(" ".join(_lines)),
            *([graph(_connected)] if 0 < len(_connected) <= MOST else []),
            *([heat(matrix(_connected, by.value))] if len(_connected) > 1 else []),
        ]
    ) if neighbourhoods else None
    return


@app.cell
def _(report):
    part(report, "sources")
    return


@app.cell
def _(report):
    part(report, "volume")
    return


@app.cell
def _(report):
    part(report, "failures")
    return


@app.cell
def _(report):
    part(report, "usage")
    return


@app.cell
def _(report):
    part(report, "coverage")
    return


@app.cell
def _(report):
    part(report, "access")
    return


@app.cell
def _(report):
    part(report, "unused")
    return


@app.cell
def _(report):
    part(report, "changes")
    return


@app.cell
def _(neighbourhoods, report, tables):
    if mo.app_meta().mode == "script":
        print(
            f"{len(tables)} of {len(MARTS) + len(QUERIES)} tables: {len(neighbourhoods)} sources,"
            f" {sum(len(_source.targets) for _source in neighbourhoods)} connections,"
            f" {report.needs_attention} need attention"
        )
    return


if __name__ == "__main__":
    app.run()
