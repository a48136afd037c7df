"""Which tables are read together: by how often they are worth reading, and by how long that takes."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from segment_dagster.endpoints import Endpoint, TimeRange
from segment_dagster.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Family:
    """Tables that one op reads."""

    name: str
    """Name of the op."""

    job: str
    """Name of the job that materializes them."""

    endpoints: tuple[Endpoint, ...]
    description: str
    """What the job does, in a sentence."""

    freshness: dg.FreshnessPolicy
    """How late a run may be before a warning, and how late before a failure."""

    @property
    def partitioned(self) -> bool:
        """Whether its tables are read in parts."""
        return any(endpoint.partitioned for endpoint in self.endpoints)


DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
"""A daily run may start an hour or two late before anybody is warned, and may be missed once before it fails."""

WEEKLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=15), warn_window=timedelta(days=8))
"""The weekly run may take hours, and may be missed once before it fails."""

HOURLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=3))
"""An hourly run may be missed twice before anybody is warned; `segment_sync` reads the trail once a day in any case."""

CONFIGURATION, SLOW = "segment", "segment_slow"


def families(endpoints: Sequence[Endpoint]) -> tuple[Family, ...]:
    """The tables by family: configuration and the audit trail, slow configuration, and each kind of time series.

    Raises:
        SettingError: `SEGMENT_SLOW` names what is no endpoint that can be read weekly.
    """
    named = _named_slow(endpoints)

    def those(wanted: Callable[[Endpoint], bool]) -> tuple[Endpoint, ...]:
        return tuple(endpoint for endpoint in endpoints if wanted(endpoint))

    def is_slow(endpoint: Endpoint) -> bool:
        return endpoint.slow or endpoint.name in named

    series = those(lambda endpoint: endpoint.partitioned)
    return (
        Family(
            name=CONFIGURATION,
            job="segment_sync",
            # the trail with it, and not in an op of its own: Dagster leaves out what is below an op that failed
            endpoints=those(lambda endpoint: not endpoint.partitioned and not is_slow(endpoint)),
            description="Read how the workspace is set up, and the audit trail, load it, check it.",
            freshness=DAILY,
        ),
        Family(
            name=SLOW,
            job="segment_slow_sync",
            endpoints=those(is_slow),
            description="Read what takes long at the rate that Segment allows, load it, check it.",
            freshness=WEEKLY,
        ),
        *(
            Family(
                name=f"segment_{kind}",
                job=f"segment_{kind}_sync",
                endpoints=tuple(endpoint for endpoint in series if _kind(endpoint) == kind),
                description=f"Read the {kind.replace('_', ' ')} of some partitions, replace these, check them.",
                freshness=DAILY,
            )
            for kind in dict.fromkeys(map(_kind, series))
        ),
    )


def _kind(endpoint: Endpoint) -> str:
    """Of which kind a time series is. Totals go back less far than counts, and are asked for day by day."""
    totals = isinstance(endpoint.time, TimeRange) and endpoint.time.totals
    return f"{endpoint.domain}_metrics" if totals else endpoint.domain


def _named_slow(endpoints: Iterable[Endpoint]) -> set[str]:
    named = {name.strip() for name in os.environ.get("SEGMENT_SLOW", "").split(",") if name.strip()}
    if unknown := sorted(named - {endpoint.name for endpoint in endpoints if endpoint.time is None}):
        remedy = "Legal values: names of endpoints that have no schedule of their own, separated by commas."
        raise SettingError("SEGMENT_SLOW", f"names {unknown[0]!r}, which is none that can be read weekly", remedy)
    return named
