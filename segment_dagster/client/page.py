"""A page: what the client yields."""

from dataclasses import dataclass
from typing import Any

from segment_dagster.client.layout import ListRequest, get_path
from segment_dagster.endpoints import Endpoint


@dataclass(frozen=True)
class Resume:
    """A place in a list: where a later request goes on."""

    cursor: str
    """The cursor of the next page."""

    records: int
    """How many records were received before it."""


@dataclass(frozen=True)
class Page:
    """One page of an endpoint's records, as the API gave them."""

    endpoint: Endpoint
    records: list[dict[str, Any]]
    total_entries: int | None
    """How many records the whole list holds, where the API says so."""

    next: Resume | None = None
    """Where the next page begins; `None` if this is the last one."""


def page_of(body: Any, request: ListRequest, total: int | None) -> Page:
    """Take one list's page out of a parsed body that `check_response` has let pass.

    Args:
        body: The parsed body.
        request: The list.
        total: How many records the whole list holds, where the body says so.
    """
    endpoint, found = request.endpoint, get_path(body, request.selector)
    records = [found] if endpoint.single else found
    if endpoint.wrapped:
        records = [{endpoint.wrapped: record} for record in records]
    return Page(endpoint, records, total)
