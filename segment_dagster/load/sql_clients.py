"""Extend dlt's SQL clients: errors quote no values; waits for PostgreSQL locks time out and name the holder."""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from dlt.common.destination import Destination
from dlt.destinations.exceptions import DatabaseException, DatabaseTerminalException

from segment_dagster._compat.dlt_clients import CleanErrors, Extensions, extend_destination, is_psycopg
from segment_dagster._compat.dlt_table_formats import with_all_columns
from segment_dagster.errors import SegmentError

if TYPE_CHECKING:
    import psycopg2

MASKED = "***"

ASK_AFTER = 1.0
"""Most seconds that a statement runs before we query whether it waits for a lock."""

ASK_EVERY = 10.0
"""Most seconds between two such queries."""

_DETAILS = re.compile(r"\s*\n\s*(DETAIL|CONTEXT|LINE \d+|QUERY|STATEMENT|WHERE|HINT):?.*", re.DOTALL)
"""Details that databases append to an error: rows, values and the text of the statement."""

_WITH_VALUE = re.compile(r"(with value ).*?( can't be cast| cannot be cast|$)", re.DOTALL)

_QUOTE = re.compile("(?<!\\w)'|[\"`]")
"""An opening quote, but not an apostrophe inside a word."""

_NAMED = re.compile(
    r"\b(column|relation|table|view|constraint|index|schema|dataset|database|catalog|user|role|type|encoding|function"
    r"|file|directory|extension|named|name|at|host|parameter|setting)\s+$",
    re.IGNORECASE,
)
"""Words before a quoted name; anything else in quotes may be a value."""

_ALTERED = re.compile(r'ALTER TABLE "[^"]+"\."([^"]+)"')
"""Matches the table of an ALTER TABLE statement, which adds columns."""

_RAISE_EXCEPTION = "P0001"
"""SQLSTATE of errors raised by a trigger or a function: the author's own message may quote the row."""

LOCK_NOT_AVAILABLE = "55P03"
"""SQLSTATE of a lock timeout."""

_BLOCKING = """
SELECT pid, usename, application_name, state, coalesce(xact_start, backend_start)
FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(%s)) ORDER BY pid
"""

logger = logging.getLogger(__name__)


class LockedError(SegmentError):
    """Another session held a lock longer than `SEGMENT_LOCK_TIMEOUT`.

    Args:
        seconds: The timeout.
        holders: The sessions that hold the lock, if known.
        statement: The statement that waited.
    """

    retryable = True

    def __init__(self, seconds: float, holders: str | None, statement: str) -> None:
        tables = set(_ALTERED.findall(statement))
        self.table_name = tables.pop() if len(tables) == 1 else None
        who = holders or "another session, which is gone,"
        super().__init__(
            f"postgres: waited {seconds:g} s for a lock that {who} holds. "
            "End that session (SELECT pg_terminate_backend(pid)), or raise SEGMENT_LOCK_TIMEOUT."
        )


def without_values(message: str) -> str:
    """Return a database's error message without the values that it quotes.

    Names of columns, tables and the like stay.
    """
    message = _WITH_VALUE.sub(rf"\1{MASKED}\2", _DETAILS.sub("", message))
    cleaned, position = "", 0
    while quote := _QUOTE.search(message, position):
        start = quote.end()
        named = _NAMED.search(message[: quote.start()])
        # a value may contain quotes itself, so it ends at the last one
        end = message.find(quote[0], start) if named else message.rfind(quote[0], start)
        end = end if end >= 0 else len(message)
        cleaned += message[position:start] + (message[start:end] if named else MASKED) + quote[0]
        position = end + 1
    return cleaned + message[position:]


def build_destination(
    factory: type[Destination[Any, Any]], lock_timeout: float, **options: Any
) -> Destination[Any, Any]:
    """Return a dlt destination that uses these clients.

    Args:
        factory: dlt's class of the destination.
        lock_timeout: Seconds to wait for a lock; PostgreSQL only.
        options: Arguments of dlt's class.
    """
    return _factory(factory, lock_timeout)(**options)


@cache
def _factory(factory: type[Destination[Any, Any]], lock_timeout: float) -> type[Destination[Any, Any]]:
    def set_lock_timeout(client: object) -> None:
        if isinstance(client, _LockTimeouts):
            client.set_lock_timeout(lock_timeout)

    return extend_destination(factory, Extensions(_mixins, set_lock_timeout, with_all_columns))


def _mixins(sql_client: type[Any]) -> tuple[type[Any], ...]:
    return (_LockTimeouts, _ErrorsWithoutValues) if is_psycopg(sql_client) else (_ErrorsWithoutValues,)


def clean_error(error: Exception) -> None:
    """Take the values out of a driver's error. At the root cause, because outer errors quote it."""
    held = error.args[0] if error.args else None
    if isinstance(held, Exception) and hasattr(held, "message"):
        _clean_held(held)
        return
    raised = getattr(error, "pgcode", None) == _RAISE_EXCEPTION
    text = f"raised by a trigger or a function ({_RAISE_EXCEPTION})" if raised else without_values(str(error))
    with suppress(AttributeError):
        error.args = (text,)


def _clean_held(error: Any) -> None:
    """Clean the error of Google's client that BigQuery's holds. It stays: dlt reads there what is the matter."""
    error.message = without_values(error.message)
    error.args = (error.message,)
    for detail in getattr(error, "errors", ()):
        detail["message"] = without_values(str(detail.get("message", "")))


class _ErrorsWithoutValues(CleanErrors):
    """Remove values from errors, which end up in dlt's log and trace and Dagster's event log, with all their causes."""

    clean = staticmethod(clean_error)


class _LockTimeouts:
    """Let waits for locks time out, and name who holds the lock."""

    credentials: Any
    _lock_timeout: float
    native_connection: "psycopg2.extensions.connection"

    def set_lock_timeout(self, seconds: float) -> None:
        self._lock_timeout = seconds
        self.credentials = self.credentials.copy()
        # dlt sends `RESET ALL` after an error, which keeps such an option; the user's own option comes last and wins
        user_options = (self.credentials.query or {}).get("options", "")
        option = f"-clock_timeout={max(1, round(seconds * 1000))}"
        self.credentials.query = {**(self.credentials.query or {}), "options": f"{option} {user_options}".strip()}

    @contextmanager
    def execute_query(self, query: Any, *args: Any, **options: Any) -> Iterator[Any]:
        with _LockWatch(
            self.credentials.to_native_representation(), self.native_connection, self._lock_timeout
        ) as watch:
            try:
                executing = super().execute_query(query, *args, **options)  # type: ignore[misc]
                cursor = executing.__enter__()
            except DatabaseException as error:
                if getattr(error.dbapi_exception, "pgcode", None) != LOCK_NOT_AVAILABLE:
                    raise
                locked = LockedError(self._lock_timeout, watch.holders, str(query))
                # terminal, so that dlt does not retry: it has waited as long as it may
                raise DatabaseTerminalException(error.dbapi_exception) from locked
        try:
            yield cursor
        except BaseException as error:
            if not executing.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            executing.__exit__(None, None, None)


class _LockWatch:
    """Find out, on a separate connection, which sessions a statement waits for.

    Args:
        address: The server's address.
        connection: The connection that runs the statement.
        timeout: Seconds that the statement may wait for a lock.
    """

    def __init__(self, address: str, connection: "psycopg2.extensions.connection", timeout: float) -> None:
        self.holders: str | None = None
        self._address = address
        self._pid = connection.info.backend_pid
        self._timeout = timeout
        self._ended = threading.Event()
        self._timer = threading.Timer(min(timeout / 2, ASK_AFTER), self._poll)
        self._timer.daemon = True

    def __enter__(self) -> "_LockWatch":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._timer.cancel()
        # a query that has begun may still find the holders
        self._timer.join()

    def _poll(self) -> None:
        import psycopg2

        # if the query fails, the holders stay unknown
        with suppress(psycopg2.Error):
            connection = psycopg2.connect(self._address)
            try:
                connection.autocommit = True
                while not self._ended.is_set():
                    with connection.cursor() as cursor:
                        cursor.execute(_BLOCKING, (self._pid,))
                        holders = "; ".join(describe_session(*row) for row in cursor.fetchall())
                    if holders and holders != self.holders:
                        self.holders = holders
                        logger.warning(
                            "postgres: waiting for a lock, up to %g s, that is held by %s", self._timeout, holders
                        )
                    self._ended.wait(min(self._timeout / 4, ASK_EVERY))
            finally:
                connection.close()


def describe_session(pid: int, user: str | None, application: str | None, state: str | None, since: Any) -> str:
    """Return a session of PostgreSQL as a phrase. What its server shows to nobody else is `None`."""
    began = f" since {since:%Y-%m-%dT%H:%M:%S%z}" if since else ""
    return (
        f"the session with pid {pid} (user {user or 'unknown'}, application {application or 'unnamed'}, "
        f"{state or 'state unknown'}{began})"
    )
