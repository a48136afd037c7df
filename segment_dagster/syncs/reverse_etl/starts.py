"""Start the syncs of a model, and wait until they have ended."""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from segment_dagster.client import ApiError, SegmentClient
from segment_dagster.client.errors import REFUSALS, NotFoundError, ShapeError
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints.reverse_etl_actions import CANCEL, START, STATUS
from segment_dagster.errors import SegmentError
from segment_dagster.foreign_text import foreign_text
from segment_dagster.syncs.brief import brief
from segment_dagster.syncs.reverse_etl.errors import (
    EndlessSyncError,
    LostSyncError,
    NoAnswerError,
    NotStartedError,
    UnseenError,
)
from segment_dagster.syncs.reverse_etl.lists import SyncList, latest_syncs
from segment_dagster.syncs.reverse_etl.sync import ReverseEtlSync, syncs_of
from segment_dagster.syncs.statuses import Statuses

POLL_SECONDS = 15.0
"""Seconds between two looks at a sync: four a minute, so that sixty syncs at once are within Segment's 250."""

TIMEOUT_SECONDS = 86_400.0
"""Seconds after which a sync is not waited for any more."""

START_ATTEMPTS = 3
"""How often a start is tried that gets no answer."""

LOOKS = 3
"""Looks, one after the other, for a sync that has started without an answer: it may be listed a little later."""

UNLISTED_LOOKS = 4
"""Looks at a sync that was just started during which it may not be found yet."""

CANCEL_SECONDS = 5.0
"""Seconds that asking for the end of a sync may take: a run that is terminated is killed soon after."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How syncs are waited for."""

    poll_seconds: float = POLL_SECONDS
    """Seconds between two looks at a sync."""

    timeout_seconds: float = TIMEOUT_SECONDS
    """Seconds after which a sync is not waited for any more."""


class ModelSyncs:
    """The syncs of one model that are started and waited for.

    Args:
        client: The API.
        statuses: What a status means.
        waiting: How they are waited for.
        log: What it does.
    """

    def __init__(self, client: SegmentClient, statuses: Statuses, waiting: Waiting, log: logging.Logger) -> None:
        self._client = client
        self._statuses = statuses
        self._waiting = waiting
        self._log = log
        self._running: dict[str, SyncList] = {}
        self._starting: SyncList | None = None

    def start(self, each: SyncList) -> str:
        """Start a sync, and return its id.

        A start that gets no answer is not sent again before the list of syncs was looked at: one that has started since
        is that which was asked for, or as good.

        Raises:
            SegmentError: It was not started, or that is not known.
        """
        try:
            before = {sync.id for sync in latest_syncs(self._client, each, self._statuses)}
        except ApiError as error:
            raise NotStartedError(what_is_synced(each), error) from error
        body = {"sourceId": each.model.source_id, **each.values}
        for attempt in range(1, START_ATTEMPTS + 1):
            self._starting = each
            try:
                id_ = _sync_id(self._client.post(START, {}, body))
                break
            except REFUSALS as error:
                self._starting = None
                raise NotStartedError(what_is_synced(each), error) from error
            except ApiError as error:
                self._log.warning(f"{error.told} Looking for a sync that has started all the same.")
                if found := self._started_since(each, before, error):
                    self._log.warning(f"The sync {found} of {what_is_synced(each)} has started without an answer.")
                    id_ = found
                    break
                if attempt == START_ATTEMPTS:
                    self._starting = None
                    raise NoAnswerError(what_is_synced(each), error, attempt) from error
        self._running[id_], self._starting = each, None
        return id_

    def resume(self, each: SyncList, sync_id: str) -> bool:
        """Wait for a sync that an earlier attempt has started, and return whether it is worth waiting for.

        Raises:
            LostSyncError: How it goes is not known.
        """
        sync = self._look(each, sync_id)
        if sync is not None and sync.end is not None and not self._statuses.is_success(sync.status):
            return False
        self._running[sync_id] = each
        return True

    def ended(self) -> Iterator[tuple[SyncList, ReverseEtlSync | SegmentError]]:
        """Yield each sync when it has ended, or why that is not known."""
        began, looks = time.monotonic(), 0
        while self._running:
            for sync_id, each in list(self._running.items()):
                outcome = self._outcome(each, sync_id, looks, time.monotonic() - began)
                if outcome is not None:
                    del self._running[sync_id]
                    yield each, outcome
            looks += 1
            if self._running:
                time.sleep(self._waiting.poll_seconds)

    def cancel(self, settings: ApiSettings) -> None:
        """Ask Segment to end what runs. It does not state how a cancelled sync ends.

        Args:
            settings: The workspace. The client in use may have been interrupted in the middle of a request.
        """
        if self._starting:
            # its id has not come
            self._log.error(f"A sync of {what_is_synced(self._starting)} may run: it was just being started.")
        with SegmentClient(brief(settings, CANCEL_SECONDS, CANCEL_SECONDS)) as client:
            for sync_id, each in self._running.items():
                try:
                    answer = client.post(CANCEL, {"modelId": each.model.id, "syncId": sync_id}, {})
                except ApiError as error:
                    self._log.error(f"The sync {sync_id} of {what_is_synced(each)} was not cancelled: {error.told}")
                    continue
                said = foreign_text(answer.get("errorMessage") or answer.get("status") or "nothing")
                self._log.warning(
                    f"Asked Segment to cancel the sync {sync_id} of {what_is_synced(each)}. It says: {said}."
                )

    def _started_since(self, each: SyncList, before: set[str], error: ApiError) -> str | None:
        """Return a sync that is listed now, and was not before."""
        for _ in range(LOOKS):
            time.sleep(self._waiting.poll_seconds)
            try:
                syncs = latest_syncs(self._client, each, self._statuses)
            except ApiError as unread:
                raise UnseenError(what_is_synced(each), error, unread) from unread
            new = [sync for sync in syncs if sync.id not in before]
            if new:
                return max(new, key=lambda sync: sync.start).id
        return None

    def _outcome(
        self, each: SyncList, sync_id: str, looks: int, seconds: float
    ) -> ReverseEtlSync | SegmentError | None:
        """Return the sync if it has ended, or why it is not waited for; `None` while it runs."""
        try:
            sync = self._look(each, sync_id)
        except LostSyncError as error:
            if isinstance(error.__cause__, NotFoundError) and looks < UNLISTED_LOOKS:
                return None
            return error
        if sync is not None and sync.end is not None:
            return sync
        return (
            EndlessSyncError(what_is_synced(each), sync_id, seconds)
            if seconds > self._waiting.timeout_seconds
            else None
        )

    def _look(self, each: SyncList, sync_id: str) -> ReverseEtlSync | None:
        """Return a sync as it is now; `None` if Segment tells of it in a form that is not documented."""
        values: Mapping[str, str] = {"modelId": each.model.id, "syncId": sync_id}
        try:
            (page,) = self._client.pages(STATUS, values)
        except ApiError as error:
            raise LostSyncError(what_is_synced(each), sync_id, error) from error
        return next(iter(syncs_of(page.records, each.subscription_id, self._statuses)), None)


def _sync_id(answer: Mapping[str, Any]) -> str:
    given = answer.get("syncId")
    if not isinstance(given, str) or not given:
        raise ShapeError(START.name, f"POST {START.path}", (*START.selector, "syncId"), "it is no text")
    return given


def what_is_synced(each: SyncList) -> str:
    """Return the model and the subscription, for a message."""
    return f"the model {each.model.name!r} to the subscription {each.model.subscriptions[each.subscription_id]!r}"
