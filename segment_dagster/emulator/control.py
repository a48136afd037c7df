"""Control endpoints for another process than the one that started the emulator. They need no token."""

from typing import Any

from starlette.routing import BaseRoute, Route

from segment_dagster.emulator.faults import Fault, Faults
from segment_dagster.emulator.features import Features
from segment_dagster.emulator.handlers import checked, delete, get, put
from segment_dagster.emulator.latency import Latency
from segment_dagster.emulator.limits import Limits
from segment_dagster.emulator.stats import Stats


def routes(faults: Faults, stats: Stats, limits: Limits, features: Features, latency: Latency) -> list[BaseRoute]:
    """Build the routes that control responses: `/_emulator/stats`, `faults`, `limits`, `features` and `latency`.

    Args:
        faults: The active faults.
        stats: The counters.
        limits: The rate limits.
        features: The missing features.
        latency: The delay of every response.

    Returns:
        The routes.
    """

    def put_faults(given: Any) -> None:
        if not isinstance(given, list):
            raise ValueError("the body must be a JSON list of faults")
        faults.replace([Fault.from_json(item, faults.catalogue) for item in given])

    def put_limits(given: Any) -> None:
        limits.set(**checked(given, enforced=bool, minute=(int, float), token_limit=int))

    def put_features(given: Any) -> None:
        wanted = checked(given, without=list, status=int)
        if not all(isinstance(name, str) for name in wanted.get("without", ())):
            raise ValueError("without must be a list of features")
        features.set(**wanted)

    def put_latency(given: Any) -> None:
        latency.set(checked(given, seconds=(int, float)).get("seconds", latency.seconds))

    def get_faults() -> object:
        return [fault.to_json() for fault in faults.active]

    return [
        Route("/_emulator/stats", get(stats.to_json), methods=["GET"]),
        Route("/_emulator/stats", delete(stats.clear), methods=["DELETE"]),
        Route("/_emulator/faults", get(get_faults), methods=["GET"]),
        Route("/_emulator/faults", put(put_faults, get_faults), methods=["PUT"]),
        Route("/_emulator/faults", delete(faults.clear), methods=["DELETE"]),
        Route("/_emulator/limits", get(limits.to_json), methods=["GET"]),
        Route("/_emulator/limits", put(put_limits, limits.to_json), methods=["PUT"]),
        Route("/_emulator/features", get(features.to_json), methods=["GET"]),
        Route("/_emulator/features", put(put_features, features.to_json), methods=["PUT"]),
        Route("/_emulator/latency", get(latency.to_json), methods=["GET"]),
        Route("/_emulator/latency", put(put_latency, latency.to_json), methods=["PUT"]),
    ]
