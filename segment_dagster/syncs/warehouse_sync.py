"""One sync of a source into a warehouse, as the API reports it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from segment_dagster.endpoints.pipes import WAREHOUSE_SYNCS
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.errors import ValueTypeError
from segment_dagster.extract.rows import rows_of
from segment_dagster.foreign_text import foreign_text

MAX_NOTICE = 200
"""Characters of a notice that are told."""

MAX_NOTICES = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WarehouseSync:
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


def syncs_of(records: Sequence[dict[str, Any]]) -> list[WarehouseSync]:
    """Return the syncs of a page, in the API's order. A record that is not as the API documents it is logged.

    Args:
        records: The API's records.
    """
    try:
        return _syncs_of(records)
    except ValueTypeError:
        # one by one: the others are not to wait for it
        return [sync for record in records for sync in _sync_or_none(record)]


def _syncs_of(records: Sequence[dict[str, Any]]) -> list[WarehouseSync]:
    if not records:
        return []
    names = {field: column_name(field) for field in ("sourceId", "start", "end", "status", "count")}
    known = [{field: record.get(field) for field in names} for record in records]
    # the id of the warehouse is in the path, and not in the record
    rows = rows_of(WAREHOUSE_SYNCS, [{**record, "warehouseId": ""} for record in known]).to_pylist()
    return [
        WarehouseSync(
            source_id=row[names["sourceId"]],
            start=_utc(row[names["start"]]),
            end=row[names["end"]] and _utc(row[names["end"]]),
            status=foreign_text(row[names["status"]] or ""),
            rows=int(row[names["count"]] or 0),
            notices=_notices(record.get("notices")),
        )
        for row, record in zip(rows, records, strict=True)
    ]


def _sync_or_none(record: dict[str, Any]) -> list[WarehouseSync]:
    try:
        return _syncs_of([record])
    except ValueTypeError as error:
        logger.warning("%s", error)
        return []


def _notices(given: object) -> list[str]:
    """Return the first few notices; what is none is left out."""
    found = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    return [foreign_text(f"{each.get('level')}: {each.get('message')}", MAX_NOTICE) for each in found[:MAX_NOTICES]]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)
