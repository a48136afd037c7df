"""Which lists an endpoint is read in: what is asked for besides the pages."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.times import Params, StreamSlice


def build_slices(
    endpoint: Endpoint, parents: Iterable[Mapping[str, Any]], times: Sequence[StreamSlice]
) -> list[StreamSlice]:
    """What to ask for, list by list.

    Args:
        endpoint: Says what it is asked with.
        parents: By parameter, what each record of the parent gives; one without anything where there is no parent.
        times: The times to ask for; one without values where the endpoint is not asked for a time.

    Returns:
        The values of each list, none twice. A record of the parent that lacks a value makes no list.
    """
    whole = [dict(values) for values in parents if None not in values.values()]
    apart = [
        [{parameter.name: value} for value in parameter.values]
        for parameter in endpoint.parameters
        if parameter.fan_out
    ]
    lists: dict[tuple[tuple[str, str], ...], StreamSlice] = {}
    for parts in product(whole, *apart):
        for stream_slice in times:
            values: Params = {
                name: str(value) for part in (*parts, stream_slice.values) for name, value in part.items()
            }
            lists.setdefault(tuple(values.items()), StreamSlice(values, stream_slice.window))
    return list(lists.values())
