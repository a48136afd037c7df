"""The ASGI application: builds each response from the world, the endpoint catalogue and the active faults."""

import asyncio
import hmac
import time
from contextlib import suppress
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from segment_dagster.emulator import control, control_syncs, control_workspace
from segment_dagster.emulator.actions import Actions
from segment_dagster.emulator.active_edits import Edits
from segment_dagster.emulator.clock import Clock
from segment_dagster.emulator.corrections import Corrections
from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.errors import ApiError, error_response
from segment_dagster.emulator.fault_responses import fault_response, not_found, unauthorized
from segment_dagster.emulator.faults import ActiveFault, Faults
from segment_dagster.emulator.features import Features
from segment_dagster.emulator.hooks import Hooks
from segment_dagster.emulator.latency import Latency
from segment_dagster.emulator.limits import Limits
from segment_dagster.emulator.lru_cache import LruCache
from segment_dagster.emulator.media import JSON, negotiate
from segment_dagster.emulator.response_body import BodyBuilder
from segment_dagster.emulator.routing import Match, Routes
from segment_dagster.emulator.stats import Seen, Stats
from segment_dagster.emulator.syncs import Syncs
from segment_dagster.emulator.transport import Endless, Transports, Truncated, client_gone
from segment_dagster.emulator.world import World

_MAX_CACHED_PAGES = 20_000
"""More pages than the largest benchmark requests."""

_MAX_CACHED_LISTS = 128
"""More time-dependent lists than clients read in parallel."""

_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, kw_only=True)
class Components:
    """The components of an emulator. All but the world and the token may change while it runs."""

    world: World
    token: str
    """The accepted token."""

    faults: Faults
    stats: Stats
    limits: Limits
    features: Features
    clock: Clock
    edits: Edits
    syncs: Syncs
    corrections: Corrections
    latency: Latency
    hooks: Hooks
    transports: Transports
    """The open connections, for faults that break one."""

    cursor_place: str
    """Where the versioned layout puts the cursor of the next page."""

    keep: bool
    """Whether to cache response bodies."""


class Api:
    """Request handler for both layouts."""

    def __init__(self, components: Components) -> None:
        self._components = components
        lists, pages = (_MAX_CACHED_LISTS, _MAX_CACHED_PAGES) if components.keep else (0, 0)
        self._body_builder = BodyBuilder(
            components.world, components.syncs, components.corrections, components.clock, components.cursor_place, lists
        )
        self._cache: LruCache[bytes] = LruCache(pages)
        self._actions = Actions(components.syncs, components.clock)
        self._routes = Routes(row for row in components.world.catalogue if components.world.has(row.name))

    async def respond(self, request: Request) -> Response:
        """Answer a request and count it."""
        at = time.monotonic()
        raw_path = request.scope["raw_path"].decode("latin-1")
        match = self._routes.match(raw_path) or self._actions.match(raw_path)
        with self._components.stats.open() as counting:
            if self._components.latency.seconds:
                await _wait(request, self._components.latency.seconds)
            try:
                response = await self._answer(request, match)
            except ApiError as refused:
                response = refused.response
        self._components.stats.add(
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
        faults = self._components.faults
        if faults.revoked or not self._authorized(request):
            raise ApiError(unauthorized())
        self._components.hooks.on_request(match.rows if match else ())
        headers = self._components.limits.arrive(match.rows if match else ())
        if match is None:
            raise ApiError(not_found(request.url.path))
        action = self._actions.get(match)
        method = action.method if action else "GET"
        if request.method != method:
            message = f"Only {method} is answered."
            raise ApiError(error_response(405, "method-not-allowed", message, headers={"Allow": method}))
        self._components.features.check(match.rows)
        hits = faults.hits(match.rows)
        for active in hits:
            if active.fault.kind == "slow":
                await _wait(request, active.fault.seconds)
        for active in hits:
            row = next(row for row in match.rows if active.applies_to(row))
            if instead := fault_response(row, active.fault, self._components.transports):
                return instead
        media_type = JSON if match.versioned else negotiate(match.row, request.headers.get("accept"))
        if action:
            content = encode({"data": action.answer(match.ids, await request.body())})
        else:
            content = self._content(request, match, hits)
        return self._encoded(content, headers, media_type, hits)

    def _content(self, request: Request, match: Match, hits: list[ActiveFault]) -> bytes:
        def made() -> bytes:
            return encode(self._body_builder.build(request, match, hits))

        key = self._body_builder.cache_key(match)
        if hits or key is None:
            return made()
        return self._cache.get((request.scope["raw_path"], request.scope["query_string"], *key), made)

    def _authorized(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode(), self._components.token.encode()
        )

    def _encoded(self, content: bytes, headers: dict[str, str], media_type: str, hits: list[ActiveFault]) -> Response:
        kinds = {active.fault.kind for active in hits}
        if "truncated" in kinds:
            return Truncated(self._components.transports, content, headers, media_type)
        if "endless" in kinds:
            return Endless(headers, media_type)
        if "empty-body" in kinds:
            content = b""
        if "bad-json" in kinds:
            content = content[: len(content) // 2]
        for active in hits:
            if active.fault.kind == "large":
                content = content.ljust(active.fault.megabytes * 1_000_000)
        return Response(content, 200, headers, media_type)


def build_app(components: Components) -> Starlette:
    """Build the ASGI application."""
    routes = [
        *control.routes(
            components.faults, components.stats, components.limits, components.features, components.latency
        ),
        *control_workspace.routes(components.clock, components.edits, components.corrections),
        *control_syncs.routes(components.syncs),
    ]
    return Starlette(routes=[*routes, Route("/{path:path}", Api(components).respond, methods=_METHODS)])


async def _wait(request: Request, seconds: float) -> None:
    # Stop waiting when the client disconnects, so that a test with a long fault ends at once.
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(client_gone(request.receive), seconds)
