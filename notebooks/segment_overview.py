"""A Segment workspace at a glance: `make notebook` shows it in a browser, `python` reads it once and sums it up."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Segment overview")

with app.setup:
    from calendar import monthrange
    from collections import Counter, defaultdict
    from collections.abc import Iterable, Mapping, Sequence
    from dataclasses import dataclass
    from datetime import date, datetime, timedelta, timezone
    from html import escape
    from math import fsum
    from statistics import fmean
    from typing import Any

    import altair as alt
    import dlt
    import marimo as mo
    from dlt.common.destination.exceptions import DestinationUndefinedEntity
    from dlt.destinations.exceptions import DestinationConnectionError

    from segment_dagster.config import DestinationSettings
    from segment_dagster.errors import SegmentError
    from segment_dagster.load import resolve_destination

    Row = dict[str, Any]
    Tables = Mapping[str, list[Row]]

    # Okabe and Ito's colours, which the colour-blind can tell apart
    BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#AAAAAA"
    BY_STATE = alt.Color("state:N", scale=alt.Scale(domain=["enabled", "disabled"], range=[BLUE, GREY]), title=None)
    BY_DAY = alt.X("utcyearmonthdate(day):T", title=None, axis=alt.Axis(format="%d %b", labelSeparation=12))
    DAY = alt.Tooltip("utcyearmonthdate(day):T", title="day")
    # who has no e-mail address: API tokens
    NOBODY = "API tokens"
    # who made a change that no event of the trail, or none of a user, tells of
    UNKNOWN = "no user known"
    # sources, destinations or people that a chart has room for
    MOST = 40

    _DELIVERY = """SELECT granularity, destination_config_id AS destination, time, CAST(SUM(count) AS BIGINT) AS events
        FROM {table} GROUP BY granularity, destination_config_id, time"""

    DELIVERED = "delivery_overview_successful_delivery"
    FAILED = "delivery_overview_failed_delivery"
    FILTERED = "delivery_overview_filtered_at_destination"
    API_CALLS, MTU = "usage_api_calls_daily_delta", "usage_mtu_daily_delta"
    USERS = ("identified", "never_identified", "anonymous", "anonymous_identified")

    # What is read of each table, in PostgreSQL's SQL: dlt translates it. No settings are, so no secret can be shown.
    QUERIES = {
        "workspace": "SELECT name FROM {table}",
        "sources": "SELECT id, name, slug, enabled, metadata ->> 'name' AS kind FROM {table}",
        "destinations": "SELECT id, source_id, name, enabled, metadata ->> 'name' AS kind FROM {table}",
        "warehouses": "SELECT id, enabled, metadata ->> 'name' AS kind FROM {table}",
        "source_connected_warehouses": "SELECT source_id, id FROM {table}",
        API_CALLS: "SELECT timestamp, days, api_calls FROM {table}",
        MTU: "SELECT timestamp, days, identified, never_identified, anonymous, anonymous_identified FROM {table}",
        DELIVERED: _DELIVERY,
        FAILED: _DELIVERY,
        FILTERED: _DELIVERY,
        "audit_events": """SELECT actor_email, type, COUNT(*) AS events, MIN(timestamp) AS first,
            MAX(timestamp) AS latest FROM {table} GROUP BY actor_email, type""",
        "changes": "SELECT actor_email, endpoint, COUNT(*) AS changes FROM {table} GROUP BY actor_email, endpoint",
    }


@app.function
def read(dataset: dlt.Dataset) -> Tables:
    """The rows of the tables that are there, read in one go so that the destination is free again at once.

    Raises:
        DestinationConnectionError: The destination cannot be reached, or is locked.
    """
    found: dict[str, list[Row]] = {}
    with dataset:
        for table in [table for table in QUERIES if table in dataset.tables]:
            relation = dataset(QUERIES[table].format(table=table), query_dialect="postgres")
            try:
                found[table] = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
            except DestinationUndefinedEntity:
                # somebody dropped it
                continue
    return found


@app.function
def missing(tables: Tables, *wanted: str) -> Any:
    """The line in place of a chart: which assets to materialize, or that they hold nothing."""
    lacking = [f"`segment/{table}`" for table in wanted if table not in tables]
    if lacking:
        return mo.md(f"*Not loaded yet: materialize {', '.join(lacking)}.*")
    return mo.md(f"*Nothing to show: there are no rows in {', '.join(f'`{table}`' for table in wanted)}.*")


@app.function
def chart(rows: Sequence[Row]) -> alt.Chart:
    """A chart of rows as they are, without a data frame."""
    plain = [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()} for row in rows
    ]
    return alt.Chart(alt.InlineData(values=plain))


@app.function
def state(enabled: bool | None) -> str:
    """What the charts call it."""
    return "enabled" if enabled else "disabled"


@app.function
def label(row: Row) -> str:
    """What a person calls a source or a destination."""
    name: str = row["name"] or row.get("slug") or row["kind"] or "unnamed"
    return name


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
        _destination = resolve_destination(DestinationSettings())
        if _destination.file is None or _destination.file.exists():
            tables = read(dlt.dataset(_destination.factory, _destination.dataset))
        if not tables:
            _problem = (
                "Nothing is loaded yet. `make demo` loads a made-up workspace; with `SEGMENT_API_TOKEN` set,"
                " `python segment_pipeline.py` loads yours."
            )
    except SegmentError as _error:
        _problem = str(_error)
    except DestinationConnectionError:
        _problem = "The destination cannot be reached, or a run is loading into it. Reload this page in a minute."
    mo.callout(mo.md(escape(_problem, quote=False)), kind="warn") if _problem else None
    return (tables,)


@app.cell
def _(tables):
    sources, destinations, warehouses = (tables.get(_table, []) for _table in ("sources", "destinations", "warehouses"))

    def _stat(rows, what):
        if what not in tables:
            return mo.stat(value="–", label=what, caption="not loaded", bordered=True)  # noqa: RUF001 - a dash
        on = sum(bool(row["enabled"]) for row in rows)
        return mo.stat(value=len(rows), label=what, caption=f"{on} enabled", bordered=True)

    mo.vstack(
        [
            mo.md(f"Workspace **{escape(tables['workspace'][0]['name'] or '')}**")
            if tables.get("workspace")
            else missing(tables, "workspace"),
            mo.hstack(
                [_stat(sources, "sources"), _stat(destinations, "destinations"), _stat(warehouses, "warehouses")],
                widths="equal",
            ),
        ]
    )
    return destinations, sources, warehouses


@app.cell
def _():
    mo.md("""
    ## What is connected to what

    Sources on the left; on the right the kinds of destinations that they send to, and the warehouses. The thicker the
    line, the more destinations; grey where either end is disabled. Point at a dot to see its lines alone.
    """)
    return


@app.function
def connections(tables: Tables) -> list[Row]:
    """How many connections lead from each source to each kind of destination and to each warehouse."""
    sources = {row["id"]: row for row in tables.get("sources", [])}
    warehouses = {row["id"]: row for row in tables.get("warehouses", [])}
    found: Counter[tuple[str, str, str]] = Counter()
    for row in tables.get("destinations", []):
        if source := sources.get(row["source_id"]):
            found[source["id"], row["kind"] or "unknown", state(source["enabled"] and row["enabled"])] += 1
    for row in tables.get("source_connected_warehouses", []):
        source, warehouse = sources.get(row["source_id"]), warehouses.get(row["id"])
        if source and warehouse:
            name = f"{warehouse['kind'] or 'warehouse'} (warehouse {row['id'][:6]})"
            found[source["id"], name, state(source["enabled"] and warehouse["enabled"])] += 1
    return [
        {"source": source, "name": label(sources[source]), "target": target, "state": which, "connections": number}
        for (source, target, which), number in found.items()
    ]


@app.function
def placed(links: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Sources and targets from top to bottom, each beside what it is connected to, so that few lines cross."""
    left, right = (list(dict.fromkeys(link[end] for link in links)) for end in ("source", "target"))
    for _round in range(8):
        for mine, others, end, other in ((right, left, "target", "source"), (left, right, "source", "target")):
            height = {name: place / len(others) for place, name in enumerate(others)}
            middle = {name: fmean(height[link[other]] for link in links if link[end] == name) for name in mine}
            mine.sort(key=middle.__getitem__)
    return left, right


@app.function
def graph(links: Sequence[Row]) -> alt.LayerChart | alt.FacetChart:
    """Two columns of names and the lines between them."""
    left, right = placed(links)
    tall = max(len(left), len(right))
    height = {
        **{("source", name): (place + 0.5) * tall / len(left) for place, name in enumerate(left)},
        **{("target", name): (place + 0.5) * tall / len(right) for place, name in enumerate(right)},
    }
    lines = [
        {**link, "x": 0, "x2": 1, "y": height["source", link["source"]], "y2": height["target", link["target"]]}
        for link in links
    ]
    names = {link["source"]: link["name"] for link in links}
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[tall, 0], nice=False))
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.55, 1.55], nice=False))
    pointed = alt.selection_point(fields=["node"], on="pointerover", clear="pointerout", name="pointed")
    # nothing is pointed at, or a line, which is no node
    all_lines = "!isValid(pointed.node) || !isValid(pointed.node[0])"
    its_lines = "indexof(pointed.node, datum.source) >= 0 || indexof(pointed.node, datum.target) >= 0"
    drawn = (
        chart(lines)
        .mark_rule()
        .encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2="y2:Q",
            color=BY_STATE,
            size=alt.Size("connections:Q", scale=alt.Scale(domain=[1, 5], range=[1.2, 6], clamp=True), legend=None),
            opacity=alt.when(f"{all_lines} || {its_lines}").then(alt.value(0.7)).otherwise(alt.value(0.05)),
            tooltip=[alt.Tooltip("name:N", title="source"), "target:N", "state:N", "connections:Q"],
        )
    )

    rows = [
        {"node": name, "text": names.get(name, name), "x": at, "y": height[end, name]}
        for end, order, at in (("source", left, 0), ("target", right, 1))
        for name in order
    ]
    nodes = chart(rows).encode(x=x, y=y)
    name_of = alt.Text("text:N")
    both = alt.layer(
        drawn,
        nodes.mark_circle(size=80, color="#333333", opacity=1).add_params(pointed),
        nodes.transform_filter("datum.x == 0").mark_text(align="right", dx=-8, limit=230).encode(text=name_of),
        nodes.transform_filter("datum.x == 1").mark_text(align="left", dx=8, limit=230).encode(text=name_of),
    )
    sized: alt.LayerChart | alt.FacetChart
    sized = both.properties(width=840, height=max(160, 19 * tall)).configure_view(stroke=None)
    return sized


@app.cell
def _(sources, tables):
    links = connections(tables)
    _most = Counter[str]()
    for _link in links:
        _most[_link["source"]] += _link["connections"]
    _shown = {_source for _source, _ in _most.most_common(MOST)}
    unconnected = sorted(label(_row) for _row in sources if _row["id"] not in _most)
    _notes = [
        f"The {MOST} sources with the most connections are drawn; {len(_most) - MOST} more have some."
        if len(_most) > MOST
        else "",
        f"Connected to nothing: {len(unconnected)} of {len(sources)} sources." if unconnected else "",
        *(
            f"Without `segment/{_table}`, which is not loaded."
            for _table in ("warehouses", "source_connected_warehouses")
            if _table not in tables
        ),
    ]
    mo.vstack(
        [
            graph([_link for _link in links if _link["source"] in _shown]),
            mo.md(" ".join(_notes)),
        ]
    ) if links else missing(tables, "sources", "destinations")
    return links, unconnected


@app.cell
def _():
    mo.md("""
    ## Sources by kind and state
    """)
    return


@app.cell
def _(sources, tables):
    kinds = [
        {"kind": _kind, "state": _state, "sources": _number}
        for (_kind, _state), _number in Counter(
            (_row["kind"] or "unknown", state(_row["enabled"])) for _row in sources
        ).items()
    ]
    chart(kinds).mark_bar().encode(
        y=alt.Y("kind:N", sort="-x", title=None, axis=alt.Axis(labelLimit=240)),
        x=alt.X("sources:Q", title="sources", axis=alt.Axis(tickMinStep=1)),
        color=BY_STATE,
        order=alt.Order("state:N", sort="descending"),
        tooltip=["kind:N", "state:N", "sources:Q"],
    ).properties(width=600) if kinds else missing(tables, "sources")
    return (kinds,)


@app.cell
def _():
    mo.md("""
    ## Destinations without traffic

    Those that nothing was delivered to on the last days that are loaded, and what became of their events instead.
    """)
    return


@app.function
def by_day(rows: Iterable[Row]) -> dict[tuple[str, date], int]:
    """Events by destination and day in UTC, counted once where they were loaded in several granularities."""
    finest_last = ("MINUTE", "HOUR", "DAY")
    events: dict[str, dict[tuple[str, date], int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        events[row["granularity"]][row["destination"], row["time"].astimezone(timezone.utc).date()] += row["events"]
    # the one that is still loaded; of several the coarsest, which goes back furthest
    latest = max(events, key=lambda name: (max(day for _, day in events[name]), finest_last.index(name)), default=None)
    return dict(events[latest]) if latest else {}


@app.function
def without_traffic(
    destinations: Iterable[Row], events: Mapping[str, Mapping[tuple[str, date], int]], days: int
) -> list[Row]:
    """Destinations that nothing was delivered to in the last days, counted back from the last day that is loaded.

    Args:
        destinations: All of them.
        events: Those `delivered`, `failed` and `filtered`, by destination and day.
        days: How many days.
    """
    last = max((day for counts in events.values() for _, day in counts), default=None)
    if last is None:
        return []
    first = last - timedelta(days=days - 1)
    sums: dict[str, Counter[str]] = {what: Counter() for what in events}
    for what, counts in events.items():
        for (destination, day), number in counts.items():
            sums[what][destination] += number if day >= first else 0
    delivered_on: dict[str, date] = {}
    for (destination, day), number in events["delivered"].items():
        if number:
            delivered_on[destination] = max(day, delivered_on.get(destination, day))
    return [
        {
            "destination": label(row),
            "kind": row["kind"],
            "state": state(row["enabled"]),
            "instead": ", ".join(what for what in ("failed", "filtered") if sums[what][row["id"]]) or "nothing arrived",
            "failed": sums["failed"][row["id"]],
            "filtered": sums["filtered"][row["id"]],
            "last delivery": delivered_on.get(row["id"]),
            "id": row["id"],
        }
        for row in destinations
        if not sums["delivered"][row["id"]]
    ]


@app.cell
def _():
    days = mo.ui.slider(1, 29, value=7, label="days", show_value=True)
    days
    return (days,)


@app.cell
def _(tables):
    deliveries = {
        _what: by_day(tables.get(_table, []))
        for _what, _table in (("delivered", DELIVERED), ("failed", FAILED), ("filtered", FILTERED))
    }
    return (deliveries,)


@app.cell
def _(days, deliveries, destinations, tables):
    silent = without_traffic(destinations, deliveries, days.value) if DELIVERED in tables else []
    _figures = [
        {"instead": _instead, "state": _state, "destinations": _number}
        for (_instead, _state), _number in Counter((_row["instead"], _row["state"]) for _row in silent).items()
    ]
    if silent:
        _view = mo.vstack(
            [
                mo.md(f"**{len(silent)} of {len(destinations)}** destinations."),
                chart(_figures)
                .mark_bar()
                .encode(
                    y=alt.Y("instead:N", sort="-x", title=None, axis=alt.Axis(labelLimit=240)),
                    x=alt.X("destinations:Q", axis=alt.Axis(tickMinStep=1)),
                    color=BY_STATE,
                    order=alt.Order("state:N", sort="descending"),
                    tooltip=["instead:N", "state:N", "destinations:Q"],
                )
                .properties(width=600),
                mo.ui.table(
                    [{_name: "" if _value is None else _value for _name, _value in _row.items()} for _row in silent],
                    selection=None,
                    page_size=10,
                    show_column_summaries=False,
                ),
            ]
        )
    elif deliveries["delivered"] and destinations:
        _view = mo.md("*Something was delivered to every destination.*")
    else:
        _view = missing(tables, "destinations", DELIVERED)
    _view
    return (silent,)


@app.cell
def _():
    mo.md("""
    ## Usage by day, and to the end of the month

    The forecast takes each day that is left for the mean of the same weekday in the four weeks before (of all days
    before, where there are fewer than 14); the latest day may not be over, and counts as at least that mean. Its range
    takes the lowest and the highest of those days instead. It needs three whole days, and knows of no holidays; users
    come back within a month, so that the users it forecasts are rather too many.
    """)
    return


@app.class_definition
@dataclass(frozen=True)
class Forecast:
    """What a month comes to.

    Args:
        latest: The last day with a count.
        so_far: The month's count up to it.
        ahead: From the latest day to the month's end: each `day` with what is `expected` of it.
        total: The whole month.
        low: The whole month if each day ahead is like the lowest that it is compared with.
        high: The same for the highest.
    """

    latest: date
    so_far: float
    ahead: list[Row]
    total: float
    low: float
    high: float


@app.function
def added_by_day(rows: Iterable[Row], field: str) -> dict[date, float]:
    """What each day added; days whose snapshots are missing get equal shares of what the next one added."""
    added: dict[date, float] = {}
    for row in rows:
        moment: datetime = row["timestamp"].astimezone(timezone.utc)
        for back in range(row["days"]):
            added[moment.date() - timedelta(days=back)] = row[field] / row["days"]
    return dict(sorted(added.items()))


@app.function
def forecast(added: Mapping[date, float]) -> Forecast | None:
    """The forecast of the month of the latest day; `None` where there are fewer than three whole days before it."""
    latest = max(added, default=None)
    basis = [day for day in added if latest and latest - timedelta(days=28) <= day < latest]
    if latest is None or len(basis) < 3:
        return None
    before = fsum(
        number for day, number in added.items() if (day.year, day.month) == (latest.year, latest.month) and day < latest
    )
    ahead: list[Row] = []
    low = high = before
    for number in range(latest.day, monthrange(latest.year, latest.month)[1] + 1):
        day = latest.replace(day=number)
        alike = [added[each] for each in basis if len(basis) < 14 or each.weekday() == day.weekday()]
        # what has come of the latest day stays
        least = added[day] if day == latest else 0.0
        ahead.append({"day": day, "expected": max(least, fmean(alike))})
        low += max(least, min(alike))
        high += max(least, max(alike))
    total = before + fsum(row["expected"] for row in ahead)
    return Forecast(latest, before + added[latest], ahead, total, low, high)


@app.function
def told(forecast_: Forecast | None, what: str) -> str:
    """The forecast in a sentence."""
    if forecast_ is None:
        return f"Too few days for a forecast of {what}."
    return (
        f"**{forecast_.so_far:,.0f}** {what} so far in {forecast_.latest:%B %Y} (to the {forecast_.latest.day}.), "
        f"**{forecast_.total:,.0f}** by its end, between {forecast_.low:,.0f} and {forecast_.high:,.0f}."
    )


@app.cell
def _(tables):
    api_calls = added_by_day(tables.get(API_CALLS, []), "api_calls")
    api_forecast = forecast(api_calls)
    _rows = [{"day": _day, "API calls": _number, "is": "counted"} for _day, _number in api_calls.items()]
    for _ahead in api_forecast.ahead if api_forecast else []:
        _rest = _ahead["expected"] - api_calls.get(_ahead["day"], 0)
        _rows.append({"day": _ahead["day"], "API calls": _rest, "is": "forecast"})
    _chart = (
        chart(_rows)
        .mark_bar(size=9)
        .encode(
            x=BY_DAY,
            y=alt.Y("sum(API calls):Q", title="API calls a day", axis=alt.Axis(format="~s")),
            color=alt.Color("is:N", scale=alt.Scale(domain=["counted", "forecast"], range=[BLUE, ORANGE]), title=None),
            order=alt.Order("is:N"),
            tooltip=[
                DAY,
                "is:N",
                alt.Tooltip("API calls:Q", format=",.0f"),
            ],
        )
        .properties(width=760, height=220)
    )
    mo.vstack([mo.md(told(api_forecast, "API calls")), _chart]) if api_calls else missing(tables, API_CALLS)
    return api_calls, api_forecast


@app.function
def running(added: Mapping[date, float], ahead: Forecast) -> list[Row]:
    """The month's count day by day: what was counted, and from the latest day on what is forecast."""
    first = ahead.latest.replace(day=1)
    rows, total = [], 0.0
    for day in [day for day in added if first <= day <= ahead.latest]:
        total += added[day]
        rows.append({"day": day, "users": total, "is": "counted"})
    rows.append({"day": ahead.latest, "users": total, "is": "forecast"})
    total -= added[ahead.latest]
    for row in ahead.ahead:
        total += row["expected"]
        if row["day"] > ahead.latest:
            rows.append({"day": row["day"], "users": total, "is": "forecast"})
    return rows


@app.cell
def _(tables):
    users = {_kind: added_by_day(tables.get(MTU, []), _kind) for _kind in USERS}
    user_forecasts = {_kind: forecast(_added) for _kind, _added in users.items()}
    _rows = [
        {"kind": _kind.replace("_", " "), **_row}
        for _kind, _forecast in user_forecasts.items()
        if _forecast
        for _row in running(users[_kind], _forecast)
    ]
    _chart = (
        chart(_rows)
        .mark_line(strokeWidth=2)
        .encode(
            x=BY_DAY,
            y=alt.Y("users:Q", title="tracked users since the month began", axis=alt.Axis(format="~s")),
            color=alt.Color("kind:N", title=None, scale=alt.Scale(range=[BLUE, ORANGE, "#009E73", "#CC79A7"])),
            strokeDash=alt.StrokeDash("is:N", title=None, sort=["counted", "forecast"]),
            tooltip=[
                DAY,
                "kind:N",
                "is:N",
                alt.Tooltip("users:Q", format=",.0f"),
            ],
        )
        .properties(width=760, height=260)
    )
    _lines = [f"- {told(_forecast, f'{_kind} users'.replace('_', ' '))}" for _kind, _forecast in user_forecasts.items()]
    mo.vstack([mo.md("\n".join(_lines)), *([_chart] if _rows else [])]) if any(users.values()) else missing(tables, MTU)
    return user_forecasts, users


@app.cell
def _():
    mo.md("""
    ## Delivery success by destination

    Of the events that were delivered or failed on all days that are loaded, those delivered. What was filtered out was
    not meant to arrive.
    """)
    return


@app.function
def success(destinations: Iterable[Row], events: Mapping[str, Mapping[tuple[str, date], int]]) -> list[Row]:
    """How much of what was sent to each destination arrived, the least first; not those that nothing was sent to."""
    sums: dict[str, Counter[str]] = {what: Counter() for what in ("delivered", "failed")}
    for what, found in sums.items():
        for (destination, _), number in events[what].items():
            found[destination] += number
    rows = []
    for row in destinations:
        delivered, failed = (sums[what][row["id"]] for what in ("delivered", "failed"))
        if delivered + failed:
            rate = delivered / (delivered + failed)
            rows.append(
                {"id": row["id"], "destination": label(row), "delivered": delivered, "failed": failed, "rate": rate}
            )
    return sorted(rows, key=lambda row: row["rate"])


@app.cell
def _(deliveries, destinations, tables):
    delivery = success(destinations, deliveries) if {DELIVERED, FAILED} <= set(tables) else []
    _chart = (
        chart([{**_row, "name": f"{_row['destination'][:34]} ({_row['id'][:6]})"} for _row in delivery[:MOST]])
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=300)),
            x=alt.X("rate:Q", title="delivered", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.condition("datum.rate < 0.95", alt.value(ORANGE), alt.value(BLUE)),
            tooltip=[
                "destination:N",
                alt.Tooltip("rate:Q", format=".1%"),
                alt.Tooltip("delivered:Q", format=","),
                alt.Tooltip("failed:Q", format=","),
            ],
        )
        .properties(width=520)
    )
    _delivered, _failed = (sum(_row[_what] for _row in delivery) for _what in ("delivered", "failed"))
    mo.vstack(
        [
            mo.md(
                f"**{_delivered / (_delivered + _failed):.1%}** in all: {_delivered:,} delivered, {_failed:,} failed,"
                f" to {len(delivery)} destinations"
                f"{f', of which the {MOST} with the lowest shares are shown' if len(delivery) > MOST else ''}."
                " Orange: less than 95%."
            ),
            _chart,
        ]
    ) if delivery else missing(tables, "destinations", DELIVERED, FAILED)
    return (delivery,)


@app.cell
def _():
    mo.md("""
    ## Changes by person

    Events of the audit trail, by who caused them.
    """)
    return


@app.function
def people(rows: Iterable[Row], what: str, number: str, nobody: str) -> list[Row]:
    """Rows by person (or what stands for nobody) and kind: the busiest first, each with the `total` of the person."""
    found: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for row in rows:
        person = row["actor_email"] or nobody
        found[person, row[what]] += row[number]
        totals[person] += row[number]
    rows = [
        {"person": person, what: kind, number: count, "total": totals[person]}
        for (person, kind), count in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["total"], row["person"], row[what]))


@app.function
def people_chart(rows: Sequence[Row], what: str, number: str) -> alt.Chart:
    """Bars of the busiest people. API tokens together do more than any of them, and would dwarf the rest."""
    shown = list(dict.fromkeys(row["person"] for row in rows if row["person"] != NOBODY))[:MOST]
    bars: alt.Chart = (
        chart([row for row in rows if row["person"] in shown])
        .mark_bar()
        .encode(
            y=alt.Y("person:N", sort=shown, title=None, axis=alt.Axis(labelLimit=240)),
            x=alt.X(f"{number}:Q", title=number),
            color=alt.Color(
                f"{what}:N",
                title=what,
                scale=alt.Scale(scheme="tableau20"),
                legend=alt.Legend(labelLimit=240, symbolLimit=40),
            ),
            tooltip=["person:N", f"{what}:N", f"{number}:Q", "total:Q"],
        )
        .properties(width=480)
    )
    return bars


@app.cell
def _(tables):
    trail = people(tables.get("audit_events", []), "type", "events", NOBODY)
    _events = Counter[str]()
    for _row in trail:
        _events[_row["person"]] += _row["events"]
    _people = len(_events.keys() - {NOBODY})
    _shown = f", of whom the busiest {MOST} are shown" if _people > MOST else ""
    if trail:
        _first = min(_row["first"] for _row in tables["audit_events"])
        _latest = max(_row["latest"] for _row in tables["audit_events"])
        _view = mo.vstack(
            [
                mo.md(
                    f"{_events.total():,} events from {_first:%Y-%m-%d} to {_latest:%Y-%m-%d}: {_events[NOBODY]:,} by"
                    f" API tokens, the others by {_people} people{_shown}."
                ),
                people_chart(trail, "type", "events"),
            ]
        )
    else:
        _view = missing(tables, "audit_events")
    _view
    return (trail,)


@app.cell
def _(tables):
    changes = people(tables.get("changes", []), "endpoint", "changes", UNKNOWN)
    if changes:
        _view = mo.vstack(
            [mo.md("And what these changed, by `segment/changes`:"), people_chart(changes, "endpoint", "changes")]
        )
    elif "changes" in tables:
        _view = mo.md("*`segment/changes` has seen no change yet.*")
    else:
        _view = mo.md("*What they changed: set `SEGMENT_HISTORY=true` and materialize `segment/changes`.*")
    _view
    return (changes,)


@app.cell
def _(destinations, links, silent, sources, tables):
    if mo.app_meta().mode == "script":
        print(
            f"{len(tables)} of {len(QUERIES)} tables: {len(sources)} sources, {len(destinations)} destinations,"
            f" {sum(_link['connections'] for _link in links)} connections, {len(silent)} destinations without traffic"
        )
    return


if __name__ == "__main__":
    app.run()
