"""Group tables into families that are read together, by how often they change and how long a read takes."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from segment_dagster.endpoints import Endpoint, TimeRange
from segment_dagster.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Family:
    """Tables that one op reads and loads."""

    kind: str
    """What its tables have in common: `CONFIGURATION`, `SLOW`, or the kind of its time series."""

    name: str
    """Name of the op."""

    job: str
    """Name of the job that materializes them."""

    endpoints: tuple[Endpoint, ...]
    description: str
    """Description of the job, in one sentence."""

    freshness: dg.FreshnessPolicy
    """How late a run may be before Dagster warns, and before it fails."""

    @property
    def partitioned(self) -> bool:
        """Whether the tables have partitions."""
        return any(endpoint.partitioned for endpoint in self.endpoints)


DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
"""Daily runs: a warning after a delay of 2 h, a failure after a delay of 12 h."""

WEEKLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=15), warn_window=timedelta(days=8))
"""Weekly runs, which may take hours: a warning after a delay of one day, a failure once the next run is late too."""

HOURLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=3))
"""Hourly runs: a warning if more than two are missed; `segment_sync` also reads the audit trail once a day."""

CONFIGURATION, SLOW = "configuration", "slow"


def families(endpoints: Sequence[Endpoint], slow: Collection[str] = (), *, name: str = "segment") -> tuple[Family, ...]:
    """Return the families: configuration with the audit trail, slow configuration, and each kind of time series.

    Args:
        endpoints: The endpoints.
        slow: Names of further endpoints to read weekly.
        name: Name of the instance, with which the names of ops and jobs begin.

    Returns:
        The families that have endpoints.

    Raises:
        SettingError: `slow` names something that is not an endpoint that can be read weekly.
    """
    _check_slow(endpoints, slow)

    def select(wanted: Callable[[Endpoint], bool]) -> tuple[Endpoint, ...]:
        return tuple(endpoint for endpoint in endpoints if wanted(endpoint))

    def is_slow(endpoint: Endpoint) -> bool:
        return endpoint.slow or endpoint.name in slow

    series = select(lambda endpoint: endpoint.partitioned)
    made = (
        Family(
            kind=CONFIGURATION,
            name=name,
            job=f"{name}_sync",
            # includes the audit trail: in its own op, Dagster would skip it after an upstream op failed
            endpoints=select(lambda endpoint: not endpoint.partitioned and not is_slow(endpoint)),
            description="Read how the workspace is set up, and the audit trail, load it, check it.",
            freshness=DAILY,
        ),
        Family(
            kind=SLOW,
            name=f"{name}_slow",
            job=f"{name}_slow_sync",
            endpoints=select(is_slow),
            description="Read what takes long at the rate that Segment allows, load it, check it.",
            freshness=WEEKLY,
        ),
        *(
            Family(
                kind=kind,
                name=f"{name}_{kind}",
                job=f"{name}_{kind}_sync",
                endpoints=tuple(endpoint for endpoint in series if _kind(endpoint) == kind),
                description=f"Read the {kind.replace('_', ' ')} of some partitions, replace these, check them.",
                freshness=DAILY,
            )
            for kind in dict.fromkeys(map(_kind, series))
        ),
    )
    return tuple(family for family in made if family.endpoints)


def _kind(endpoint: Endpoint) -> str:
    """Return the kind of a time series. Totals reach back less far than counts and are requested day by day."""
    totals = isinstance(endpoint.time, TimeRange) and endpoint.time.totals
    return f"{endpoint.domain}_metrics" if totals else endpoint.domain


def _check_slow(endpoints: Iterable[Endpoint], slow: Collection[str]) -> None:
    if unknown := sorted(set(slow) - {endpoint.name for endpoint in endpoints if endpoint.time is None}):
        remedy = "Legal values: names of endpoints that have no schedule of their own, separated by commas."
        raise SettingError("SEGMENT_SLOW", f"names {unknown[0]!r}, which is none that can be read weekly", remedy)
