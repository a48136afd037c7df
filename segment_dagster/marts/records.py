"""Derive changes from the versions of an endpoint's records."""

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
"""Columns that may hold a record's name; the first with a value is used."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RecordChange:
    """One change of a record."""

    endpoint: Endpoint
    key: tuple[Any, ...]
    """The values of the primary key."""

    name: str | None
    """The record's name, if it has one."""

    difference: Difference
    after: datetime
    """Time of the latest load that is known to have seen the record's old state, or no record."""

    seen_at: datetime
    """Time of the load that first saw the change."""


def record_changes(
    endpoint: Endpoint,
    versions: Iterable[Row],
    baseline: datetime,
    copied: Collection[str] = (),
    redact: Redact = dict,
) -> Iterator[RecordChange]:
    """Yield the changes of an endpoint's records.

    Args:
        endpoint: The endpoint.
        versions: Rows of its history, sorted by key and then by time. Rows that started with the baseline and are
            still current may be left out.
        baseline: Time of the first load. Rows that started until then are not additions.
        copied: Columns whose changes are reported by another endpoint.
        redact: Removes secrets from the values of a history.
    """
    columns = [column_name(field) for field in endpoint.primary_key]
    compared_values = counted_values(endpoint)

    def values(row: Row | None) -> Values | None:
        return redact(compared_values(row)) if row else None

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
    """Yield each change of one record: the old and the new version, and the times `after` and `seen_at`."""
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
