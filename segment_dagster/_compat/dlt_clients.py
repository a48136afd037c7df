"""Put classes of one's own between a destination of dlt's, its job client and its SQL client.

Private to: dlt 1.31. It makes a client of `Destination.client_class`; `SqlJobClientBase.__init__` sets `sql_client`,
which has no connection yet; `FilesystemClient.get_load_job_class` chooses a job; `_make_database_exception` wraps what
a driver raises; a destination is found again by its class's module and name; PostgreSQL's client is called
`Psycopg2SqlClient`, and importing it imports psycopg2.

If it changes: errors quote values of rows in logs and in Dagster's events; a wait for a lock of PostgreSQL never ends;
Delta and Iceberg tables refuse new columns; or `dlt pipeline segment_pipeline show` does not find the destination.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from dlt.common.destination import Destination
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.job_client_impl import SqlJobClientBase

from segment_dagster._compat.dlt_resolve_once import ResolvesOnce


@dataclass(frozen=True)
class Extensions:
    """What is put between."""

    mixins: Callable[[type[Any]], tuple[type[Any], ...]]
    """The classes that are mixed into a class of SQL clients."""

    prepare: Callable[[Any], None]
    """Called with each SQL client before it connects."""

    load_job: Callable[..., type[Any]]
    """Makes another class of a class of load jobs, where rows become files."""


def extend_destination(factory: type[Destination[Any, Any]], extensions: Extensions) -> type[Destination[Any, Any]]:
    """Return a class of destinations under the same name, with the extensions. Its settings are resolved once."""

    class Factory(ResolvesOnce, factory):  # type: ignore[misc, valid-type]
        @property
        def client_class(self) -> type[Any]:
            client: type[Any] = super().client_class  # type: ignore[safe-super]
            extend: Any = _sql_job_client if issubclass(client, SqlJobClientBase) else _file_client
            extended: type[Any] = extend(client, extensions)
            return extended

    return _named_as(Factory, factory)


def is_psycopg(sql_client: type[Any]) -> bool:
    """Return whether a class of SQL clients is that of PostgreSQL or Redshift."""
    return sql_client.__name__ == "Psycopg2SqlClient"


class CleanErrors:
    """Mixed into an SQL client: cleans what the driver raises before dlt wraps it, and so before anybody repeats it."""

    @staticmethod
    def clean(error: Exception) -> None:
        """Change the arguments of an error of the driver's."""

    @classmethod
    def _make_database_exception(cls, ex: Exception) -> Exception:
        if ex.args and not isinstance(ex, DatabaseException):
            cls.clean(ex)
        made: Exception = super()._make_database_exception(ex)  # type: ignore[misc]
        return made


@cache
def _sql_job_client(client: type[Any], extensions: Extensions) -> type[Any]:
    class Client(client):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            given: Any = self.sql_client  # type: ignore[has-type]
            kind: Any = type(given)
            extended: Any = _sql_client(kind, extensions)
            made = extended.__new__(extended)
            # it has no connection yet
            made.__dict__.update(given.__dict__)
            extensions.prepare(made)
            self.sql_client = made

    return _named_as(Client, client)


@cache
def _file_client(client: type[Any], extensions: Extensions) -> type[Any]:
    class Client(client):  # type: ignore[misc]
        def get_load_job_class(self, *args: Any, **options: Any) -> type[Any]:
            return extensions.load_job(super().get_load_job_class(*args, **options))

    return _named_as(Client, client)


@cache
def _sql_client(sql_client: type[Any], extensions: Extensions) -> type[Any]:
    return _named_as(type(sql_client.__name__, (*extensions.mixins(sql_client), sql_client), {}), sql_client)


def _named_as(new: type[Any], old: type[Any]) -> type[Any]:
    """Give a class the name of another: dlt keeps it in its state, and finds the destination by it."""
    new.__module__, new.__qualname__, new.__name__ = old.__module__, old.__qualname__, old.__name__
    return new
