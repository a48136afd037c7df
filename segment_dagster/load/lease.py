"""A lease of the dataset: a lock for destinations that have none. It expires unless it is renewed."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from segment_dagster.errors import SegmentError
from segment_dagster.load.clients import plain_client_of
from segment_dagster.load.credentials import failures_of
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError, format_load_error, is_retryable
from segment_dagster.load.lease_table import LeaseRow, LeaseTable

LEASE_SECONDS = 120
"""Seconds after which a lease that nobody renews expires: as long others wait for a run that was killed."""

RENEW_SECONDS = 30.0
"""Seconds between two renewals. Three may fail before the lease is lost."""

POLL_SECONDS = 2.0
"""Most seconds between two looks at a lease that another run holds."""

ATTEMPTS = 5
"""How often a statement is tried. Some destinations refuse one of two at the same time."""

END_SECONDS = 30.0
"""Most seconds to wait for a renewal under way. One that comes later delays other runs and does no more harm."""

logger = logging.getLogger(__name__)


class Lease:
    """A row in the dataset that names this run, and is renewed by a thread while the run loads.

    Args:
        destination: The dataset.
        seconds: Seconds after which the lease expires unless it is renewed.
        renew_seconds: Seconds between two renewals.
        poll_seconds: Most seconds between two looks at it while another run holds it.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        seconds: int = LEASE_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._destination = destination
        self._seconds, self._renew_seconds, self._poll_seconds = seconds, renew_seconds, poll_seconds
        self._owner = uuid.uuid4().hex
        self._holder = f"segment_dagster on {socket.gethostname()}, process {os.getpid()}"
        self._valid_until = 0.0
        self._lost: str | None = None
        self._ended = threading.Event()
        self._one_renewal = threading.Lock()
        self._renewals: threading.Thread | None = None

    def acquire(self) -> None:
        """Take the lease, or wait for it up to `lock_timeout` seconds.

        Raises:
            LoadError: Others held it longer, or the destination cannot be reached.
        """
        try:
            with self._table() as table:
                self._attempt(table.create)
                self._take(table)
        except failures_of(self._destination.capabilities.driver) as failure:
            raise self._error(failure) from failure
        except BaseException:
            # such as a signal
            if self._valid_until:
                self.release()
            raise
        self._renewals = threading.Thread(target=self._keep, name="segment-lease", daemon=True)
        self._renewals.start()

    def check(self) -> None:
        """Refuse to go on if another run has taken over the lease.

        Raises:
            LoadError: One has, or it is not known.
        """
        if not self._lost:
            try:
                self._attempt(self._renew)
            except failures_of(self._destination.capabilities.driver) as failure:
                raise self._error(failure) from failure
        if self._lost:
            raise LoadError(
                f"{self._what}: its lease was lost while it was loaded, because {self._lost}: another run may have "
                "loaded at the same time. Run it again.",
                everything=True,
                retryable=True,
            )

    def release(self) -> None:
        """Give the lease back, if it is still held."""
        self._ended.set()
        if self._renewals:
            self._renewals.join(END_SECONDS)
        try:
            with self._table() as table:
                table.give_back(self._owner)
        except failures_of(self._destination.capabilities.driver) as failure:
            logger.warning(
                "%s: its lease cannot be given back (%s), and ends by itself in %d s",
                self._what,
                type(failure).__name__,
                self._seconds,
            )

    @property
    def _what(self) -> str:
        return f"{self._destination.type}: the dataset {self._destination.dataset!r}"

    def _take(self, table: LeaseTable) -> None:
        timeout = self._destination.lock_timeout
        deadline = time.monotonic() + timeout
        conflicts, reported = 0, None
        while True:
            row = table.read()
            if row.left <= 0:
                began = time.monotonic()
                refusal = table.take(self._owner, self._holder, self._seconds)
                row = table.read()
                if row.owner == self._owner:
                    self._valid_until = began + self._seconds
                    return
                if refusal and row.left <= 0:
                    conflicts += 1
                    if conflicts >= ATTEMPTS:
                        raise refusal
            if time.monotonic() >= deadline:
                raise LoadError(
                    f"{self._what} is being loaded by {_describe(row)}, and was for {timeout:g} s: one run at a time "
                    "can load. Wait for that run, or raise SEGMENT_LOCK_TIMEOUT. If the run is dead, its lease ends in "
                    f"{max(0, row.left)} s.",
                    everything=True,
                    retryable=True,
                )
            if row.left > 0 and row.owner != reported:
                logger.warning(
                    "%s is being loaded by %s: waiting for it, up to %g s", self._what, _describe(row), timeout
                )
                reported = row.owner
            pause = min(self._poll_seconds, row.left) if row.left > 0 else self._poll_seconds
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))

    def _attempt(self, do: Callable[[], None]) -> None:
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                do()
                return
            except failures_of(self._destination.capabilities.driver):
                if not attempts_left or self._lost:
                    raise
                time.sleep(self._poll_seconds)

    def _keep(self) -> None:
        """Renew the lease until it is given back, or lost."""
        failures: tuple[type[Exception], ...] = (SegmentError, *failures_of(self._destination.capabilities.driver))
        while not self._lost and not self._ended.wait(self._renew_seconds):
            try:
                self._renew()
            except failures as failure:
                if time.monotonic() >= self._valid_until:
                    self._lost = f"it could not be renewed for {self._seconds} s ({type(failure).__name__})"

    def _renew(self) -> None:
        """Renew the lease, and note whether it is still held."""
        with self._one_renewal, self._table() as table:
            began = time.monotonic()
            table.renew(self._owner, self._seconds)
            row = table.read()
            if row.owner == self._owner:
                self._valid_until = began + self._seconds
            else:
                self._lost = f"{_describe(row)} took it over"

    @contextmanager
    def _table(self) -> Iterator[LeaseTable]:
        """Connect, for one look: a connection that is idle for long may be ended by somebody."""
        clock = self._destination.capabilities.clock
        assert clock is not None
        with plain_client_of(self._destination) as client:
            yield LeaseTable(client, clock)

    def _error(self, failure: Exception) -> LoadError:
        return LoadError(
            format_load_error(failure, "lock", self._destination),
            everything=True,
            retryable=is_retryable(failure, "lock", self._destination),
        )


def _describe(row: LeaseRow) -> str:
    return f"another run ({row.holder}, which renewed its lease {row.renewed} s ago)"
