"""Control endpoints for the syncs. They need no token."""

from datetime import timedelta
from typing import Any

from starlette.routing import BaseRoute, Route

from segment_dagster.emulator.handlers import checked, delete, get, listed, put
from segment_dagster.emulator.reverse_sync import ReverseStep
from segment_dagster.emulator.syncs import Syncs
from segment_dagster.emulator.warehouse_sync import SyncStep, WarehouseSync

_LONGEST = 1_000_000
"""Most seconds that a sync can be given to last."""


def routes(syncs: Syncs) -> list[BaseRoute]:
    """Build the routes that control syncs: `/_emulator/syncs` and `/_emulator/reverse-etl-syncs`.

    GET answers `quiet` and the controlled `syncs`, PUT replaces both or one, POST takes a list of steps that start or
    end a sync, and DELETE forgets all. Syncs of reverse ETL are started by the API itself: PUT sets `quiet` and how
    many seconds each `lasts`, and POST takes a list of steps that end a sync.

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

    reverse = syncs.reverse_etl

    def put_reverse(given: Any) -> None:
        wanted = checked(given, quiet=bool, lasts=(int, float, type(None)))
        lasts = wanted.get("lasts")
        if lasts is not None and not 0 <= lasts <= _LONGEST:
            raise ValueError(f"lasts must be a number of seconds from 0 to {_LONGEST}")
        if "lasts" in wanted:
            reverse.lasts = None if lasts is None else timedelta(seconds=lasts)
        reverse.quiet = wanted.get("quiet", reverse.quiet)

    def post_reverse(given: Any) -> None:
        reverse.apply(*listed(given, ReverseStep.from_json, "steps of reverse ETL syncs"))

    def get_reverse() -> object:
        return {
            "quiet": reverse.quiet,
            "lasts": None if reverse.lasts is None else reverse.lasts.total_seconds(),
            "syncs": [sync.to_json() for sync in reverse.active],
        }

    return [
        Route("/_emulator/syncs", get(get_syncs), methods=["GET"]),
        Route("/_emulator/syncs", put(put_syncs, get_syncs), methods=["PUT"]),
        Route("/_emulator/syncs", put(post_syncs, get_syncs), methods=["POST"]),
        Route("/_emulator/syncs", delete(syncs.clear), methods=["DELETE"]),
        Route("/_emulator/reverse-etl-syncs", get(get_reverse), methods=["GET"]),
        Route("/_emulator/reverse-etl-syncs", put(put_reverse, get_reverse), methods=["PUT"]),
        Route("/_emulator/reverse-etl-syncs", put(post_reverse, get_reverse), methods=["POST"]),
        Route("/_emulator/reverse-etl-syncs", delete(reverse.clear), methods=["DELETE"]),
    ]
