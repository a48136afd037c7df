"""Run SQL in a warehouse that others write: its schemas are not this project's dataset."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from segment_dagster.load.clients import plain_client_of
from segment_dagster.load.credentials import failures_of
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError, format_load_error, is_retryable
from segment_dagster.load.local_lock import local_lock


@contextmanager
def query_warehouse(destination: Destination) -> Iterator[Callable[[str], Sequence[Sequence[Any]]]]:
    """Connect to a destination, and return a function that runs SQL in it.

    Args:
        destination: A database.

    Raises:
        LoadError: It cannot be read.
    """
    try:
        with local_lock(destination), plain_client_of(destination) as client:

            def run(sql: str) -> Sequence[Sequence[Any]]:
                return client.sql_client.execute_sql(sql) or []

            yield run
    except failures_of(destination.capabilities.driver) as failure:
        raise LoadError(
            format_load_error(failure, "read", destination), retryable=is_retryable(failure, "read", destination)
        ) from failure
