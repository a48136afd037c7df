"""Following the cursor from page to page."""

from typing import Any

from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from segment_dagster.client.errors import CursorError, ShapeError
from segment_dagster.client.layout import Call, at


class CursorPaginator(BasePaginator):
    """Asks for the largest page and follows the opaque cursor until the answer holds none.

    Args:
        endpoint: Name of the endpoint, for its errors.
        path: Path that is asked for, for its errors.
        call: Where the parameters and the cursor go.

    Raises:
        CursorError: A cursor comes again.
        ShapeError: A cursor is neither text nor a number.
    """

    def __init__(self, endpoint: str, path: str, call: Call) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._path = path
        self._call = call
        self._seen: set[str] = set()
        self._next: str | None = None
        self._has_next_page = call.page_size is not None

    def init_request(self, request: Request) -> None:
        """Ask for the largest page."""
        # the parameters are RESTClient's caller's own dict, which must not carry a cursor into the next list
        request.params = {**(request.params or {}), self._call.count_parameter: self._call.page_size}

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Read the next cursor from the answer."""
        body = response.json()
        found = next(
            (cursor for place in self._call.next_cursor if (cursor := at(body, place)) not in (None, "")), None
        )
        if found is not None and (isinstance(found, bool) or not isinstance(found, str | int)):
            problem = f"the next cursor is a {type(found).__name__}"
            raise ShapeError(self._endpoint, self._path, self._call.next_cursor[0], problem)
        self._next = None if found is None else str(found)
        self._has_next_page = self._next is not None
        if self._next is None:
            return
        if self._next in self._seen:
            raise CursorError(self._endpoint, self._path, page=len(self._seen) + 1)
        self._seen.add(self._next)

    def update_request(self, request: Request) -> None:
        """Put the next cursor into the next request."""
        if self._next is not None:
            request.params[self._call.cursor_parameter] = self._next
