"""The controlled reverse ETL syncs, changeable while the emulator runs."""

from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

from segment_dagster.emulator.active_edits import Edits
from segment_dagster.emulator.clock import Clock, to_utc
from segment_dagster.emulator.reverse_sync import STATUSES, ReverseStep, ReverseSync
from segment_dagster.emulator.world.random_values import RandomValues, SecretGenerator


class UnknownSyncError(ValueError):
    """A source, model, subscription or sync does not exist, or does not belong to the others."""


class ReverseSyncs:
    """The reverse ETL syncs that a client of the API, or a test, starts. Safe to change from any thread at run time.

    They are listed beside the made-up ones, newest first, or alone if `quiet`. Several may run at once: Segment does
    not state what becomes of the second.

    Args:
        edits: The edits of the workspace.
        clock: The clock.
        seed: Seed of the ids.
    """

    def __init__(self, edits: Edits, clock: Clock, seed: int) -> None:
        self._edits = edits
        self._clock = clock
        self._lock = Lock()
        self._draw = RandomValues(f"{seed}/reverse_etl_syncs/started", SecretGenerator(0))
        self._syncs: dict[str, ReverseSync] = {}
        self._cancelled: set[str] = set()
        self.quiet = False
        """Whether to hide the made-up syncs."""

        self.lasts: timedelta | None = None
        """How long a sync runs that is started from now on, until it ends with `SUCCESS`. `None` for no end."""

    @property
    def active(self) -> list[ReverseSync]:
        """The controlled syncs, in the order of adding."""
        with self._lock:
            return list(self._syncs.values())

    def start(self, source_id: str, model_id: str, subscription_id: str, *, at: datetime | None = None) -> ReverseSync:
        """Start a sync, as `POST /reverse-etl-syncs` does.

        Args:
            source_id: Id of the model's source.
            model_id: Id of the model.
            subscription_id: Id of a subscription that the model feeds.
            at: When, in UTC if it has no zone. Defaults to the emulator's clock.

        Raises:
            UnknownSyncError: There is no such model and subscription of the source.
        """
        now = self._clock.now()
        view = self._edits.view(now)
        models = view.records("reverse_etl_models") if view.has("reverse_etl_models") else []
        model = next((record for record in models if record["id"] == model_id), None)
        if model is None or model["sourceId"] != source_id:
            raise UnknownSyncError(f"reverse ETL model {model_id} of source {source_id}")
        if not view.has("reverse_etl_syncs", {"modelId": model_id, "subscriptionId": subscription_id}):
            raise UnknownSyncError(f"subscription {subscription_id} of reverse ETL model {model_id}")
        start = to_utc(at) if at else now
        with self._lock:
            sync = ReverseSync(f"sync_{self._draw.id()}", source_id, model_id, subscription_id, start)
            if self.lasts is not None:
                sync = replace(sync, end=start + self.lasts, status=STATUSES["finish"])
            self._syncs[sync.sync_id] = sync
        return sync

    def finish(self, sync_id: str, *, at: datetime | None = None, rows: int = 0) -> None:
        """End a sync that runs with `SUCCESS`.

        Args:
            sync_id: Id of the sync.
            at: When, in UTC if it has no zone. Defaults to the emulator's clock.
            rows: Rows that were extracted and delivered.

        Raises:
            ValueError: There is no such sync, it does not run, or it started later.
        """
        self.apply(ReverseStep("finish", sync_id, at, rows))

    def partial(self, sync_id: str, *, at: datetime | None = None, rows: int, undelivered: int) -> None:
        """End a sync that runs with `PARTIAL_SUCCESS`: see `finish`.

        Args:
            sync_id: Id of the sync.
            at: When.
            rows: Rows that were extracted.
            undelivered: Rows of these that were not delivered.

        Raises:
            ValueError: As in `finish`.
        """
        self.apply(ReverseStep("partial", sync_id, at, rows, undelivered))

    def fail(self, sync_id: str, *, error: str, error_code: str, at: datetime | None = None) -> None:
        """End a sync that runs with `FAIL`: see `finish`.

        Args:
            sync_id: Id of the sync.
            error: Message of the error.
            error_code: Its code. Segment documents no value.
            at: When.

        Raises:
            ValueError: As in `finish`.
        """
        self.apply(ReverseStep("fail", sync_id, at, error=error, error_code=error_code))

    def apply(self, *steps: ReverseStep) -> None:
        """End syncs.

        Raises:
            ValueError: A step is impossible. None is done.
        """
        now = self._clock.now()
        with self._lock:
            syncs = dict(self._syncs)
            for step in steps:
                if step.sync_id not in syncs:
                    raise UnknownSyncError(f"reverse ETL sync {step.sync_id}: no such sync was started")
                syncs[step.sync_id] = step.ended(syncs[step.sync_id], now)
            self._syncs = syncs

    def cancel(self, sync_id: str) -> bool:
        """Note that a client asks for the end of a sync that runs, and return whether it is the first to ask.

        Segment does not state how a cancelled sync ends. Here it runs on until a step ends it, or until the end that
        `lasts` gave it, and then it has failed.
        """
        now = self._clock.now()
        with self._lock:
            first = sync_id not in self._cancelled
            self._cancelled.add(sync_id)
            if first and (sync := self._syncs.get(sync_id)):
                self._syncs[sync_id] = replace(
                    sync, cancelled=now, status=STATUSES["fail"] if sync.end else sync.status
                )
            return first

    def clear(self) -> None:
        """Forget all controlled syncs, show the made-up ones, and let new ones run without an end."""
        with self._lock:
            self._syncs = {}
            self._cancelled = set()
            self.quiet, self.lasts = False, None
