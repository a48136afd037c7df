"""Control endpoints for the syncs. They need no token."""

from typing import Any

from starlette.routing import BaseRoute, Route

from segment_dagster.emulator.handlers import checked, delete, get, listed, put
from segment_dagster.emulator.syncs import Syncs
from segment_dagster.emulator.warehouse_sync import SyncStep, WarehouseSync


def routes(syncs: Syncs) -> list[BaseRoute]:
    """Build the routes that control syncs: `/_emulator/syncs`.

    GET answers `quiet` and the controlled `syncs`, PUT replaces both or one, POST takes a list of steps that start or
    end a sync, and DELETE forgets all.

    Args:
        syncs: The controlled syncs.

    Returns:
        The routes.
    """

    def put_syncs(given: Any) -> None:
        wanted = checked(given, quiet=bool, syncs=list)
        if "syncs" in wanted:
            syncs.replace(listed(wanted["syncs"], WarehouseSync.from_json, "syncs"))
        syncs.quiet = wanted.get("quiet", syncs.quiet)

    def post_syncs(given: Any) -> None:
        syncs.apply(*listed(given, SyncStep.from_json, "steps of syncs"))

    def get_syncs() -> object:
        return {"quiet": syncs.quiet, "syncs": [sync.to_json() for sync in syncs.active]}

    return [
        Route("/_emulator/syncs", get(get_syncs), methods=["GET"]),
        Route("/_emulator/syncs", put(put_syncs, get_syncs), methods=["PUT"]),
        Route("/_emulator/syncs", put(post_syncs, get_syncs), methods=["POST"]),
        Route("/_emulator/syncs", delete(syncs.clear), methods=["DELETE"]),
    ]
