"""Settings of what is read, which the definitions show as well."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator

from segment_dagster.config.choices import Granularity
from segment_dagster.config.source import EnvironmentSettings, PerName, refused, split
from segment_dagster.endpoints import CATALOGUE, TimeRange

GROUP_BY = "groupBy"
"""The parameter that says which columns the counted events are told apart by."""


def series_domains() -> Sequence[str]:
    """Return the domains whose time series have a granularity."""
    rows = [row for row in CATALOGUE if isinstance(row.time, TimeRange) and row.time.granularity]
    return tuple(dict.fromkeys(row.domain for row in rows))


class SeriesSettings(EnvironmentSettings):
    """What of the time series is read, and whether versions are kept."""

    granularity: Annotated[Mapping[str, Granularity], PerName("GRANULARITY", names=series_domains)] = Field(
        default={}, description="`DAY`, `HOUR` or `MINUTE`: the size of a time bucket, by domain."
    )
    group_by: Annotated[Mapping[str, tuple[str, ...]], PerName("GROUP_BY", names=series_domains)] = Field(
        default={}, description="What the time series of a domain are grouped by, separated by commas."
    )
    history: bool = Field(
        default=False,
        description="`true` keeps every version of configuration, and builds `segment/changes` from it. See "
        "[History](history.md).",
    )

    @field_validator("granularity", mode="before")
    @classmethod
    def _without_empty(cls, granularity: Mapping[str, Any]) -> dict[str, Any]:
        return {domain: value for domain, value in granularity.items() if value}

    @field_validator("group_by", mode="before")
    @classmethod
    def _check_groups(cls, group_by: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        chosen = {domain: tuple(split(values)) for domain, values in group_by.items()}
        for domain, values in chosen.items():
            legal = groups_of(domain)
            if unknown := [value for value in values if value not in legal]:
                remedy = f"Legal values, separated by commas: {', '.join(legal)}."
                raise refused(f"names {unknown[0]!r}", remedy, cls.variable("group_by", domain))
        return chosen


def groups_of(domain: str) -> tuple[str, ...]:
    """Return what the time series of a domain can be grouped by."""
    grouped = [each for row in CATALOGUE if row.domain == domain for each in row.parameters if each.name == GROUP_BY]
    return tuple(dict.fromkeys(value for parameter in grouped for value in parameter.values))
