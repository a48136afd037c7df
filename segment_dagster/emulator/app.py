"""The API: answers a request from the world, the catalogue's rows and the faults in force."""

import asyncio
import hmac
import time
from contextlib import suppress
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from segment_dagster.emulator import control, control_workspace
from segment_dagster.emulator.answers import answer, not_found, unauthorized
from segment_dagster.emulator.bodies import Bodies
from segment_dagster.emulator.clock import Clock
from segment_dagster.emulator.corrections import Corrections
from segment_dagster.emulator.edits import Edits
from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.errors import Refused, refusal
from segment_dagster.emulator.faults import Armed, Faults
from segment_dagster.emulator.features import Features
from segment_dagster.emulator.hooks import Hooks
from segment_dagster.emulator.latency import Latency
from segment_dagster.emulator.limits import Limits
from segment_dagster.emulator.lru_cache import LruCache
from segment_dagster.emulator.media import JSON, negotiate
from segment_dagster.emulator.routing import Match, Routes
from segment_dagster.emulator.stats import Seen, Stats
from segment_dagster.emulator.transport import Endless, Transports, Truncated, client_gone
from segment_dagster.emulator.world import World

_PAGES_KEPT = 20_000
"""More pages than the largest benchmark asks for."""

_LISTS_KEPT = 128
"""More lists that depend on a time than are read side by side."""

_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an emulator is made of. All but the world and the token may change while it answers."""

    world: World
    token: str
    """The token that is let in."""

    faults: Faults
    stats: Stats
    limits: Limits
    features: Features
    clock: Clock
    edits: Edits
    corrections: Corrections
    latency: Latency
    hooks: Hooks
    transports: Transports
    """The open connections, for the faults that break one."""

    cursor_place: str
    """Where the versioned layout has the next page's cursor."""

    keep: bool
    """Whether answers are kept, so that what is asked for again is not made again."""


class Api:
    """Answers the requests of both layouts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        lists, pages = (_LISTS_KEPT, _PAGES_KEPT) if parts.keep else (0, 0)
        self._bodies = Bodies(parts.world, parts.edits, parts.corrections, parts.clock, parts.cursor_place, lists)
        self._kept: LruCache[bytes] = LruCache(pages)
        self._routes = Routes(row for row in parts.world.catalogue if parts.world.has(row.name))

    async def respond(self, request: Request) -> Response:
        """Answer a request, and count it."""
        at = time.monotonic()
        raw_path = request.scope["raw_path"].decode("latin-1")
        match = self._routes.match(raw_path)
        with self._parts.stats.open() as counting:
            if self._parts.latency.seconds:
                await _wait(request, self._parts.latency.seconds)
            try:
                response = await self._answer(request, match)
            except Refused as refused:
                response = refused.response
        self._parts.stats.add(
            Seen(
                endpoint=match.row.name if match else None,
                method=request.method,
                path=raw_path,
                query=request.scope["query_string"].decode("latin-1"),
                accept=request.headers.get("accept"),
                status=response.status_code,
                at=at,
            ),
            counting,
        )
        return response

    async def _answer(self, request: Request, match: Match | None) -> Response:
        faults = self._parts.faults
        if faults.revoked or not self._authorized(request):
            raise Refused(unauthorized())
        self._parts.hooks.arrived(match.rows if match else ())
        headers = self._parts.limits.arrive(match.rows if match else ())
        if match is None:
            raise Refused(not_found(request.url.path))
        if request.method != "GET":
            raise Refused(refusal(405, "method-not-allowed", "Only GET is answered.", headers={"Allow": "GET"}))
        self._parts.features.check(match.rows)
        hits = faults.hits(match.rows)
        for armed in hits:
            if armed.fault.kind == "slow":
                await _wait(request, armed.fault.seconds)
        for armed in hits:
            row = next(row for row in match.rows if armed.is_for(row))
            if instead := answer(row, armed.fault, self._parts.transports):
                return instead
        media_type = JSON if match.versioned else negotiate(match.row, request.headers.get("accept"))
        return self._encoded(self._content(request, match, hits), headers, media_type, hits)

    def _content(self, request: Request, match: Match, hits: list[Armed]) -> bytes:
        def made() -> bytes:
            return encode(self._bodies.make(request, match, hits))

        state = self._bodies.state(match)
        if hits or state is None:
            return made()
        return self._kept.get((request.scope["raw_path"], request.scope["query_string"], *state), made)

    def _authorized(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._parts.token.encode())

    def _encoded(self, content: bytes, headers: dict[str, str], media_type: str, hits: list[Armed]) -> Response:
        kinds = {armed.fault.kind for armed in hits}
        if "truncated" in kinds:
            return Truncated(self._parts.transports, content, headers, media_type)
        if "endless" in kinds:
            return Endless(headers, media_type)
        if "empty-body" in kinds:
            content = b""
        if "bad-json" in kinds:
            content = content[: len(content) // 2]
        for armed in hits:
            if armed.fault.kind == "large":
                content = content.ljust(armed.fault.megabytes * 1_000_000)
        return Response(content, 200, headers, media_type)


def build_app(parts: Parts) -> Starlette:
    """The emulator as an ASGI application."""
    routes = [
        *control.routes(parts.faults, parts.stats, parts.limits, parts.features, parts.latency),
        *control_workspace.routes(parts.clock, parts.edits, parts.corrections),
    ]
    return Starlette(routes=[*routes, Route("/{path:path}", Api(parts).respond, methods=_METHODS)])


async def _wait(request: Request, seconds: float) -> None:
    # A client that gave up is not waited for, so that a test with a long fault ends at once.
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(client_gone(request.receive), seconds)
