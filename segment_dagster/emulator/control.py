"""Control over HTTP, for a process that did not start the emulator: no token is asked for."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from segment_dagster.emulator.encoding import encode
from segment_dagster.emulator.errors import refusal
from segment_dagster.emulator.faults import Fault, Faults
from segment_dagster.emulator.stats import Stats


def routes(faults: Faults, stats: Stats) -> list[BaseRoute]:
    """The control paths: `/_emulator/stats` and `/_emulator/faults`.

    Args:
        faults: The faults in force.
        stats: The counters.

    Returns:
        The routes.
    """

    def listed() -> Response:
        return _json([fault.to_json() for fault in faults.active])

    async def get_stats(request: Request) -> Response:
        return _json(stats.to_json())

    async def delete_stats(request: Request) -> Response:
        stats.clear()
        return Response(status_code=204)

    async def get_faults(request: Request) -> Response:
        return listed()

    async def put_faults(request: Request) -> Response:
        try:
            given = json.loads(await request.body())
            if not isinstance(given, list):
                raise ValueError("the body must be a JSON list of faults")
            faults.replace([Fault.from_json(item) for item in given])
        except ValueError as error:
            return refusal(422, "bad-request", str(error))
        return listed()

    async def delete_faults(request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    return [
        Route("/_emulator/stats", get_stats, methods=["GET"]),
        Route("/_emulator/stats", delete_stats, methods=["DELETE"]),
        Route("/_emulator/faults", get_faults, methods=["GET"]),
        Route("/_emulator/faults", put_faults, methods=["PUT"]),
        Route("/_emulator/faults", delete_faults, methods=["DELETE"]),
    ]


def _json(value: object) -> Response:
    return Response(encode(value), media_type="application/json")
