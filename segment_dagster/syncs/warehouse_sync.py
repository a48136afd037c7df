"""One sync of a source into a warehouse, as the API reports it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segment_dagster.endpoints.pipes import WAREHOUSE_SYNCS
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.rows import rows_of
from segment_dagster.foreign_text import foreign_text
from segment_dagster.syncs.sync import Sync, each_readable, in_utc

MAX_NOTICE = 200
"""Characters of a notice that are told."""

MAX_NOTICES = 3


@dataclass(frozen=True, kw_only=True)
class WarehouseSync(Sync):
    """One sync. The API gives it no id: its source and its start are what it is known by."""

    source_id: str
    rows: int
    """Rows of all tables together. Segment counts them by sync, not by table."""

    @property
    def pipe(self) -> str:
        """Id of the source: it has one sync at a time."""
        return self.source_id

    @property
    def description(self) -> str:
        """What it did, in a sentence."""
        return f"Segment has synced {self.rows:,} rows of all tables of the source together."

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of its events beside times, status and notices."""
        return {"segment/sync_rows": self.rows}


def syncs_of(records: Sequence[dict[str, Any]]) -> list[WarehouseSync]:
    """Return the syncs of a page, in the API's order. A record that is not as the API documents it is logged.

    Args:
        records: The API's records.
    """
    return each_readable(records, _syncs_of)


def _syncs_of(records: Sequence[dict[str, Any]]) -> list[WarehouseSync]:
    names = {field: column_name(field) for field in ("sourceId", "start", "end", "status", "count")}
    known = [{field: record.get(field) for field in names} for record in records]
    # the id of the warehouse is in the path, and not in the record
    rows = rows_of(WAREHOUSE_SYNCS, [{**record, "warehouseId": ""} for record in known]).to_pylist()
    return [
        WarehouseSync(
            source_id=row[names["sourceId"]],
            start=in_utc(row[names["start"]]),
            end=row[names["end"]] and in_utc(row[names["end"]]),
            status=foreign_text(row[names["status"]] or ""),
            rows=int(row[names["count"]] or 0),
            notices=_notices(record.get("notices")),
        )
        for row, record in zip(rows, records, strict=True)
    ]


def _notices(given: object) -> list[str]:
    """Return the first few notices; what is none is left out."""
    found = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    return [foreign_text(f"{each.get('level')}: {each.get('message')}", MAX_NOTICE) for each in found[:MAX_NOTICES]]
