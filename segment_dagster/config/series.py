"""Settings of what is read, which the definitions show as well."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator

from segment_dagster.config.choices import Granularity
from segment_dagster.config.source import EnvironmentSettings, PerName, refused
from segment_dagster.endpoints import CATALOGUE, TimeRange

GROUP_BY = "groupBy"
"""The parameter that says which columns the counted events are told apart by."""


def series_domains() -> Sequence[str]:
    """Return the domains whose time series have a granularity."""
    rows = [row for row in CATALOGUE if isinstance(row.time, TimeRange) and row.time.granularity]
    return tuple(dict.fromkeys(row.domain for row in rows))


class SeriesSettings(EnvironmentSettings):
    """The granularity of time series, and whether versions are kept."""

    granularity: Annotated[Mapping[str, Granularity], PerName("GRANULARITY", names=series_domains)] = Field(
        default={}, description="`DAY`, `HOUR` or `MINUTE`: the size of a time bucket, by domain."
    )
    history: bool = Field(
        default=False,
        description="`true` keeps every version of configuration, and builds `segment/changes` from it. See "
        "[History](history.md).",
    )

    @field_validator("granularity", mode="before")
    @classmethod
    def _check_domains(cls, granularity: Mapping[str, Any]) -> dict[str, Any]:
        check_domains(granularity)
        return {domain: value for domain, value in granularity.items() if value}


def check_domains(values: Mapping[str, Any]) -> None:
    """Refuse, in a field's validator, a domain that has no time series."""
    for domain in values:
        if domain not in series_domains():
            remedy = f"Legal values: {', '.join(series_domains())}."
            raise refused(f"names the domain {domain!r}, which has no time series", remedy)


def groups_of(domain: str) -> tuple[str, ...]:
    """Return what the time series of a domain can be grouped by."""
    grouped = [each for row in CATALOGUE if row.domain == domain for each in row.parameters if each.name == GROUP_BY]
    return tuple(dict.fromkeys(value for parameter in grouped for value in parameter.values))
