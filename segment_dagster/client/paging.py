"""Following the cursors from page to page."""

import logging
from typing import Any

from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from segment_dagster.client.errors import CursorError, ShapeError, StalledError
from segment_dagster.client.layout import Call, Part, at

MOST_STALLED = 100
"""Pages in a row that may bring nothing new though each has a new cursor: a list that went on so would never end."""

logger = logging.getLogger(__name__)


class CursorPaginator(BasePaginator):
    """Asks for the largest pages and follows each list's opaque cursor until the answer holds none.

    Args:
        path: Path that is asked for, for its errors.
        call: The lists, and where their parameters and cursors go.

    Raises:
        CursorError: A cursor comes again.
        StalledError: Page after page is empty, or the same.
        ShapeError: A cursor is neither text nor a number, or a full page tells nothing of the next.
    """

    def __init__(self, path: str, call: Call) -> None:
        super().__init__()
        self._path = path
        self._seen: dict[str, set[str]] = {part.endpoint.name: set() for part in call.parts}
        self._asked = call.parts
        self._next: dict[str, str] = {}
        self._latest: dict[str, tuple[Any, ...]] = {}
        self._stalled: dict[str, int] = {}
        self.answered: tuple[Part, ...] = ()
        """The lists that the last answer has a page of."""

        self._has_next_page = any(part.page_size is not None for part in call.parts)

    def init_request(self, request: Request) -> None:
        """Ask for the largest pages."""
        # the parameters are RESTClient's caller's own dict, which must not carry a cursor into the next list
        request.params = dict(request.params or {})
        for part in self._asked:
            if part.page_size is not None:
                request.params[part.count_parameter] = part.page_size

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Read the next cursors from the answer."""
        body = response.json()
        self.answered = self._asked
        found = {part.endpoint.name: self._cursor(body, part) for part in self._asked}
        self._next = {name: cursor for name, cursor in found.items() if cursor is not None}
        self._asked = tuple(part for part in self._asked if part.endpoint.name in self._next)
        self._has_next_page = bool(self._asked)

    def update_request(self, request: Request) -> None:
        """Put the next cursors into the next request, and ask no more for lists that are at their end."""
        for part in self.answered:
            cursor = self._next.get(part.endpoint.name)
            if cursor is None:
                request.params.pop(part.count_parameter, None)
                request.params.pop(part.cursor_parameter, None)
            else:
                request.params[part.cursor_parameter] = cursor

    def _cursor(self, body: Any, part: Part) -> str | None:
        if part.page_size is None:
            return None
        self._check_object(body, part)
        found = next((cursor for place in part.next_cursor if (cursor := at(body, place)) not in (None, "")), None)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            problem = f"the next cursor is a {type(found).__name__}"
            raise ShapeError(part.endpoint.name, self._path, part.next_cursor[0], problem)
        cursor, seen = str(found), self._seen[part.endpoint.name]
        if cursor in seen:
            raise CursorError(part.endpoint.name, self._path, page=len(seen) + 1)
        seen.add(cursor)
        self._check_progress(at(body, part.selector), part)
        return cursor

    def _check_progress(self, records: Any, part: Part) -> None:
        name, looks = part.endpoint.name, (len(records), *records[:1], *records[-1:])
        stalls = not records or looks == self._latest.get(name)
        self._latest[name] = looks
        self._stalled[name] = self._stalled.get(name, 0) + 1 if stalls else 0
        if self._stalled[name] >= MOST_STALLED:
            raise StalledError(name, self._path, MOST_STALLED)

    def _check_object(self, body: Any, part: Part) -> None:
        if isinstance(at(body, part.next_cursor[0][:-1]), dict) or len(part.next_cursor) > 1:
            return
        records = at(body, part.selector)
        # a page that is not full is the last one, whatever else is missing
        if part.page_size is None or len(records) < part.page_size:
            return
        place = ".".join(part.next_cursor[0][:-1])
        problem = f"a full page of {len(records):,} has no {place!r} to say if there are more"
        if part.required:
            raise ShapeError(part.endpoint.name, self._path, part.selector, problem)
        logger.warning("%s: GET %s: %s", part.endpoint.name, self._path, problem)
