"""One sync of a source into a warehouse, as the API reports it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from segment_dagster.endpoints.pipes import WAREHOUSE_SYNCS
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.rows import rows_of
from segment_dagster.foreign_text import foreign_text

MAX_NOTICE = 200
"""Characters of a notice that are told."""

MAX_NOTICES = 5


@dataclass(frozen=True, kw_only=True)
class Sync:
    """One sync. The API gives it no id: its source and its start are what it is known by."""

    source_id: str
    start: datetime
    """In UTC."""

    end: datetime | None
    """In UTC; `None` while it runs."""

    status: str
    rows: int
    """Rows of all tables together. Segment counts them by sync, not by table."""

    notices: Sequence[str] = ()
    """The first few notices: level and message."""

    @property
    def seconds(self) -> float | None:
        """Return how long it took; `None` while it runs."""
        return (self.end - self.start).total_seconds() if self.end else None


def syncs_of(records: Sequence[dict[str, Any]]) -> list[Sync]:
    """Return the syncs of a page, in the API's order.

    Args:
        records: The API's records.

    Raises:
        ValueTypeError: A record is not as the API documents it.
    """
    if not records:
        return []
    names = {field: column_name(field) for field in ("sourceId", "start", "end", "status", "count")}
    known = [{field: record.get(field) for field in (*names, "notices")} for record in records]
    # from the path, and not in the record
    rows = rows_of(WAREHOUSE_SYNCS, [{**record, "warehouseId": ""} for record in known]).to_pylist()
    return [
        Sync(
            source_id=row[names["sourceId"]],
            start=_utc(row[names["start"]]),
            end=row[names["end"]] and _utc(row[names["end"]]),
            status=foreign_text(row[names["status"]] or ""),
            rows=int(row[names["count"]] or 0),
            notices=[_notice(notice) for notice in (record["notices"] or [])[:MAX_NOTICES]],
        )
        for row, record in zip(rows, records, strict=True)
    ]


def _notice(notice: Mapping[str, Any]) -> str:
    return foreign_text(f"{notice.get('level')}: {notice.get('message')}", MAX_NOTICE)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)
