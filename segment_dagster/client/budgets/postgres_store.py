"""The budgets of all machines that share a PostgreSQL server."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from segment_dagster.client.budgets.budget import Answer, Budget, Learned, StoreError
from segment_dagster.client.budgets.postgres_statements import (
    ANSWERED,
    BLOCK,
    CREATE,
    EXISTS,
    FORGET,
    LEARNED,
    SCHEMA,
    TAKE,
)

CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 3000,
    "application_name": "segment_dagster",
}
"""libpq's options of the connection: a server that is gone is noticed within seconds."""

REASONS = {
    "password authentication failed": "it refused the user or the password",
    "no password supplied": "it refused the user or the password",
    "no pg_hba.conf entry": "it refused the user or the password",
    "does not exist": "it has no such database or user",
    "invalid": "its address is malformed",
}
"""Reasons by parts of the messages that libpq gives no code with."""


class PostgresStore:
    """Counts the requests of all processes that reach the server, by one short transaction each time.

    Threads wait for each other's: a process has one connection.

    Args:
        url: The address of the database, which may hold a password.

    Raises:
        ImportError: The driver is not installed.
    """

    def __init__(self, url: str) -> None:
        import psycopg2

        self._psycopg2 = psycopg2
        self._url = url
        self._lock = threading.Lock()
        self._connection: Any = None

    def open(self) -> None:
        """Reach the server, create the tables if they are not there, and delete what nobody uses any more.

        Raises:
            StoreError: It cannot be reached, or the user may not do so.
        """
        ((exists,),) = self._run(EXISTS, {})
        if not exists:
            self._run(CREATE, {})
        self._run(FORGET, {})

    def take(self, budgets: Sequence[Budget], *, check: bool = True) -> Answer:
        """Count a request in every budget, if all of them allow it.

        Raises:
            StoreError: The server does not answer.
        """
        asked = {"owner": budgets[0].owner, "limits": [each.limit for each in budgets], "check": check}
        ((at, wait, full),) = self._run(TAKE, {**_common(budgets), **asked})
        return Answer(at, wait, full)

    def answered(self, budgets: Sequence[Budget], taken: int, learned: Learned | None) -> None:
        """Count a request from its answer on.

        Raises:
            StoreError: The server does not answer.
        """
        values = {**_common(budgets), "taken": taken}
        if learned is None:
            self._run(ANSWERED, values)
            return
        told = {"budget": learned.budget.key, "remaining": learned.remaining, "reset": learned.reset}
        self._run(f"{ANSWERED};{LEARNED}", {**values, **told})

    def block(self, budget: Budget, duration: int) -> None:
        """Allow no request for so many microseconds.

        Raises:
            StoreError: The server does not answer.
        """
        self._run(BLOCK, {"budget": budget.key, "duration": duration})

    def _run(self, statements: str, values: Mapping[str, Any]) -> Any:
        """Run statements as one transaction; on a new connection if the old one turns out to be closed."""
        with self._lock:
            try:
                if self._connection is not None:
                    try:
                        return self._execute(statements, values)
                    except self._psycopg2.Error:
                        if not self._connection.closed:
                            raise
                self._connection = None
                self._connection = self._psycopg2.connect(self._url, **CONNECT)
                self._connection.autocommit = True
                return self._execute(statements, values)
            except self._psycopg2.Error as error:
                raise StoreError(_reason(error)) from None

    def _execute(self, statements: str, values: Mapping[str, Any]) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(statements, values)
            return cursor.fetchall() if cursor.description else None


def _reason(error: Any) -> str:
    """Return why it failed. The whole text may quote the address."""
    if error.pgcode == "42501":
        return f"its user may not create or use the schema {SCHEMA}"
    if error.pgcode:
        return f"it says SQLSTATE {error.pgcode}"
    return next((reason for part, reason in REASONS.items() if part in str(error)), "it cannot be reached")


def _common(budgets: Sequence[Budget]) -> dict[str, Any]:
    return {"budgets": [each.key for each in budgets], "minute": budgets[0].minute}
