"""Tell the end of a list from a response that broke off."""

import logging
from collections.abc import Callable, Set
from typing import Any

from segment_dagster.client.errors import ShapeError, UnfinishedError
from segment_dagster.client.layout import ListRequest, get_path
from segment_dagster.client.page_hints import Hint, find_hint
from segment_dagster.client.received import GROWTH, Received
from segment_dagster.endpoints import Endpoint

MAX_NAME = 40
"""Characters of a name in a response that an error shows."""

DEFAULT_PAGE = 200
"""Records of a page if the API is given no number: so many may be a full page, whatever number was asked for."""

SEVERAL = 10
"""Records missing after a full page from which on the list has broken off, and has not merely been counted wrong."""

logger = logging.getLogger(__name__)


def check_end(
    body: Any,
    request: ListRequest,
    records: int,
    received: Received,
    known: Set[tuple[str, ...]],
    path: str,
    show: Callable[[Any, int], str],
) -> None:
    """Check that a list really ends with a body that has no next cursor.

    Args:
        body: The parsed body.
        request: The list.
        records: How many of its records are in the body.
        received: What has been received of it, the body included.
        known: Places of a response that are the lists' own, and are not searched.
        path: The path of the request, for the errors.
        show: Makes a name in the body fit for an error.

    Raises:
        UnfinishedError: Something in the body points to more, or many records are missing after a full page.
        ShapeError: A full page says nothing of a next one, though it has to.
    """
    endpoint = request.endpoint
    if hint := find_hint(body, request, known, received):
        raise UnfinishedError(endpoint.name, path, _describe(hint, request, received, show))
    page_size = request.page_size or 0
    # a cursor beside the records, and not in an object, may be absent at the end
    bare = received.cursors and any(len(place) == 1 for place in request.next_cursor)
    if not bare and not _mentions_next(body, request):
        # a page that is not full is the last one, whatever else is missing
        if records < (min(page_size, DEFAULT_PAGE) if request.required else page_size):
            return
        place = ".".join(request.next_cursor[0][:-1])
        problem = f"a full page of {records:,} has no {place!r} to say if there are more"
        if request.required:
            raise ShapeError(endpoint.name, path, request.selector, problem)
        logger.warning("%s: GET %s: %s", endpoint.name, path, problem)
        return
    missing = _missing(endpoint, received)
    # fewer may have been deleted or added meanwhile: the check of row counts tells
    if records >= min(page_size, DEFAULT_PAGE) and missing >= min(records, SEVERAL):
        count = received.records
        problem = f"no next page is named after {count:,} records, though it counts {count + missing:,}"
        raise UnfinishedError(endpoint.name, path, problem)


def _missing(endpoint: Endpoint, received: Received) -> int:
    """Return how many records are missing of those that every response counts."""
    if received.least is None or endpoint.total_is_bound:
        return 0
    missing = received.least - received.records
    return missing if missing > (GROWTH if received.grows else 0) else 0


def _describe(hint: Hint, request: ListRequest, received: Received, show: Callable[[Any, int], str]) -> str:
    """Say how a body without a next cursor points to a next page all the same."""
    last = show(hint.place[-1], MAX_NAME)
    if hint.total is not None:
        return f"{received.records:,} records came, and a {last!r} counts {hint.total:,}"
    if hint.in_place:
        return f"it has no 'next', but a {last!r}"
    # the object around the field says more, unless it is the one around the records
    outside = len(hint.place) > 1 and hint.place[:-1] != request.selector[:-1]
    holder = show(hint.place[-2], MAX_NAME) if outside else last
    return f"what tells of the next page is in {holder!r}"


def _mentions_next(body: Any, request: ListRequest) -> bool:
    """Return whether a body says anything of a next page, be it that there is none."""
    for place in request.next_cursor:
        if len(place) > 1 and isinstance(get_path(body, place[:-1]), dict):
            return True
        if len(place) == 1 and isinstance(body, dict) and place[0] in body:
            return True
    return False
