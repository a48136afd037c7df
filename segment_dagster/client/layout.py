"""The two wire layouts: how a row of the catalogue is asked for in each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from segment_dagster.endpoints import Endpoint
from segment_dagster.settings import Layout


@dataclass(frozen=True, kw_only=True)
class Call:
    """How one endpoint is asked for, and where its answer holds what."""

    path: str
    selector: tuple[str, ...]
    accept: str
    page_size: int | None
    count_parameter: str
    cursor_parameter: str
    next_cursor: tuple[tuple[str, ...], ...]
    total: tuple[tuple[str, ...], ...]

    def path_for(self, values: Mapping[str, str]) -> str:
        """The path with its placeholders filled, each value percent-encoded whole."""
        return self.path.format(**{name: quote(value, safe="") for name, value in values.items()})


def call_for(endpoint: Endpoint, layout: Layout, page_size: int) -> Call | None:
    """The call of an endpoint in a layout, with pages of at most `page_size` rows; `None` if the layout lacks it."""
    if layout == "public":
        return Call(
            path=endpoint.path,
            selector=endpoint.selector,
            accept=endpoint.media_type,
            page_size=endpoint.page_size and min(endpoint.page_size, page_size),
            # docs.segmentapis.com/tag/Pagination writes the parameters with a dot
            count_parameter="pagination.count",
            cursor_parameter="pagination.cursor",
            next_cursor=(("data", "pagination", "next"),),
            total=(("data", "pagination", "totalEntries"),),
        )
    versioned = endpoint.versioned
    if versioned is None:
        return None
    return Call(
        path=versioned.path,
        selector=versioned.selector,
        accept="application/json",
        page_size=versioned.page_size and min(versioned.page_size, page_size),
        count_parameter="page[size]",
        cursor_parameter="page[cursor]",
        next_cursor=versioned.next_cursor,
        total=tuple((*place[:-1], "totalEntries") for place in versioned.next_cursor),
    )


def offers(layout: Layout, endpoint: Endpoint) -> bool:
    """Whether the layout has the endpoint."""
    return layout == "public" or endpoint.versioned is not None


def at(body: Any, place: tuple[str, ...]) -> Any:
    """The value that the keys of `place` lead to, or `None`."""
    for key in place:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body
