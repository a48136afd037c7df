"""From the versions of an endpoint's records to what became of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.versions import VALID_FROM, VALID_TO, Values, counted_values
from segment_dagster.marts.diff import Difference, differences
from segment_dagster.redaction import Redact

NAMES = ("name", "display_name", "title", "slug")
"""Columns that say what a record is called; the first that is filled counts."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RecordChange:
    """One thing that became other than it was."""

    endpoint: Endpoint
    key: tuple[Any, ...]
    """The values of the primary key."""

    name: str | None
    """What the record is called."""

    difference: Difference
    after: datetime
    """The latest load that is known to have seen the record as it was before, or to have seen none."""

    seen_at: datetime
    """The load that saw it first."""


def record_changes(
    endpoint: Endpoint,
    versions: Iterable[Row],
    baseline: datetime,
    copied: Collection[str] = (),
    redact: Redact = dict,
) -> Iterator[RecordChange]:
    """What became of an endpoint's records.

    Args:
        endpoint: The endpoint.
        versions: Rows of its history, by key and then by time. Those that began with the baseline and still stand may
            be left out.
        baseline: The moment until which what came was there from the beginning, and so is no change.
        copied: Columns whose changes another endpoint tells of.
        redact: Takes out the secrets that a history holds.
    """
    columns = [column_name(field) for field in endpoint.primary_key]
    pluralize = counted_values(endpoint)

    def values(row: Row | None) -> Values | None:
        return redact(pluralize(row)) if row else None

    for key, rows in groupby(versions, lambda row: tuple(row[column] for column in columns)):
        for old, new, after, seen_at in _steps(rows, baseline):
            was, now = values(old), values(new)
            for difference in differences(was, now):
                if not difference.path or difference.path[0] not in copied:
                    yield RecordChange(
                        endpoint=endpoint,
                        key=key,
                        name=_name(now or was or {}),
                        difference=difference,
                        after=after,
                        seen_at=seen_at,
                    )


def _steps(versions: Iterable[Row], baseline: datetime) -> Iterator[tuple[Row | None, Row | None, datetime, datetime]]:
    """Of the versions of one record: what each took the place of, after when it did, and when that was seen."""
    retired: dict[datetime, Row] = {}
    for row in versions:
        start, end = row[VALID_FROM], row[VALID_TO]
        if start in retired:
            old = retired.pop(start)
            yield old, row, old[VALID_FROM], start
        elif start > baseline:
            yield None, row, max([baseline, *retired]), start
        if end is not None:
            retired[end] = row
    for end, row in retired.items():
        yield row, None, row[VALID_FROM], end


def _name(row: Row) -> str | None:
    return next((str(row[column]) for column in NAMES if row.get(column)), None)
