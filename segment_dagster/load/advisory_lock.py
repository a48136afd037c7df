"""PostgreSQL's advisory lock of a dataset."""

import logging
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from segment_dagster.load.clients import plain_client_of
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError, format_load_error, is_retryable
from segment_dagster.load.sql_clients import LOCK_NOT_AVAILABLE, describe_session

if TYPE_CHECKING:
    import psycopg2

KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
"""Seconds and attempts of TCP's keepalives: firewalls forget a connection that is idle for some minutes."""

MAX_NAME = 63
"""Bytes that PostgreSQL keeps of an application's name."""

_NO_TIMEOUTS = """
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout')
"""
"""The last one is of PostgreSQL 17."""

# 64 bits, shown as two numbers of 32
_HOLDERS = """
SELECT pid, usename, application_name, state, coalesce(xact_start, backend_start)
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = %s
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY pid
"""

logger = logging.getLogger(__name__)


class AdvisoryLock:
    """An advisory lock in a transaction of its own, which writes nothing. It ends with its connection.

    By the transaction and not by the session, because PgBouncer's transaction mode keeps the server's connection for
    the one, and gives it to others in the other. Such a transaction holds back no vacuum: it has neither a snapshot nor
    an id.

    Args:
        destination: The dataset, in PostgreSQL.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._connection: psycopg2.extensions.connection | None = None

    def acquire(self) -> None:
        """Take the lock, or wait for it up to `lock_timeout` seconds.

        Raises:
            LoadError: Others held it longer, or the server cannot be reached.
        """
        import psycopg2

        credentials: Any = plain_client_of(self._destination).sql_client.credentials
        application = f"segment_dagster on {socket.gethostname()}, process {os.getpid()}"[:MAX_NAME]
        try:
            self._connection = psycopg2.connect(
                credentials.to_native_representation(), application_name=application, **KEEPALIVES
            )
            self._acquire(self._connection)
        except psycopg2.Error as failure:
            self.release()
            raise LoadError(
                format_load_error(failure, "lock", self._destination),
                everything=True,
                retryable=is_retryable(failure, "lock", self._destination),
            ) from failure
        except BaseException:
            self.release()
            raise

    def check(self) -> None:
        """Refuse to go on if the connection is gone, and the lock with it.

        Raises:
            LoadError: It is.
        """
        import psycopg2

        assert self._connection is not None
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as failure:
            raise LoadError(
                f"postgres: the lock of the dataset {self._destination.dataset!r} was lost, because its connection "
                f"ended ({type(failure).__name__}): another run may have loaded at the same time. Run it again.",
                everything=True,
                retryable=True,
            ) from failure

    def release(self) -> None:
        """Give the lock back, if it is still held."""
        import psycopg2

        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.rollback()
            self._connection.close()
            self._connection = None

    def _acquire(self, connection: "psycopg2.extensions.connection") -> None:
        import psycopg2

        name = f"segment_dagster/{self._destination.dataset}"
        with connection.cursor() as cursor:
            ((key,),) = _query(cursor, "SELECT hashtextextended(%s, 0)", name)
            cursor.execute(_NO_TIMEOUTS)
            if _query(cursor, "SELECT pg_try_advisory_xact_lock(%s)", key) == [(True,)]:
                return
            what, timeout = f"postgres: the dataset {self._destination.dataset!r}", self._destination.lock_timeout
            logger.warning(
                "%s is being loaded by %s: waiting for it, up to %g s", what, _describe(_holders(cursor, key)), timeout
            )
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{max(1, round(timeout * 1000))}ms"])
            try:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
            except psycopg2.OperationalError as failure:
                if failure.pgcode != LOCK_NOT_AVAILABLE:
                    raise
                connection.rollback()
                holders = _holders(cursor, key)
                ended = ", ".join(f"SELECT pg_terminate_backend({pid})" for pid, *_ in holders)
                raise LoadError(
                    f"{what} is being loaded by {_describe(holders)}, and was for {timeout:g} s: one run at a time can "
                    f"load. Wait for that run, or raise SEGMENT_LOCK_TIMEOUT. If the run is dead, end its session"
                    f"{f': {ended}' if ended else ''}.",
                    everything=True,
                    retryable=True,
                ) from failure


def _query(cursor: Any, sql: str, value: object) -> list[tuple[Any, ...]]:
    cursor.execute(sql, [value])
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _holders(cursor: Any, key: int) -> list[tuple[Any, ...]]:
    return _query(cursor, _HOLDERS, key)


def _describe(holders: list[tuple[Any, ...]]) -> str:
    return "; ".join(describe_session(*holder) for holder in holders) or "another session, which is gone"
