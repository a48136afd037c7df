"""What the status of a sync means. Segment documents no value of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum

from segment_dagster.syncs.sync import S


class Outcome(Enum):
    """How a sync ended."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    RUNNING = "running"
    UNKNOWN = "unknown"
    """Its status is none that is known: it is told, and never taken for a success."""


class OnPartial(Enum):
    """What a partial success counts as."""

    WARN = "warn"
    """The tables are materialized, and the check warns."""

    SUCCESS = "success"
    """The tables are materialized, and the check passes."""

    FAIL = "fail"
    """The tables are not materialized, and the check fails."""


@dataclass(frozen=True, kw_only=True)
class Statuses:
    """The statuses by what they mean. Case does not count."""

    success: Sequence[str] = ("SUCCESS",)
    partial: Sequence[str] = ("PARTIAL", "PARTIAL_SUCCESS")
    failed: Sequence[str] = ("FAILED", "FAIL", "FAILURE", "ERROR")
    running: Sequence[str] = ("RUNNING", "IN_PROGRESS", "STARTED", "PENDING", "QUEUED")

    @classmethod
    def of(cls, given: Mapping[str, Sequence[str]]) -> "Statuses":
        """Return the statuses, with the default for those meanings that are left out.

        Raises:
            ValueError: A meaning is none, or a status has two.
        """
        names = [field.name for field in fields(cls)]
        if unknown := [name for name in given if name not in names]:
            raise ValueError(f"{unknown[0]!r} is no meaning of a status. Legal values: {', '.join(names)}")
        statuses = cls(**{name: tuple(values) for name, values in given.items()})
        meanings = [(status.upper(), name) for name in names for status in getattr(statuses, name)]
        for status, _ in meanings:
            of_status = [name for other, name in meanings if other == status]
            if len(of_status) > 1 and len(set(of_status)) > 1:
                raise ValueError(f"the status {status!r} means {of_status[0]!r} and {of_status[1]!r}: choose one")
        return statuses

    def outcome(self, status: str) -> Outcome:
        """Return what a status means."""
        wanted = status.upper()
        for outcome in (Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED, Outcome.RUNNING):
            if wanted in map(str.upper, getattr(self, outcome.value)):
                return outcome
        return Outcome.UNKNOWN

    def is_success(self, status: str) -> bool:
        """Return whether a status means a success, in part or whole."""
        return self.outcome(status) in (Outcome.SUCCESS, Outcome.PARTIAL)

    def with_end(self, sync: S) -> S:
        """Return a sync without an end if its status says that it runs."""
        return replace(sync, end=None) if self.outcome(sync.status) is Outcome.RUNNING else sync
