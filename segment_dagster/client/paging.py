"""Follow the cursors: page after page, until every list is at its end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from segment_dagster.client.counts import total_entries
from segment_dagster.client.errors import BeyondCountError, CursorError, ShapeError, StalledError
from segment_dagster.client.layout import Call, ListRequest, Query, get_path
from segment_dagster.client.list_end import check_end
from segment_dagster.client.page import Page, Resume, page_of
from segment_dagster.client.received import GROWTH, Received

MAX_STALLED = 100
"""Pages in a row that may bring nothing new though each has a new cursor: a list that went on so would never end."""

Fetch = Callable[[Query, Sequence[ListRequest]], Any]
"""Sends a query and returns the parsed body, in which every one of the lists has its records."""


def paginate(
    call: Call,
    values: Mapping[str, str],
    fetch: Fetch,
    path: str,
    show: Callable[[Any, int], str],
    resume: Resume | None = None,
) -> Iterator[Page]:
    """Yield the pages of a call's lists, in the API's order.

    Lists that share a response are requested together; one that has ended is left out of the next request.

    Args:
        call: The lists.
        values: The request's own parameters.
        fetch: Sends a request.
        path: The path of the requests, for the errors.
        show: Makes a name in a response fit for an error.
        resume: Where to begin in place of the first page, if it is one list.

    Raises:
        ApiError: A list cannot be followed to its end.
    """
    known = [place for request in call.lists for place in (request.selector, *request.next_cursor)]
    lists_own = {place[:end] for place in known for end in range(1, len(place) + 1)}
    cursors = [Cursor(request, path, lists_own, show, resume) for request in call.lists]
    while cursors:
        query = call.query_for(values)
        for cursor in cursors:
            query.update(cursor.query())
        body = fetch(query, [cursor.request for cursor in cursors])
        pages = [cursor.advance(body) for cursor in cursors]
        cursors = [cursor for cursor in cursors if cursor.has_next]
        # while its records are worked on, nothing here holds a page
        del body
        while pages:
            yield pages.pop(0)


class Cursor:
    """The place in one list: what has been received, and what the next page is requested with.

    Args:
        request: The list.
        path: The path of the requests, for the errors.
        known: Places of a response that are the lists' own.
        show: Makes a name in a response fit for an error.
        resume: Where to begin in place of the first page.
    """

    def __init__(
        self,
        request: ListRequest,
        path: str,
        known: set[tuple[str, ...]],
        show: Callable[[Any, int], str],
        resume: Resume | None = None,
    ) -> None:
        self.request = request
        self.has_next = True
        """Whether there is another page to request."""

        self._path = path
        self._known = known
        self._show = show
        self._next: str | None = None
        self._received = Received.nothing_of(request.endpoint)
        if resume:
            self._next = resume.cursor
            self._received.records = resume.records
            self._received.cursors.add(resume.cursor)
        self._fingerprints: set[int] = set()
        self._stalled = 0

    def query(self) -> Query:
        """Return the parameters that request the next page, the largest that is allowed."""
        if self.request.page_size is None:
            return {}
        query: Query = {self.request.count_parameter: str(self.request.page_size)}
        if self._next is not None:
            query[self.request.cursor_parameter] = self._next
        return query

    def advance(self, body: Any) -> Page:
        """Take the page out of a body and move to the next one.

        Raises:
            CountError: The list's own count is none.
            ShapeError: The cursor is neither text nor a number, or a full page tells nothing of the next.
            CursorError: The cursor was used before.
            StalledError: Page after page is empty, or was received before.
            UnfinishedError: The last page points to more.
            BeyondCountError: Pages go on beyond the list's own count.
        """
        total = total_entries(body, self.request, self._path)
        page = page_of(body, self.request, total)
        self._next = self._find_next(body, page)
        self.has_next = self._next is not None
        return page if self._next is None else replace(page, next=Resume(self._next, self._received.records))

    def _find_next(self, body: Any, page: Page) -> str | None:
        request, received, endpoint = self.request, self._received, self.request.endpoint
        if request.page_size is None or endpoint.single:
            return None
        before, records = received.records, len(page.records)
        received.receive(records, page.total_entries)
        places = (get_path(body, place) for place in request.next_cursor)
        found = next((value for value in places if value not in (None, "")), None)
        if found is None:
            check_end(body, request, records, received, self._known, self._path, self._show)
            self._check_repeated(before, page.records)
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            problem = f"the next cursor is a {type(found).__name__}"
            raise ShapeError(endpoint.name, self._path, request.next_cursor[0], problem)
        cursor = str(found)
        if cursor in received.cursors:
            raise CursorError(endpoint.name, self._path, page=len(received.cursors) + 1)
        received.cursors.add(cursor)
        self._check_count(before, records)
        self._check_progress(page.records)
        return cursor

    def _check_count(self, before: int, records: int) -> None:
        """Refuse a page that follows as many records as the list holds, has records, and names a next page."""
        name, most = self.request.endpoint.name, self._received.most
        if not (before and records) or most is None:
            return
        # records that were deleted meanwhile have been received as well
        if before >= (2 * most + GROWTH if self._received.grows else most):
            raise BeyondCountError(name, self._path, before + records, most)

    def _check_repeated(self, before: int, records: list[Any]) -> None:
        """Refuse a last page that was received before and follows as many records as the list holds."""
        name, most = self.request.endpoint.name, self._received.most
        if not (before and records) or most is None or before < most:
            return
        # such as the page of a list of one page that names itself as the next one
        if _fingerprint(records) in self._fingerprints:
            raise BeyondCountError(name, self._path, before + len(records), most)

    def _check_progress(self, records: list[Any]) -> None:
        """Refuse a list that has brought nothing new for many pages."""
        fingerprint = _fingerprint(records)
        if fingerprint is None:
            return
        is_new = bool(records) and fingerprint not in self._fingerprints
        self._stalled = 0 if is_new else self._stalled + 1
        self._fingerprints.add(fingerprint)
        if self._stalled >= MAX_STALLED:
            raise StalledError(self.request.endpoint.name, self._path, MAX_STALLED)


def _fingerprint(records: list[Any]) -> int | None:
    """Return what tells a page from others; `None` if it is nested too deep, which is reported later."""
    try:
        return hash(repr((len(records), *records[:1], *records[-1:])))
    except RecursionError:
        return None
