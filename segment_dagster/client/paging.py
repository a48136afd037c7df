"""Following the cursors from page to page."""

import logging
from collections.abc import Callable
from typing import Any

from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from segment_dagster.client.counts import total_entries
from segment_dagster.client.errors import BeyondCountError, CursorError, ShapeError, StalledError, UnfinishedError
from segment_dagster.client.layout import Call, Part, at
from segment_dagster.client.page_hints import Received, find_hint
from segment_dagster.endpoints import Endpoint
from segment_dagster.foreign_text import foreign_text

MAX_STALLED = 100
"""Pages in a row that may bring nothing new though each has a new cursor: a list that went on so would never end."""

MAX_NAME = 40
"""Characters of a name in an answer that an error shows."""

DEFAULT_PAGE = 200
"""Records of a page where the API is not told how many: as many may be a full page whatever was asked for."""

SEVERAL = 10
"""Records that are missing after a full page, beyond which the list has broken off and not merely counted wrong."""

GROWTH = 1000
"""Records by which a list that grows while it is read may go beyond twice its own count."""

logger = logging.getLogger(__name__)


class CursorPaginator(BasePaginator):
    """Asks for the largest pages and follows each list's opaque cursor until the answer holds none.

    Args:
        path: Path that is asked for, for its errors.
        call: The lists, and where their parameters and cursors go.
        show: Makes a name of the answer fit for an error.

    Raises:
        CursorError: A cursor comes again.
        StalledError: Page after page is empty, or has come before.
        ShapeError: A cursor is neither text nor a number, or a full page tells nothing of the next.
        CountError: The list's own count is none.
        UnfinishedError: The last page says that there is more.
        BeyondCountError: Pages go on beyond the list's own count.
    """

    def __init__(self, path: str, call: Call, show: Callable[[Any, int], str] = foreign_text) -> None:
        super().__init__()
        self._path = path
        self._show = show
        self._seen: dict[str, set[str]] = {part.endpoint.name: set() for part in call.parts}
        self._asked = call.parts
        self._next: dict[str, str] = {}
        self._pages: dict[str, set[int]] = {part.endpoint.name: set() for part in call.parts}
        self._stalled: dict[str, int] = {}
        self._received: dict[str, int] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        """The least and the most that the answers count, by list."""

        known = [place for part in call.parts for place in (part.selector, *part.next_cursor)]
        self._known = {place[:end] for place in known for end in range(1, len(place) + 1)}
        self.totals: dict[str, int | None] = {}
        """What the last answer counts, by list."""

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
        self.totals = {part.endpoint.name: total_entries(body, part, self._path) for part in self._asked}
        for name, total in self.totals.items():
            if total is not None:
                least, most = self._counts.get(name, (total, total))
                self._counts[name] = min(least, total), max(most, total)
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
        if part.page_size is None or part.endpoint.single:
            return None
        name, records = part.endpoint.name, at(body, part.selector)
        before = self._received.get(name, 0)
        self._received[name] = before + len(records)
        found = next((cursor for place in part.next_cursor if (cursor := at(body, place)) not in (None, "")), None)
        if found is None:
            self._check_end(body, part, len(records))
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            problem = f"the next cursor is a {type(found).__name__}"
            raise ShapeError(name, self._path, part.next_cursor[0], problem)
        cursor, seen = str(found), self._seen[name]
        if cursor in seen:
            raise CursorError(name, self._path, page=len(seen) + 1)
        seen.add(cursor)
        self._check_count(part, before, len(records))
        self._check_progress(records, name)
        return cursor

    def _check_count(self, part: Part, before: int, records: int) -> None:
        """Refuse a page of records that comes after as many as the list holds, and names a next one."""
        endpoint = part.endpoint
        if not (before and records and endpoint.name in self._counts):
            return
        # rows that were deleted meanwhile have come as well
        _, most = self._counts[endpoint.name]
        if before >= (2 * most + GROWTH if _may_grow(endpoint) else most):
            raise BeyondCountError(endpoint.name, self._path, before + records, most)

    def _check_progress(self, records: list[Any], name: str) -> None:
        try:
            looks = hash(repr((len(records), *records[:1], *records[-1:])))
        except RecursionError:
            # it is told as such where the records become rows
            return
        pages = self._pages[name]
        self._stalled[name] = self._stalled.get(name, 0) + 1 if not records or looks in pages else 0
        pages.add(looks)
        if self._stalled[name] >= MAX_STALLED:
            raise StalledError(name, self._path, MAX_STALLED)

    def _check_end(self, body: Any, part: Part, records: int) -> None:
        """Refuse an end that is none: what tells of the next page is missing, or has got another name."""
        endpoint = part.endpoint
        if problem := self._says_more(body, part):
            raise UnfinishedError(endpoint.name, self._path, problem)
        page_size = part.page_size or 0
        # a cursor that stood beside the records, and not in an object, may be absent at the end
        bare = self._seen[endpoint.name] and any(len(place) == 1 for place in part.next_cursor)
        if not bare and not _tells(body, part):
            # a page that is not full is the last one, whatever else is missing
            if records < (min(page_size, DEFAULT_PAGE) if part.required else page_size):
                return
            place = ".".join(part.next_cursor[0][:-1])
            problem = f"a full page of {records:,} has no {place!r} to say if there are more"
            if part.required:
                raise ShapeError(endpoint.name, self._path, part.selector, problem)
            logger.warning("%s: GET %s: %s", endpoint.name, self._path, problem)
            return
        missing = self._missing(endpoint)
        # what is less may have gone or come meanwhile: that is for the count of rows to tell
        if records >= min(page_size, DEFAULT_PAGE) and missing >= min(records, SEVERAL):
            received = self._received[endpoint.name]
            problem = f"no next page is named after {received:,} records, though it counts {received + missing:,}"
            raise UnfinishedError(endpoint.name, self._path, problem)

    def _missing(self, endpoint: Endpoint) -> int:
        """Return how many records have not come of those that every answer counts."""
        if endpoint.name not in self._counts or endpoint.total_is_bound:
            return 0
        least, _ = self._counts[endpoint.name]
        missing = least - self._received[endpoint.name]
        return missing if missing > (GROWTH if _may_grow(endpoint) else 0) else 0

    def _says_more(self, body: Any, part: Part) -> str | None:
        """Return how an answer without a next cursor tells of a next page all the same."""
        endpoint = part.endpoint
        received, cursors = self._received[endpoint.name], self._seen[endpoint.name]
        # a list of one page has had no time to grow
        spare = GROWTH if cursors and _may_grow(endpoint) else 0
        total = self.totals.get(endpoint.name)
        hint = find_hint(body, part, self._known, Received(records=received, total=total, cursors=cursors, spare=spare))
        if hint is None:
            return None
        last = self._show(hint.place[-1], MAX_NAME)
        if hint.total is not None:
            return f"{received:,} records came, and a {last!r} counts {hint.total:,}"
        if hint.in_place:
            return f"it has no 'next', but a {last!r}"
        # the object that holds it says more, where it is not the one around the records
        outside = len(hint.place) > 1 and hint.place[:-1] != part.selector[:-1]
        holder = self._show(hint.place[-2], MAX_NAME) if outside else last
        return f"what tells of the next page is in {holder!r}"


def _may_grow(endpoint: Endpoint) -> bool:
    """Return whether a list's count is no firm one: it is a bound, or records come on top while it is read."""
    return bool(endpoint.total_is_bound or endpoint.time or endpoint.log)


def _holders(body: Any, part: Part) -> list[dict[str, Any]]:
    """Return the objects that an answer has to tell of the next page."""
    found = (at(body, place[:-1]) for place in part.next_cursor if len(place) > 1)
    return [holder for holder in found if isinstance(holder, dict)]


def _tells(body: Any, part: Part) -> bool:
    """Return whether an answer says anything of a next page, be it that there is none."""
    return bool(_holders(body, part)) or any(
        len(place) == 1 and isinstance(body, dict) and place[0] in body for place in part.next_cursor
    )
