"""What the assets ask of a check. The checks themselves are a room further up."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg

from segment_dagster.endpoints import Endpoint

if TYPE_CHECKING:
    from segment_dagster.extract.times import Window
    from segment_dagster.load import DatasetInspector, Destination


@dataclass(frozen=True)
class PartitionGaps:
    """The partitions of an asset that were never read, by their keys, the earliest first."""

    missing: tuple[str, ...]
    """Those that can still be read."""

    lost: tuple[str, ...]
    """Those that Segment keeps no more: after the first one that was read, or asked for by the run itself."""


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """A table that is there to be checked, and what it should hold."""

    endpoint: Endpoint
    tables: "DatasetInspector"
    now: datetime
    """The present, in UTC."""

    delivered: int | None = None
    """Rows that the API delivered, or that were there once they had been loaded; `None` where that is not known."""

    where: str | None = None
    """Which rows of the table these are, as a condition in SQL; `None` where they are all."""

    window: "Window | None" = None
    """The time that they are of; `None` where the endpoint is not asked for a time, or that is not known."""

    gaps: PartitionGaps | None = None
    """What is missing, where the asset has partitions."""

    records: int | None = None
    """The API's records behind these rows, where a record may stand for several rows or none."""

    total_entries: int | None = None
    """Records that the API itself counted then; `None` where it did not say."""

    changed: int | None = None
    """Lists that changed while they were read, so that rows may be missing."""

    still_listed: int | None = None
    """Lists that answered 404 though their parents are still listed."""

    still_listed_names: tuple[str, ...] = ()
    """What the first few of these were asked with."""

    parent_incomplete: str | None = None
    """Why the parent did not come whole, as a clause; `None` where it did."""

    parent_doubtful: str | None = None
    """Why it may not have come whole, as a clause."""

    repeated: int | None = None
    """Records that came again on a later page, and are rows of the table once."""

    missing_endpoints: frozenset[str] = frozenset()
    """Names of the endpoints that the layout in use does not have."""

    loaded_with: frozenset[str] = frozenset()
    """Names of the endpoints whose tables were loaded together with this one."""

    unavailable: str | None = None
    """Why the workspace does not have the endpoint, where it does not."""

    failed: bool = False
    """Whether the endpoint failed, so that its table, where there is one, is as it was before."""


class Check(Protocol):
    """One kind of check, for any endpoint."""

    name: str
    needs_table: bool
    """Whether it looks at the table, and so says nothing of an endpoint that is not available."""

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec | None:
        """The check of an endpoint's asset; `None` where it does not apply."""

    def evaluate(self, subject: CheckContext) -> dg.AssetCheckResult:
        """Look at the table."""


class Derived(Protocol):
    """An asset that a family makes of the loaded tables once it has loaded its own.

    It is part of the family's op, and not of an op below it: Dagster skips an op if any asset above it was skipped, and
    leaves it out if the op above it failed, though the others' tables are there.
    """

    key: dg.AssetKey

    def spec(self, endpoints: tuple[Endpoint, ...]) -> dg.AssetSpec:
        """The asset, among those of a family's endpoints."""

    def materialize(
        self, destination: "Destination", *, include_secrets: bool | None = None
    ) -> dg.MaterializeResult[Any]:
        """Make it anew.

        Args:
            destination: The dataset.
            include_secrets: Whether secrets may be in it; as the settings say where it is left out.

        Raises:
            SegmentError: It could not be made.
        """
