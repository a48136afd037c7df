"""The two wire layouts: how an endpoint of the catalogue is requested in each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from segment_dagster.config import Layout
from segment_dagster.endpoints import Endpoint, Parameter

_PLACEHOLDER = re.compile(r"{(\w+)}")

Query = dict[str, str | list[str]]


@dataclass(frozen=True, kw_only=True)
class ListRequest:
    """One list of a response: the parameters that request its pages, and the places where the response holds what."""

    endpoint: Endpoint
    selector: tuple[str, ...]
    page_size: int | None
    count_parameter: str
    cursor_parameter: str
    next_cursor: tuple[tuple[str, ...], ...]
    total: tuple[tuple[str, ...], ...]
    required: bool = False
    """Whether every response says if there is a next page. Where it may not, its silence ends the list."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """The request for endpoints that share one response."""

    path: str
    accept: str
    lists: tuple[ListRequest, ...]
    parameters: tuple[Parameter, ...] = ()

    def path_for(self, values: Mapping[str, str]) -> str:
        """Return the path with its placeholders filled, each value percent-encoded whole."""
        return _PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe=""), self.path)

    def query_for(self, values: Mapping[str, str]) -> Query:
        """Return the query without the parameters of a page: values without a placeholder, and what is always sent."""
        placed = _PLACEHOLDER.findall(self.path)
        query: Query = {name: value for name, value in values.items() if name not in placed}
        for parameter in self.parameters:
            if not parameter.fan_out:
                query[parameter.name] = list(parameter.values)
        return query


def call_for(endpoints: Sequence[Endpoint], layout: Layout, page_size: int) -> Call | None:
    """Return the call of endpoints with one path, in pages of at most `page_size` rows; `None` if there is none."""
    first = endpoints[0]
    if layout is Layout.PUBLIC:
        return Call(
            path=first.path,
            accept=first.media_type,
            lists=tuple(_public(endpoint, page_size) for endpoint in endpoints),
            parameters=first.parameters,
        )
    if first.versioned is None:
        return None
    return Call(path=first.versioned.path, accept="application/json", lists=(_versioned(first, page_size),))


def offers(layout: Layout, endpoint: Endpoint) -> bool:
    """Return whether the layout has the endpoint."""
    return layout is Layout.PUBLIC or endpoint.versioned is not None


def get_path(body: Any, path: tuple[str, ...]) -> Any:
    """Return the value that the keys of `path` lead to, or `None`."""
    for key in path:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


def _public(endpoint: Endpoint, page_size: int) -> ListRequest:
    paging = endpoint.paging
    return ListRequest(
        endpoint=endpoint,
        selector=endpoint.selector,
        page_size=endpoint.page_asked and min(endpoint.page_asked, page_size),
        count_parameter=paging.count,
        cursor_parameter=paging.cursor,
        next_cursor=((*paging.answer, "next"),),
        total=((*paging.answer, "totalEntries"),),
        required=paging.required,
    )


def _versioned(endpoint: Endpoint, page_size: int) -> ListRequest:
    versioned = endpoint.versioned
    assert versioned is not None
    return ListRequest(
        endpoint=endpoint,
        selector=versioned.selector,
        page_size=versioned.page_size and min(versioned.page_size, page_size),
        count_parameter="page[size]",
        cursor_parameter="page[cursor]",
        next_cursor=versioned.next_cursor,
        total=tuple((*place[:-1], "totalEntries") for place in versioned.next_cursor),
        required=True,
    )
