"""A controlled warehouse sync, and the steps that start and end one."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from segment_dagster.emulator.clock import to_utc
from segment_dagster.emulator.json_fields import parse_fields
from segment_dagster.emulator.world.factories import Record
from segment_dagster.emulator.world.timestamps import format_duration, format_moment

RUNNING = "RUNNING"
"""Status of a sync that runs."""

ACTIONS = ("start", "finish", "fail", "partial")

_NULLABLE = (str, type(None))


@dataclass(frozen=True)
class Notice:
    """A notice of a sync. No level is documented: the made-up syncs have `INFO`, `WARN` and `ERROR`."""

    level: str
    message: str
    at: datetime | None = None
    """When it was created, in UTC if it has no zone. `None` means when the sync ends."""

    _TYPES: ClassVar[dict[str, tuple[type, ...]]] = {"level": (str,), "message": (str,), "at": _NULLABLE}

    def __post_init__(self) -> None:
        """Convert the time to UTC."""
        if self.at is not None:
            object.__setattr__(self, "at", to_utc(self.at))

    @classmethod
    def from_json(cls, given: object) -> "Notice":
        """Parse a notice: an object with the fields of this class, `at` in ISO 8601.

        Raises:
            ValueError: It is invalid. The message says why.
        """
        return cls(**parse_fields("a notice", given, ("level", "message"), cls._TYPES))

    def to_json(self) -> dict[str, Any]:
        """Return the notice as JSON that `from_json` parses."""
        return {"level": self.level, "message": self.message, "at": self.at and format_moment(self.at)}


@dataclass(frozen=True)
class WarehouseSync:
    """A sync of one source into one warehouse."""

    warehouse_id: str
    source_id: str
    start: datetime
    end: datetime | None = None
    """When it ends; `None` until a step ends it."""

    status: str = RUNNING
    """Its status after the end. Segment documents no value: these are those of the made-up syncs."""

    count: int = 0
    """Its rows after the end."""

    notices: tuple[Notice, ...] = ()

    _TYPES: ClassVar[dict[str, tuple[type, ...]]] = {
        "warehouse_id": (str,),
        "source_id": (str,),
        "start": (str,),
        "end": _NULLABLE,
        "status": (str,),
        "count": (int,),
        "notices": (list,),
    }

    def __post_init__(self) -> None:
        """Convert the times to UTC, and reject a sync that is invalid in every workspace.

        Raises:
            ValueError: A field is invalid. The message names it.
        """
        object.__setattr__(self, "start", to_utc(self.start))
        if self.end is None:
            if (self.status, self.count) != (RUNNING, 0):
                raise ValueError(f"{self.label}: one that runs has the status {RUNNING} and no count yet")
            return
        object.__setattr__(self, "end", to_utc(self.end))
        if self.end < self.start:
            raise ValueError(f"{self.label}: it cannot end before its start, {format_moment(self.start)}")
        if self.status in ("", RUNNING):
            raise ValueError(f"{self.label}: {self.status!r} is not the status of one that has ended")
        if self.count < 0:
            raise ValueError(f"{self.label}: count must be 0 or more")
        notices = tuple(replace(notice, at=notice.at or self.end) for notice in self.notices)
        object.__setattr__(self, "notices", notices)

    @property
    def label(self) -> str:
        """The sync as messages name it: `sync of source abc to warehouse def`."""
        return sync_label(self.warehouse_id, self.source_id)

    def at(self, now: datetime) -> "WarehouseSync":
        """Return the sync as it is at a time: one that ends later still runs."""
        if self.end is None or self.end <= now:
            return self
        told = tuple(notice for notice in self.notices if notice.at is None or notice.at <= now)
        return WarehouseSync(self.warehouse_id, self.source_id, self.start, notices=told)

    def overlaps(self, other: "WarehouseSync") -> bool:
        """Return whether both ran at some time, or started at the same time."""
        first, second = sorted((self, other), key=lambda sync: sync.start)
        return first.start == second.start or first.end is None or first.end > second.start

    def to_record(self, now: datetime) -> Record:
        """Return the record that the API lists at a time, which is not before the start."""
        shown = self.at(now)
        seconds = int(((shown.end or now) - shown.start).total_seconds())
        return {
            "sourceId": shown.source_id,
            "start": format_moment(shown.start),
            "end": shown.end and format_moment(shown.end),
            "status": shown.status,
            "duration": seconds,
            "humanDuration": format_duration(seconds),
            "count": shown.count,
            "notices": [
                {"level": notice.level, "message": notice.message, "createdAt": format_moment(notice.at or now)}
                for notice in shown.notices
            ],
        }

    @classmethod
    def from_json(cls, given: object) -> "WarehouseSync":
        """Parse a sync of `PUT /_emulator/syncs`: an object with the fields of this class, times in ISO 8601.

        Raises:
            ValueError: It is invalid. The message says why.
        """
        return cls(**_with_notices(parse_fields("a sync", given, ("warehouse_id", "source_id", "start"), cls._TYPES)))

    def to_json(self) -> dict[str, Any]:
        """Return the sync as JSON that `from_json` parses."""
        return {
            "warehouse_id": self.warehouse_id,
            "source_id": self.source_id,
            "start": format_moment(self.start),
            "end": self.end and format_moment(self.end),
            "status": self.status,
            "count": self.count,
            "notices": [notice.to_json() for notice in self.notices],
        }


@dataclass(frozen=True)
class SyncStep:
    """Starts a sync, or ends the one that runs."""

    action: str
    """One of `ACTIONS`."""

    warehouse_id: str
    source_id: str
    at: datetime | None = None
    """When it happens, in UTC if it has no zone. `None` means when it is done."""

    count: int = 0
    """Rows of the ended sync."""

    status: str | None = None
    """Status of the finished sync. `None` means `SUCCESS`."""

    notices: tuple[Notice, ...] = ()
    """Notices of the ended sync."""

    reason: str | None = None
    """Message of a notice with level `ERROR`: why the sync failed."""

    _TYPES: ClassVar[dict[str, tuple[type, ...]]] = {
        "action": (str,),
        "warehouse_id": (str,),
        "source_id": (str,),
        "at": _NULLABLE,
        "count": (int,),
        "status": _NULLABLE,
        "notices": (list,),
        "reason": _NULLABLE,
    }

    def __post_init__(self) -> None:
        """Convert the time to UTC, and reject a step that is always invalid.

        Raises:
            ValueError: A field is invalid. The message names it.
        """
        label = f"{self.action} {sync_label(self.warehouse_id, self.source_id)}"
        if self.action not in ACTIONS:
            raise ValueError(f"unknown action {self.action!r} of a sync; the actions are {', '.join(ACTIONS)}")
        if self.action == "start" and (self.count or self.notices):
            raise ValueError(f"{label}: count and notices are given when it ends")
        if self.status is not None and self.action != "finish":
            raise ValueError(f"{label}: only finish takes a status")
        if (self.reason is not None) != (self.action == "fail"):
            raise ValueError(f"{label}: a sync that fails has a reason, and no other has")
        if self.at is not None:
            object.__setattr__(self, "at", to_utc(self.at))

    def ended(self, sync: WarehouseSync, now: datetime) -> WarehouseSync:
        """Return the sync after it has ended.

        Raises:
            ValueError: It cannot end like this.
        """
        given = "SUCCESS" if self.status is None else self.status
        status = {"finish": given, "fail": "FAILED", "partial": "PARTIAL_SUCCESS"}[self.action]
        why = (Notice("ERROR", self.reason),) if self.reason is not None else ()
        return replace(sync, end=self.at or now, status=status, count=self.count, notices=(*self.notices, *why))

    @classmethod
    def from_json(cls, given: object) -> "SyncStep":
        """Parse a step of `POST /_emulator/syncs`: an object with the fields of this class, `at` in ISO 8601.

        Raises:
            ValueError: It is invalid. The message says why.
        """
        required = ("action", "warehouse_id", "source_id")
        return cls(**_with_notices(parse_fields("a step of a sync", given, required, cls._TYPES)))


def sync_label(warehouse_id: str, source_id: str) -> str:
    """Return how messages name a sync."""
    return f"sync of source {source_id} to warehouse {warehouse_id}"


def _with_notices(held: dict[str, Any]) -> dict[str, Any]:
    return held | {"notices": tuple(Notice.from_json(item) for item in held.get("notices", ()))}
