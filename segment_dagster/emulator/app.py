"""The API: answers a request from the world, the catalogue's rows and the faults in force."""

import asyncio
import hmac
from contextlib import suppress
from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from segment_dagster.emulator import control
from segment_dagster.emulator.answers import answer, not_found, unauthorized
from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.errors import Refused, refusal
from segment_dagster.emulator.faults import Armed, Faults
from segment_dagster.emulator.layouts import body, paginate_public, paginate_versioned
from segment_dagster.emulator.limits import Limits
from segment_dagster.emulator.media import JSON, negotiate
from segment_dagster.emulator.mutations import Listing, alter
from segment_dagster.emulator.paging import Cursors, Page, ask_public, ask_versioned, cut
from segment_dagster.emulator.routing import Match, Routes
from segment_dagster.emulator.stats import Seen, Stats
from segment_dagster.emulator.transport import Transports, Truncated, client_gone
from segment_dagster.emulator.world import World
from segment_dagster.endpoints import CATALOGUE

_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


class Api:
    """Answers the requests of both layouts."""

    def __init__(
        self, world: World, token: str, faults: Faults, stats: Stats, transports: Transports, cursor_place: str
    ) -> None:
        self._world = world
        self._token = token
        self._faults = faults
        self._stats = stats
        self._transports = transports
        self._cursor_place = cursor_place
        self._limits = Limits()
        self._routes = Routes(row for row in CATALOGUE if world.has(row.name))

    async def respond(self, request: Request) -> Response:
        """Answer a request, and count it."""
        raw_path = request.scope["raw_path"].decode("latin-1")
        match = self._routes.match(raw_path)
        with self._stats.open() as counting:
            try:
                response = await self._answer(request, match)
            except Refused as refused:
                response = refused.response
        self._stats.add(
            Seen(
                endpoint=match.row.name if match else None,
                method=request.method,
                path=raw_path,
                query=request.scope["query_string"].decode("latin-1"),
                accept=request.headers.get("accept"),
                status=response.status_code,
            ),
            counting,
        )
        return response

    async def _answer(self, request: Request, match: Match | None) -> Response:
        if self._faults.revoked or not self._authorized(request):
            raise Refused(unauthorized())
        if match is None:
            raise Refused(not_found(request.url.path))
        if request.method != "GET":
            raise Refused(refusal(405, "method-not-allowed", "Only GET is answered.", headers={"Allow": "GET"}))
        hits = self._faults.hits(match.row)
        for armed in hits:
            if armed.fault.kind == "slow":
                await _wait(request, armed.fault.seconds)
        for armed in hits:
            if instead := answer(match.row, armed.fault, self._transports):
                return instead
        media_type = JSON if match.versioned else negotiate(match.row, request.headers.get("accept"))
        return self._encode(match, self._body(request, match, hits), media_type, {armed.fault.kind for armed in hits})

    def _authorized(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token.encode())

    def _body(self, request: Request, match: Match, hits: list[Armed]) -> dict[str, object]:
        row, parent_id = match.row, match.parent_id
        if row.parent and parent_id is not None and not self._world.has_record(row.parent, parent_id):
            raise Refused(not_found(f"{row.parent.endpoint} {parent_id}"))
        layout = row.versioned if match.versioned and row.versioned else row
        page = alter(*self._page(request, match, layout.page_size), hits)
        kinds = {armed.fault.kind for armed in hits}
        if "repeated-cursor" in kinds:
            page = replace(page, next=page.current)
        if "wrong-total" in kinds:
            page = replace(page, total=page.total + 1)
        selector = layout.selector
        if "renamed-key" in kinds:
            selector = (*selector[:-1], f"{selector[-1]}List")
        whole = body(selector, page.records[0] if row.single else page.records)
        if layout.page_size is not None:
            if match.versioned:
                paginate_versioned(whole, page, self._cursor_place)
            else:
                paginate_public(whole, page)
        return whole

    def _page(self, request: Request, match: Match, largest: int | None) -> tuple[Page, Listing]:
        """The page that is asked for, and the list it is of."""
        row, query = match.row, request.query_params
        records = self._world.records(row.name, match.parent_id)
        cursors = Cursors(request.url.path)
        page = Page(list(records), 0, len(records), cursors.write(0), None, None)
        if largest is not None:
            page = cut(records, (ask_versioned if match.versioned else ask_public)(query, largest, cursors), cursors)
        left_out = () if match.versioned else self._world.left_out(row.name, query)
        first, shown = records[:1], page.records
        if left_out:
            first, shown = (
                [{key: value for key, value in record.items() if key not in left_out} for record in part]
                for part in (first, shown)
            )
        return page.with_records(shown), Listing(row, match.parent_id, first[0] if first else None)

    def _encode(self, match: Match, whole: dict[str, object], media_type: str, kinds: set[str]) -> Response:
        content = encode(whole)
        headers = self._limits.headers(match.row)
        if "truncated" in kinds:
            return Truncated(self._transports, content, headers, media_type)
        if "empty-body" in kinds:
            content = b""
        if "bad-json" in kinds:
            content = content[: len(content) // 2]
        return Response(content, 200, headers, media_type)


def build_app(
    world: World, token: str, faults: Faults, stats: Stats, transports: Transports, cursor_place: str
) -> Starlette:
    """The emulator as an ASGI application.

    Args:
        world: The workspace.
        token: The token that is let in.
        faults: The faults in force; they may change at any time.
        stats: The counters.
        transports: The open connections, for the faults that break one.
        cursor_place: Where the versioned layout has the next page's cursor.

    Returns:
        The application.
    """
    api = Api(world, token, faults, stats, transports, cursor_place)
    return Starlette(routes=[*control.routes(faults, stats), Route("/{path:path}", api.respond, methods=_METHODS)])


async def _wait(request: Request, seconds: float) -> None:
    # A client that gave up is not waited for, so that a test with a long fault ends at once.
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(client_gone(request.receive), seconds)
