"""Derive tables with the daily differences of counts that are cumulative within a month."""

from collections.abc import Iterable
from dataclasses import replace

from segment_dagster.endpoints.columns import count
from segment_dagster.endpoints.model import Column, Endpoint

SUFFIX = "_delta"


def delta_of(endpoint: Endpoint) -> Endpoint:
    """Return the table with the daily differences of an endpoint's cumulative counts."""
    return replace(
        endpoint,
        name=f"{endpoint.name}{SUFFIX}",
        description=f"What each day added to the counts of {endpoint.name}: they sum up to them, month by month.",
        derived_from=endpoint.name,
        cumulative=(),
        measure=endpoint.cumulative,
        columns=(
            *(_added(column) if column.field in endpoint.cumulative else column for column in endpoint.columns),
            count("days", "Days since the snapshot before, or since the month began: 1 unless snapshots are missing."),
        ),
    )


def deltas_of(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Return the tables with daily differences for all endpoints that have cumulative counts."""
    return tuple(delta_of(endpoint) for endpoint in endpoints if endpoint.cumulative)


def _added(column: Column) -> Column:
    what = column.description.partition(" since the month began")[0]
    return replace(column, description=f"{what} that came in these days; less than 0 where the count was corrected.")
