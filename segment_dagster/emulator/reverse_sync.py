"""A controlled reverse ETL sync, and the steps that end one."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from segment_dagster.emulator.clock import to_utc
from segment_dagster.emulator.json_fields import parse_fields
from segment_dagster.emulator.world.factories import Record
from segment_dagster.emulator.world.timestamps import format_moment

IN_PROGRESS = "IN_PROGRESS"
"""Status of a sync that runs."""

STATUSES = {"finish": "SUCCESS", "partial": "PARTIAL_SUCCESS", "fail": "FAIL"}
"""The status after each action that ends a sync."""


@dataclass(frozen=True)
class ReverseSync:
    """A sync of a model's rows to a subscription.

    The record has no phases while it runs, and none after it has failed: Segment does not state when it has them.
    """

    sync_id: str
    source_id: str
    model_id: str
    subscription_id: str
    start: datetime
    end: datetime | None = None
    """When it ends; `None` until a step ends it."""

    status: str = IN_PROGRESS
    """Its status after the end."""

    rows: int = 0
    """Rows that were extracted."""

    undelivered: int = 0
    """Rows of these that were not delivered."""

    error: str | None = None
    error_code: str | None = None
    cancelled: datetime | None = None
    """When a client asked for its end."""

    def runs(self, now: datetime) -> bool:
        """Return whether it runs at a time."""
        return self.end is None or self.end > now

    def to_record(self, now: datetime) -> Record:
        """Return the record that the API lists at a time, which is not before the start."""
        end = None if self.end is None or self.end > now else self.end
        record: Record = {
            "syncId": self.sync_id,
            "modelId": self.model_id,
            "sourceId": self.source_id,
            "syncStatus": IN_PROGRESS if end is None else self.status,
            # Segment states no unit
            "duration": str(int(((end or now) - self.start).total_seconds())),
            "startedAt": format_moment(self.start),
        }
        if end is None:
            return record
        record["finishedAt"] = format_moment(end)
        if self.status == STATUSES["fail"]:
            errors = {"error": self.error, "errorCode": self.error_code}
            return record | {name: text for name, text in errors.items() if text is not None}
        half = format_moment(self.start + (end - self.start) / 2)
        return record | {
            "extractPhase": {
                "addedCount": str(self.rows),
                "updatedCount": "0",
                "deletedCount": "0",
                "extractCount": str(self.rows),
                "errorCode": "",
                "startedAt": record["startedAt"],
                "finishedAt": half,
            },
            "loadPhase": {
                "deliverSuccessCount": str(self.rows - self.undelivered),
                "deliverFailureCount": str(self.undelivered),
                "errorCode": "",
                "startedAt": half,
                "finishedAt": record["finishedAt"],
            },
        }

    def to_json(self) -> dict[str, Any]:
        """Return the sync as `GET /_emulator/reverse-etl-syncs` lists it."""
        fields = asdict(self)
        return fields | {name: at and format_moment(at) for name, at in fields.items() if name in _TIMES}


_TIMES = ("start", "end", "cancelled")


@dataclass(frozen=True)
class ReverseStep:
    """Ends a reverse ETL sync that runs."""

    action: str
    """One of `STATUSES`."""

    sync_id: str
    at: datetime | None = None
    """When it happens, in UTC if it has no zone. `None` means when it is done."""

    rows: int = 0
    """Rows that were extracted."""

    undelivered: int = 0
    """Rows of these that were not delivered: of `partial` only."""

    error: str | None = None
    """Message of the error: of `fail` only."""

    error_code: str | None = None
    """Code of the error: of `fail` only. Segment documents no value."""

    _TYPES: ClassVar[dict[str, tuple[type, ...]]] = {
        "action": (str,),
        "sync_id": (str,),
        "at": (str, type(None)),
        "rows": (int,),
        "undelivered": (int,),
        "error": (str, type(None)),
        "error_code": (str, type(None)),
    }

    def __post_init__(self) -> None:
        """Convert the time to UTC, and reject a step that is always invalid.

        Raises:
            ValueError: A field is invalid. The message names it.
        """
        label = f"{self.action} reverse ETL sync {self.sync_id}"
        if self.action not in STATUSES:
            raise ValueError(f"unknown action {self.action!r} of a reverse ETL sync; they are {', '.join(STATUSES)}")
        if not 0 <= self.undelivered <= self.rows:
            raise ValueError(f"{label}: rows and undelivered must be 0 or more, and not more undelivered than rows")
        if self.undelivered and self.action != "partial":
            raise ValueError(f"{label}: only partial leaves rows undelivered")
        if (self.error is not None, self.error_code is not None) != ((self.action == "fail"),) * 2:
            raise ValueError(f"{label}: a sync that fails has an error and an error_code, and no other has")
        if self.at is not None:
            object.__setattr__(self, "at", to_utc(self.at))

    def ended(self, sync: ReverseSync, now: datetime) -> ReverseSync:
        """Return the sync after it has ended.

        Raises:
            ValueError: It does not run, or started later.
        """
        at = self.at or now
        if not sync.runs(now):
            raise ValueError(f"reverse ETL sync {sync.sync_id}: it has ended")
        if at < sync.start:
            raise ValueError(f"reverse ETL sync {sync.sync_id}: it cannot end before its start")
        return replace(
            sync,
            end=at,
            status=STATUSES[self.action],
            rows=self.rows,
            undelivered=self.undelivered,
            error=self.error,
            error_code=self.error_code,
        )

    @classmethod
    def from_json(cls, given: object) -> "ReverseStep":
        """Parse a step of `POST /_emulator/reverse-etl-syncs`: an object with the fields of this class.

        Raises:
            ValueError: It is invalid. The message says why.
        """
        return cls(**parse_fields("a step of a reverse ETL sync", given, ("action", "sync_id"), cls._TYPES))
