"""Interfaces of checks and derived assets. The checks themselves are in `segment_dagster.checks`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg

from segment_dagster.config import ApiSettings, Preview
from segment_dagster.endpoints import Endpoint

if TYPE_CHECKING:
    from segment_dagster.extract.times import Window
    from segment_dagster.load import DatasetInspector, Destination


@dataclass(frozen=True)
class PartitionGaps:
    """Keys of the partitions of an asset that were never read, earliest first."""

    missing: tuple[str, ...]
    """Partitions that can still be read."""

    lost: tuple[str, ...]
    """Partitions that Segment no longer keeps, after the first one that was read or that the run itself requested."""


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """A table to check, and what it should hold."""

    endpoint: Endpoint
    key_of: Callable[[str], dg.AssetKey]
    """Returns the key of an endpoint's asset by the endpoint's name."""

    tables: "DatasetInspector"
    now: datetime
    """The current time, in UTC."""

    delivered: int | None = None
    """Rows that the API delivered, or that the table held after the load; `None` if unknown."""

    where: str | None = None
    """SQL condition that selects these rows of the table; `None` for all rows."""

    conditions: Sequence[str] | None = None
    """SQL conditions that select these rows, each other ones, if the table is read in slices of parents."""

    sliced: bool = False
    """Whether the table is read in slices of parents."""

    max_age: timedelta = timedelta(0)
    """How long ago a parent may have been read, if the table is read in slices of parents."""

    window: "Window | None" = None
    """Time range of these rows; `None` if the endpoint has no time parameters or the range is unknown."""

    gaps: PartitionGaps | None = None
    """Missing partitions; `None` if the asset has no partitions."""

    records: int | None = None
    """API records behind these rows, if one record may become several rows or none."""

    total_entries: int | None = None
    """The API's own count of the records at that time; `None` if it gave none."""

    changed: int | None = None
    """Number of lists that changed while they were read, so that rows may be missing."""

    still_listed: int | None = None
    """Number of lists that returned 404 although their parents are still listed."""

    still_listed_names: tuple[str, ...] = ()
    """Request parameters of the first few of these lists."""

    parent_incomplete: str | None = None
    """Why the parent is incomplete, as a clause; `None` if it is complete."""

    parent_doubtful: str | None = None
    """Why the parent may be incomplete, as a clause."""

    repeated: int | None = None
    """Number of records that came again on a later page; the table holds each once."""

    missing_endpoints: frozenset[str] = frozenset()
    """Names of the endpoints that the API layout or the selection does not have."""

    loaded_with: frozenset[str] = frozenset()
    """Names of the endpoints whose tables were loaded in the same run."""

    unavailable: str | None = None
    """Why the workspace does not have the endpoint; `None` if it has it."""

    failed: bool = False
    """Whether the endpoint failed; its table, if any, is then unchanged."""

    preview: Preview = Preview.MASKED
    """Whether keys are shown with personal data masked."""

    @property
    def key(self) -> dg.AssetKey:
        """Key of the asset."""
        return self.key_of(self.endpoint.name)


class Check(Protocol):
    """A kind of asset check that applies to many endpoints."""

    name: str
    needs_table: bool
    """Whether the check reads the table. If so, it is not evaluated without one."""

    fails_run: bool
    """Whether a run fails if the check does, with severity ERROR, for a table that the run materialized."""

    def spec(self, endpoint: Endpoint, key: dg.AssetKey) -> dg.AssetCheckSpec | None:
        """Return the check spec for an endpoint's asset, which has this key; `None` if the check does not apply."""

    def evaluate(self, context: CheckContext) -> dg.AssetCheckResult:
        """Evaluate the check."""


class Derived(Protocol):
    """An asset that a family builds from the loaded tables after it has loaded its own.

    It is part of the family's op and not of a downstream op: Dagster skips an op if any upstream asset was skipped, and
    does not run it if the upstream op failed, although the other tables exist.
    """

    name: str
    """Name of its table, and the last part of its default key."""

    def spec(self, endpoints: tuple[Endpoint, ...], *, owners: Sequence[str], destination: str) -> dg.AssetSpec:
        """Return the asset spec, before it is translated.

        Args:
            endpoints: The endpoints of the family.
            owners: Owners of the asset.
            destination: dlt's name of the destination.
        """

    def materialize(
        self, key: dg.AssetKey, destination: "Destination", settings: ApiSettings
    ) -> dg.MaterializeResult[Any]:
        """Rebuild the asset.

        Args:
            key: Key of the asset.
            destination: The dataset.
            settings: Whether secrets are kept, how rows are shown, and the current time.

        Raises:
            SegmentError: The asset could not be built.
        """
