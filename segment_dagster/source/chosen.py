"""Endpoints as the settings want them asked."""

from dataclasses import replace

from segment_dagster.endpoints import Endpoint, Parameter, TimeRange
from segment_dagster.settings import Settings

GROUP_BY = "groupBy"
"""The parameter that says which columns the counted events are told apart by."""


def as_chosen(endpoint: Endpoint, settings: Settings) -> Endpoint:
    """The endpoint with the granularity and the groups that are set for its domain.

    The columns that are no group are null then.
    """
    time, groups = endpoint.time, settings.group_by.get(endpoint.domain)
    granularity = settings.granularity.get(endpoint.domain)
    if granularity and isinstance(time, TimeRange) and time.granularity:
        endpoint = replace(endpoint, time=replace(time, granularity=granularity))
    if groups is None or all(parameter.name != GROUP_BY for parameter in endpoint.parameters):
        return endpoint
    chosen = (_chosen(parameter, groups) for parameter in endpoint.parameters)
    return replace(endpoint, parameters=tuple(parameter for parameter in chosen if parameter.values))


def _chosen(parameter: Parameter, groups: tuple[str, ...]) -> Parameter:
    if parameter.name != GROUP_BY:
        return parameter
    return replace(parameter, values=tuple(value for value in parameter.values if value in groups))
