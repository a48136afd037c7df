"""What is connected to what."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from segment_dagster.report.figures import Figure, Matrix, Neighbourhood, Neighbourhoods, Section, Target
from segment_dagster.report.formats import distinct_names, name, share
from segment_dagster.report.queries import DESTINATIONS, QUERIES, SOURCES, WAREHOUSES
from segment_dagster.report.sections.context import DISABLED, Context, count_by, state_of, with_others

TYPE = "source type"
NO_LABEL = "no such label"
MAX_ROWS, MAX_COLUMNS, MAX_GROUPINGS = 30, 24, 4
"""Most rows and columns of a matrix, and most labels by which sources are grouped."""


def connections(context: Context) -> Section:
    """Return the section."""
    lacking = [
        *context.lacking(SOURCES, DESTINATIONS),
        *(QUERIES[WAREHOUSES].required if context.lacking(WAREHOUSES) else ()),
    ]
    sources = neighbourhoods(context)
    figures: list[Figure] = [matrix(sources, by) for by in groupings(sources)] if sources else []
    return Section(
        title="What is connected to what",
        about="How many connections lead from the sources of each type, or with each label, to each type of "
        "destination and warehouse; below, each source with what it is connected to.",
        figures=[*figures, Neighbourhoods(sources=sources)] if sources else [],
        lacking=lacking,
        as_of=context.as_of(SOURCES, DESTINATIONS),
    )


def neighbourhoods(context: Context) -> list[Neighbourhood]:
    """Return all sources by name, each with its destinations and warehouses."""
    targets: dict[Any, list[Target]] = defaultdict(list)
    for row in context.rows(DESTINATIONS):
        rate = row["success_rate_7d"]
        targets[row["source_id"]].append(
            Target(
                name=name(row["destination_name"]),
                type=name(row["destination_type"], "unknown type"),
                state=str(row["state"]),
                note=f"{share(rate)} delivered" if rate is not None else "",
            )
        )
    called = _warehouse_names(context)
    for row in context.rows(WAREHOUSES):
        state = "synced" if row["enabled"] else DISABLED
        of_type = f"{name(row['type'], 'unknown type')} (warehouse)"
        targets[row["source_id"]].append(Target(name=called[row["warehouse_id"]], type=of_type, state=state))
    found = [
        Neighbourhood(
            source=context.source_names[row["source_id"]],
            type=name(row["source_type"], "unknown type"),
            state=state_of(row),
            labels=list(_labels(row["labels"])),
            targets=sorted(targets[row["source_id"]], key=lambda target: (target.type, target.name, target.state)),
        )
        for row in context.rows(SOURCES)
    ]
    return sorted(found, key=lambda each: each.source.casefold())


def groupings(sources: Sequence[Neighbourhood]) -> list[str]:
    """Return by what sources can be grouped: their type, and the keys of the labels that most of them have."""
    keys = Counter(key for source in sources for key, _ in dict(source.labels).items())
    return [TYPE, *(key for key, _ in keys.most_common(MAX_GROUPINGS - 1) if key != TYPE)]


def matrix(sources: Sequence[Neighbourhood], by: str = TYPE) -> Matrix:
    """Return how many connections lead from each group of sources to each type of destination.

    Args:
        sources: The sources.
        by: `source type`, or the key of a label.
    """
    pairs = [(_group(source, by), target.type) for source in sources for target in source.targets]
    sizes = Counter(_group(source, by) for source in sources)
    without = {NO_LABEL: NO_LABEL} if sizes.pop(NO_LABEL, 0) else {}
    rows = with_others(sizes, MAX_ROWS) | without
    columns = with_others(Counter(column for _, column in pairs), MAX_COLUMNS)
    return Matrix(
        label=f"Connections by {by}" if by == TYPE else f"Connections by label {by}",
        rows=list(dict.fromkeys(rows.values())),
        columns=list(dict.fromkeys(columns.values())),
        counts=count_by((rows[row], columns[column], 1) for row, column in pairs),
    )


def _group(source: Neighbourhood, by: str) -> str:
    return source.type if by == TYPE else dict(source.labels).get(by, NO_LABEL)


def _labels(value: Any) -> Iterator[tuple[str, str]]:
    labels = orjson.loads(value) if isinstance(value, str) else value
    for label in labels if isinstance(labels, list) else []:
        if isinstance(label, dict) and label.get("key"):
            yield name(label["key"]), name(label.get("value"), "no value")


def _warehouse_names(context: Context) -> dict[str, str]:
    rows = {row["warehouse_id"]: name(row["name"], "warehouse") for row in context.rows(WAREHOUSES)}
    return distinct_names(dict(sorted(rows.items())))
