"""The lists that an endpoint is read in."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.result import ParentKey
from segment_dagster.extract.times import StreamSlice


def build_slices(
    endpoint: Endpoint, parents: Iterable[Mapping[str, Any]], times: Sequence[StreamSlice]
) -> list[StreamSlice]:
    """Combine the records of the parent, the values of parameters and the times: one list each.

    Args:
        endpoint: Says which parameters take one value per list.
        parents: The parameters that each record of the parent gives; one without any where there is no parent.
        times: The times; one without parameters where the endpoint takes no time.

    Returns:
        The lists, none twice. A record of the parent that lacks a value makes none.
    """
    complete = [dict(params) for params in parents if None not in params.values()]
    fan_out = [
        [{parameter.name: value} for value in parameter.values]
        for parameter in endpoint.parameters
        if parameter.fan_out
    ]
    slices: dict[tuple[tuple[str, str], ...], StreamSlice] = {}
    for parts in product(complete, *fan_out):
        for time in times:
            params = {name: str(value) for part in (*parts, time.params) for name, value in part.items()}
            slices.setdefault(tuple(params.items()), StreamSlice(params, time.window))
    return list(slices.values())


def lists_of(endpoint: Endpoint, parents: Iterable[ParentKey]) -> list[StreamSlice]:
    """Return the lists of some parents, for an endpoint that takes no time.

    Args:
        endpoint: Says which parameters the parents fill.
        parents: What they give to the requests.
    """
    binds = endpoint.parent.binds if endpoint.parent else ()
    given = [{bind.parameter: value for bind, value in zip(binds, key, strict=True)} for key in parents]
    return build_slices(endpoint, given, [StreamSlice({})])
