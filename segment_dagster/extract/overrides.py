"""Endpoints with the granularity and the groups of the settings."""

from collections.abc import Mapping
from dataclasses import replace

from segment_dagster.config.series import GROUP_BY
from segment_dagster.endpoints import Endpoint, Parameter, TimeRange


def apply_overrides(
    endpoint: Endpoint, granularity: Mapping[str, str], group_by: Mapping[str, tuple[str, ...]]
) -> Endpoint:
    """Return the endpoint with the granularity and the groups that are set for its domain.

    Args:
        endpoint: A row of the catalogue.
        granularity: By domain, what its time series are asked for in.
        group_by: By domain, what they are told apart by. The columns that are no group are null then.
    """
    time, groups, chosen = endpoint.time, group_by.get(endpoint.domain), granularity.get(endpoint.domain)
    if chosen and isinstance(time, TimeRange) and time.granularity:
        endpoint = replace(endpoint, time=replace(time, granularity=chosen))
    if groups is None or all(parameter.name != GROUP_BY for parameter in endpoint.parameters):
        return endpoint
    kept = (_chosen(parameter, groups) for parameter in endpoint.parameters)
    return replace(endpoint, parameters=tuple(parameter for parameter in kept if parameter.values))


def _chosen(parameter: Parameter, groups: tuple[str, ...]) -> Parameter:
    if parameter.name != GROUP_BY:
        return parameter
    return replace(parameter, values=tuple(value for value in parameter.values if value in groups))
