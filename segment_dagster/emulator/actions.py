"""Requests that are no list of the catalogue: they start a reverse ETL sync, show one, and cancel it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segment_dagster.emulator.clock import Clock
from segment_dagster.emulator.errors import ApiError, invalid_parameter
from segment_dagster.emulator.fault_responses import not_found
from segment_dagster.emulator.reverse_sync import IN_PROGRESS
from segment_dagster.emulator.reverse_syncs import UnknownSyncError
from segment_dagster.emulator.routing import Match, Routes
from segment_dagster.emulator.syncs import Syncs
from segment_dagster.emulator.world.factories import Record
from segment_dagster.emulator.world.timestamps import format_moment
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.reverse_etl_actions import ACTIONS, CANCEL, START, STATUS

_LIST = "reverse_etl_syncs"
_REASONS = range(5)
"""Why a sync is cancelled: incorrect model, destination, keys or mapping, or something else."""


@dataclass(frozen=True)
class Action:
    """A request that is no list."""

    row: Endpoint
    method: str
    answer: Callable[[Mapping[str, str], bytes], Record]
    """Does what is asked with the ids of the path and the body, and returns the `data` of the answer.

    It raises an `ApiError` if that is impossible.
    """


class Actions:
    """The requests that are no list, by path.

    Args:
        syncs: The controlled syncs.
        clock: The clock.
    """

    def __init__(self, syncs: Syncs, clock: Clock) -> None:
        self._syncs = syncs
        self._clock = clock
        actions = (
            Action(START, "POST", self._start),
            Action(STATUS, "GET", self._status),
            Action(CANCEL, "POST", self._cancel),
        )
        self._by_name = {action.row.name: action for action in actions}
        known = syncs.view(clock.now()).has(_LIST)
        self._routes = Routes(ACTIONS if known else ())

    def match(self, raw_path: str) -> Match | None:
        """Return the action's row and the ids of a path, or `None`."""
        return self._routes.match(raw_path)

    def get(self, match: Match) -> Action | None:
        """Return the action of a match, or `None` for a list."""
        return self._by_name.get(match.row.name)

    def _start(self, ids: Mapping[str, str], body: bytes) -> Record:
        given = _object(body)
        names = ("sourceId", "modelId", "subscriptionId")
        for name in names:
            if not isinstance(given.get(name), str):
                raise invalid_parameter(name, f"{name} is required, as a text")
        try:
            sync = self._syncs.reverse_etl.start(*(given[name] for name in names))
        except UnknownSyncError as error:
            raise ApiError(not_found(str(error))) from None
        return {"reverseETLManualSync": {"syncId": sync.sync_id, "startedAt": format_moment(sync.start)}}

    def _status(self, ids: Mapping[str, str], body: bytes) -> Record:
        return {"reverseETLSyncStatus": self._record(ids)}

    def _cancel(self, ids: Mapping[str, str], body: bytes) -> Record:
        reason = _object(body).get("reasonForCanceling") if body else None
        if reason is not None and (isinstance(reason, bool) or reason not in _REASONS):
            raise invalid_parameter("reasonForCanceling", "reasonForCanceling must be a number from 0 to 4")
        record = self._record(ids)
        about = {"modelId": record["modelId"], "syncId": record["syncId"]}
        if record["syncStatus"] != IN_PROGRESS:
            return about | {"errorCode": "SyncFinishedCannotCancel", "errorMessage": "sync already finished"}
        if not self._syncs.reverse_etl.cancel(record["syncId"]):
            return about | {"errorCode": "SyncAlreadyCanceled", "errorMessage": "sync already canceled"}
        return about | {"status": "CANCELLING"}

    def _record(self, ids: Mapping[str, str]) -> Record:
        view = self._syncs.view(self._clock.now())
        record = view.find(_LIST, ("modelId", ids["modelId"]), ("syncId", ids["syncId"]))
        if record is None:
            raise ApiError(not_found(f"sync {ids['syncId']} of reverse ETL model {ids['modelId']}"))
        return record


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise invalid_parameter("body", "the body must be a JSON object")
    return given
