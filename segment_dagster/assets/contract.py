"""What the assets ask of a check. The checks themselves are a room further up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from segment_dagster.endpoints import Endpoint

if TYPE_CHECKING:
    from segment_dagster.pipeline import Tables


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A table that is there to be checked, and what it should hold."""

    endpoint: Endpoint
    tables: "Tables"
    delivered: int | None
    """Rows that the API delivered when the table was loaded last; `None` where that is not known."""

    absent: frozenset[str]
    """Names of the endpoints that the layout in use does not have."""

    total_entries: int | None
    """Rows that the API itself counted then; `None` where it did not say."""


class Check(Protocol):
    """One kind of check, for any endpoint."""

    name: str

    def spec(self, endpoint: Endpoint) -> dg.AssetCheckSpec | None:
        """The check of an endpoint's asset; `None` where it does not apply."""

    def evaluate(self, subject: Subject) -> dg.AssetCheckResult:
        """Look at the table."""
