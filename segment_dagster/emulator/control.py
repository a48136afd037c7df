"""Control over HTTP, for a process that did not start the emulator: no token is asked for."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from segment_dagster.emulator.edit import Edit
from segment_dagster.emulator.edits import Edits, described
from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.errors import refusal
from segment_dagster.emulator.faults import Fault, Faults
from segment_dagster.emulator.features import Features
from segment_dagster.emulator.limits import Limits
from segment_dagster.emulator.stats import Stats


def routes(faults: Faults, stats: Stats, limits: Limits, features: Features, edits: Edits) -> list[BaseRoute]:
    """The control paths: `/_emulator/stats`, `faults`, `limits`, `features`, `edits` and `audit`.

    Args:
        faults: The faults in force.
        stats: The counters.
        limits: The rate limits.
        features: The features that are missing.
        edits: What is done to the workspace.

    Returns:
        The routes.
    """

    def put_faults(given: Any) -> None:
        if not isinstance(given, list):
            raise ValueError("the body must be a JSON list of faults")
        faults.replace([Fault.from_json(item, faults.catalogue) for item in given])

    def put_limits(given: Any) -> None:
        limits.set(**_object(given, enforced=bool, minute=(int, float), token_limit=int))

    def put_features(given: Any) -> None:
        wanted = _object(given, without=list, status=int)
        if not all(isinstance(name, str) for name in wanted.get("without", ())):
            raise ValueError("without must be a list of features")
        features.set(**wanted)

    def put_edits(given: Any) -> None:
        edits.replace(_edits(given))

    def post_edits(given: Any) -> None:
        edits.add(*_edits(given))

    def put_audit(given: Any) -> None:
        edits.quiet_audit = _object(given, quiet=bool).get("quiet", edits.quiet_audit)

    async def delete_stats(request: Request) -> Response:
        stats.clear()
        return Response(status_code=204)

    async def delete_faults(request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def delete_edits(request: Request) -> Response:
        edits.clear()
        return Response(status_code=204)

    def get_edits() -> object:
        return described(edits.active)

    def get_audit() -> object:
        return {"quiet": edits.quiet_audit}

    def get_faults() -> object:
        return [fault.to_json() for fault in faults.active]

    return [
        Route("/_emulator/stats", _get(stats.to_json), methods=["GET"]),
        Route("/_emulator/stats", delete_stats, methods=["DELETE"]),
        Route("/_emulator/faults", _get(get_faults), methods=["GET"]),
        Route("/_emulator/faults", _put(put_faults, get_faults), methods=["PUT"]),
        Route("/_emulator/faults", delete_faults, methods=["DELETE"]),
        Route("/_emulator/limits", _get(limits.to_json), methods=["GET"]),
        Route("/_emulator/limits", _put(put_limits, limits.to_json), methods=["PUT"]),
        Route("/_emulator/features", _get(features.to_json), methods=["GET"]),
        Route("/_emulator/features", _put(put_features, features.to_json), methods=["PUT"]),
        Route("/_emulator/edits", _get(get_edits), methods=["GET"]),
        Route("/_emulator/edits", _put(put_edits, get_edits), methods=["PUT"]),
        Route("/_emulator/edits", _put(post_edits, get_edits), methods=["POST"]),
        Route("/_emulator/edits", delete_edits, methods=["DELETE"]),
        Route("/_emulator/audit", _get(get_audit), methods=["GET"]),
        Route("/_emulator/audit", _put(put_audit, get_audit), methods=["PUT"]),
    ]


_Handler = Callable[[Request], Awaitable[Response]]


def _get(shown: Callable[[], object]) -> _Handler:
    async def get(request: Request) -> Response:
        return Response(encode(shown()), media_type="application/json")

    return get


def _put(change: Callable[[Any], None], shown: Callable[[], object]) -> _Handler:
    async def put(request: Request) -> Response:
        try:
            change(json.loads(await request.body()))
        except ValueError as error:
            return refusal(422, "bad-request", str(error))
        return Response(encode(shown()), media_type="application/json")

    return put


def _edits(given: Any) -> list[Edit]:
    if not isinstance(given, list):
        raise ValueError("the body must be a JSON list of edits")
    return [Edit.from_json(item) for item in given]


def _object(given: Any, **types: type | tuple[type, ...]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError("the body must be a JSON object")
    for name, value in given.items():
        if name not in types:
            raise ValueError(f"unknown {name!r}; there are {', '.join(types)}")
        if not isinstance(value, types[name]) or (isinstance(value, bool) and types[name] is not bool):
            raise ValueError(f"{name} is not of the right type")
    return given
