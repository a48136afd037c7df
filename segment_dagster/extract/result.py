"""What reading an endpoint gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.times import Params, Window
from segment_dagster.extract.undeclared import MAX_COLUMNS

ParentKey = tuple[str, ...]
"""The values that a list has from a record of the parent."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How far the table of an endpoint that is read in slices of parents has come."""

    parents: int
    """Parents that are listed."""

    due: int
    """How many of them were due when the run began."""

    read: int
    """How many of these the run has read."""

    never_read: int
    """Parents that no run has read."""

    oldest: datetime | None
    """When the parent was read that was read longest ago, in UTC; `None` if none was."""

    gone: int = 0
    """Parents that are listed no more, whose rows the run deleted."""

    @property
    def left(self) -> int:
        """Parents that were due and are left to the next run."""
        return self.due - self.read


@dataclass(frozen=True, kw_only=True)
class ReusedRows:
    """Rows of unchanged parents, which were not requested but taken from the endpoint's table."""

    parts: Sequence[SpooledFile]
    """The rows as they were in the table."""

    parents: int
    """How many parents were not requested: so many requests were saved at least."""

    rows: int
    digest: tuple[int, str]
    """Number of rows, and digest of the table that they were taken from."""

    fingerprint: str
    """Fingerprint of the rows that were loaded into it."""

    read: Sequence[ParentKey]
    """The parents that were requested."""

    @property
    def whole(self) -> bool:
        """Return whether they are all rows that the table had."""
        return not self.read and self.rows == self.digest[0]


@dataclass(frozen=True, kw_only=True)
class Extract:
    """All rows of one endpoint, on disk, and what reading them took."""

    endpoint: Endpoint
    parts: Sequence[SpooledFile]
    rows: int
    records: int
    """The API's records: as many as rows, except where a record stands for a list of rows."""

    total_entries: int | None
    """The API's own count of its records, added up over lists; `None` where it gives none."""

    lists: int
    """How many lists were read: one per record of the parent, value of a parameter and range of time."""

    not_found: int
    """How many of them answered 404: their parents were deleted since they were listed, or have nothing there."""

    unstable: int
    """How many of them changed while they were read: `totalEntries` differed between pages, or the first page differed
    once the last had come. A row that moved from a later page to an earlier one is missing."""

    requests: int
    """Requests sent. Endpoints that share the response share these."""

    seconds: float
    """From the first request to the last page."""

    waited: float
    """Seconds spent waiting for the budget or before repeated requests, added up over threads."""

    preview: Sequence[Mapping[str, Any]]
    """The first few rows, without secrets whatever the settings say."""

    window: Window | None = None
    """The time that was read, in UTC; `None` where the endpoint takes no time."""

    read_at: datetime | None = None
    """When the read of the workspace began, in UTC: what had happened by then was listed."""

    began_at: datetime | None = None
    """When the read of this endpoint began, in UTC; of the last attempt, where it was read again."""

    params_read: Sequence[Params] = ()
    """Request parameters of the lists that came whole. Only for partitioned endpoints."""

    parents: Sequence[ParentKey] | None = None
    """The parents whose rows these are, where the table is read in slices of parents; `None` where it is read whole."""

    coverage: Coverage | None = None
    """How far the table has come, where this is the sum of a run's slices of parents."""

    reused: ReusedRows | None = None
    """The rows among these that were not requested; `None` where all lists were."""

    fingerprint: str | None = None
    """A hash of the rows and the window; `None` for partitioned endpoints, and for slices of parents."""

    still_listed: int = 0
    """How many lists answered 404 twice though their parents are still listed: rows may be missing."""

    still_listed_names: Sequence[str] = ()
    """Request parameters of the first few of these."""

    parent_incomplete: str | None = None
    """Why the parent, and so this endpoint, is not whole, as a clause."""

    parent_doubtful: str | None = None
    """Why the parent may not be whole, as a clause: rows may be missing."""

    repeated: int = 0
    """Rows that came again on a later page, because others were added before them meanwhile. Only for incremental
    endpoints, whose rows are merged by key: the table has each of them once."""

    unique: bool = False
    """Whether it is known that no key comes twice. Only for incremental endpoints."""

    max_undeclared_columns: int = MAX_COLUMNS
    """How many columns undeclared fields may have in a table; `parts` hold them all in `undeclared_fields`."""

    replaced: str = ""
    """Which characters were replaced that not every destination takes, and how many; empty where none were."""
