"""dlt's SQL clients: their errors quote no values, and waits for a lock of PostgreSQL end and name who holds it."""

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
"""Seconds that a statement runs, at most, before it is asked whether it waits for a lock."""

ASK_EVERY = 10.0
"""Seconds between two such questions."""

_QUOTING = re.compile(r"\s*\n\s*(DETAIL|CONTEXT|LINE \d+|QUERY|STATEMENT|WHERE|HINT):?.*", re.DOTALL)
"""What databases add to an error: rows, values and the text of the statement."""

_WITH_VALUE = re.compile(r"(with value ).*?( can't be cast| cannot be cast|$)", re.DOTALL)

_QUOTE = re.compile("(?<!\\w)'|[\"`]")
"""What begins a quotation: not the apostrophe of a word."""

_NAMED = re.compile(
    r"\b(column|relation|table|view|constraint|index|schema|dataset|database|catalog|user|role|type|encoding|function"
    r"|file|directory|extension|named|name|at|host|parameter|setting)\s+$",
    re.IGNORECASE,
)
"""What stands before a quoted name; whatever else is quoted may be a value."""

_ALTERED = re.compile(r'ALTER TABLE "[^"]+"\."([^"]+)"')
"""The table that a statement gives new columns."""

_RAISED = "P0001"
"""The SQLSTATE of what a trigger or a function raises: in words of its author's, which may quote the row."""

_NO_LOCK = "55P03"
"""The SQLSTATE of a lock that was not to be had in time."""

_BLOCKING = """
SELECT pid, usename, application_name, state, coalesce(xact_start, backend_start)
FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(%s)) ORDER BY pid
"""

logger = logging.getLogger(__name__)


class LockedError(SegmentError):
    """A lock could not be had within `SEGMENT_LOCK_TIMEOUT`, because another session holds it.

    Args:
        seconds: That time.
        holders: The sessions, where they are known.
        statement: What waited for it.
    """

    def __init__(self, seconds: float, holders: str | None, statement: str) -> None:
        tables = set(_ALTERED.findall(statement))
        self.table_name = tables.pop() if len(tables) == 1 else None
        who = holders or "another session, which is gone,"
        super().__init__(
            f"postgres: waited {seconds:g} s for a lock that {who} holds. "
            "End that session (SELECT pg_terminate_backend(pid)), or raise SEGMENT_LOCK_TIMEOUT."
        )


def without_values(message: str) -> str:
    """Return what a database says of an error without the values that it quotes.

    Names of columns, tables and the like stay.
    """
    message = _WITH_VALUE.sub(rf"\1{MASKED}\2", _QUOTING.sub("", message))
    said, position = "", 0
    while quote := _QUOTE.search(message, position):
        start = quote.end()
        named = _NAMED.search(message[: quote.start()])
        # a value may hold quotes itself: it ends with the last one
        end = message.find(quote[0], start) if named else message.rfind(quote[0], start)
        end = end if end >= 0 else len(message)
        said += message[position:start] + (message[start:end] if named else MASKED) + quote[0]
        position = end + 1
    return said + message[position:]


def build_destination(
    factory: type[Destination[Any, Any]], lock_timeout: float, **options: Any
) -> Destination[Any, Any]:
    """Return a destination of dlt's with these clients.

    Args:
        factory: dlt's class of it.
        lock_timeout: Seconds to wait for a lock, where the destination is PostgreSQL.
        options: What dlt's class takes.
    """
    return _factory(factory, lock_timeout)(**options)


@cache
def _factory(factory: type[Destination[Any, Any]], lock_timeout: float) -> type[Destination[Any, Any]]:
    def set_lock_timeout(client: object) -> None:
        if isinstance(client, _EndingWaits):
            client.set_lock_timeout(lock_timeout)

    return extend_destination(factory, Extensions(_mixins, set_lock_timeout, with_all_columns))


def _mixins(sql_client: type[Any]) -> tuple[type[Any], ...]:
    return (_EndingWaits, _Quiet) if is_psycopg(sql_client) else (_Quiet,)


class _Quiet(CleanErrors):
    """Errors without values. They go into dlt's log and trace, and Dagster's event log, with all that caused them."""

    @staticmethod
    def clean(error: Exception) -> None:
        # where it began: whoever repeats it repeats this
        with suppress(AttributeError):
            raised = getattr(error, "pgcode", None) == _RAISED
            text = f"raised by a trigger or a function ({_RAISED})" if raised else without_values(str(error))
            error.args = (text,)


class _EndingWaits:
    """Waits for locks that end, and name who holds them."""

    credentials: Any
    _lock_timeout: float
    native_connection: "psycopg2.extensions.connection"

    def set_lock_timeout(self, seconds: float) -> None:
        self._lock_timeout = seconds
        self.credentials = self.credentials.copy()
        # the server's `RESET ALL`, which dlt sends after an error, leaves such an option; the user's own counts
        given = (self.credentials.query or {}).get("options", "")
        option = f"-clock_timeout={max(1, round(seconds * 1000))}"
        self.credentials.query = {**(self.credentials.query or {}), "options": f"{option} {given}".strip()}

    @contextmanager
    def execute_query(self, query: Any, *args: Any, **options: Any) -> Iterator[Any]:
        with _Watch(self.credentials.to_native_representation(), self.native_connection, self._lock_timeout) as watch:
            try:
                executing = super().execute_query(query, *args, **options)  # type: ignore[misc]
                cursor = executing.__enter__()
            except DatabaseException as error:
                if getattr(error.dbapi_exception, "pgcode", None) != _NO_LOCK:
                    raise
                locked = LockedError(self._lock_timeout, watch.holders, str(query))
                # not once more: it has waited as long as it may
                raise DatabaseTerminalException(error.dbapi_exception) from locked
        try:
            yield cursor
        except BaseException as error:
            if not executing.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            executing.__exit__(None, None, None)


class _Watch:
    """Asks, on a connection of its own, whom a statement waits for.

    Args:
        address: Of the server.
        connection: Runs the statement.
        timeout: Seconds that it may wait for a lock.
    """

    def __init__(self, address: str, connection: "psycopg2.extensions.connection", timeout: float) -> None:
        self.holders: str | None = None
        self._address = address
        self._pid = connection.info.backend_pid
        self._timeout = timeout
        self._ended = threading.Event()
        self._timer = threading.Timer(min(timeout / 2, ASK_AFTER), self._ask)
        self._timer.daemon = True

    def __enter__(self) -> "_Watch":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._timer.cancel()
        # who has begun to ask may still find out
        self._timer.join()

    def _ask(self) -> None:
        import psycopg2

        # a question that cannot be asked leaves the answer open
        with suppress(psycopg2.Error):
            connection = psycopg2.connect(self._address)
            try:
                connection.autocommit = True
                while not self._ended.is_set():
                    with connection.cursor() as cursor:
                        cursor.execute(_BLOCKING, (self._pid,))
                        found = "; ".join(_session(*row) for row in cursor.fetchall())
                    if found and found != self.holders:
                        self.holders = found
                        logger.warning(
                            "postgres: waiting for a lock, up to %g s, that is held by %s", self._timeout, found
                        )
                    self._ended.wait(min(self._timeout / 4, ASK_EVERY))
            finally:
                connection.close()


def _session(pid: int, user: str | None, application: str | None, state: str | None, since: Any) -> str:
    began = f" since {since:%Y-%m-%dT%H:%M:%S%z}" if since else ""
    return (
        f"the session with pid {pid} (user {user or 'unknown'}, application {application or 'unnamed'}, "
        f"{state or 'state unknown'}{began})"
    )
