"""The report from the tables: its sections in their order."""

from collections.abc import Callable
from datetime import date

from segment_dagster.report.figures import Report, Stat, Stats
from segment_dagster.report.formats import latest, name, short
from segment_dagster.report.queries import DESTINATIONS, SOURCES, WORKSPACE
from segment_dagster.report.read import Tables
from segment_dagster.report.sections.attention import attention
from segment_dagster.report.sections.changes import changes
from segment_dagster.report.sections.connections import connections
from segment_dagster.report.sections.context import Context
from segment_dagster.report.sections.failures import failures
from segment_dagster.report.sections.governance import access, coverage, unused
from segment_dagster.report.sections.sources import sources, volume
from segment_dagster.report.sections.usage import MTU, forecast_range, usage, workspace_rows


def build_report(tables: Tables, *, person: Callable[[str], str] = str, most: int | None = None) -> Report:
    """Return the report.

    Args:
        tables: What was read.
        person: Returns what is shown of a name or an address of a person.
        most: Most rows of the long tables; `None` for all.
    """
    context = Context(tables=tables, person=person, most=most)
    first, number = attention(context)
    sections = {
        "attention": first,
        "connections": connections(context),
        "sources": sources(context),
        "volume": volume(context),
        "failures": failures(context),
        "usage": usage(context),
        "coverage": coverage(context),
        "access": access(context),
        "unused": unused(context),
        "changes": changes(context),
    }
    as_of: date | None = latest(section.as_of for section in sections.values())
    workspace = context.rows(WORKSPACE)
    return Report(
        workspace=name(workspace[0]["name"]) if workspace else "",
        as_of=as_of,
        summary=Stats(stats=_summary(context, number)),
        sections=sections,
        needs_attention=number,
    )


def _summary(context: Context, needs_attention: int) -> list[Stat]:
    stats = [Stat(label="need attention", value=f"{needs_attention:,}")]
    for table, called in ((SOURCES, "sources"), (DESTINATIONS, "destinations")):
        if table in context.tables:
            rows = context.rows(table)
            enabled = sum(bool(row["enabled"]) for row in rows)
            stats.append(Stat(label=called, value=f"{len(rows):,}", caption=f"{enabled:,} enabled"))
    for row in workspace_rows(context):
        if row["metric"] == MTU:
            stats.append(Stat(label=f"MTU in {row['month']:%B}", value=short(row["used"]), caption=forecast_range(row)))
    return stats
