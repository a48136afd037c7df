"""dlt's clients of a destination, without a pipeline. They connect when they are entered."""

from typing import TYPE_CHECKING, cast

import dlt

from segment_dagster.extract.resources import SOURCE_NAME
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError, format_load_error, is_retryable

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
    from dlt.destinations.job_client_impl import SqlJobClientBase


def client_of(destination: Destination) -> "SqlJobClientBase | FilesystemClient":
    """Return a client that knows the dataset's schema, which is read from the destination.

    Raises:
        LoadError: The driver cannot use the settings.
    """
    return _client_of(destination)


def plain_client_of(destination: Destination) -> "SqlJobClientBase":
    """Return a client for the project's own SQL in a database: the schema that it knows is empty.

    Raises:
        LoadError: The driver cannot use the settings.
    """
    return cast("SqlJobClientBase", _client_of(destination, dlt.Schema(SOURCE_NAME)))


def _client_of(destination: Destination, schema: dlt.Schema | None = None) -> "SqlJobClientBase | FilesystemClient":
    try:
        client = dlt.dataset(destination.factory, destination.dataset, schema).destination_client
    except ValueError as failure:
        # drivers raise this for settings they cannot use, such as an invalid address or port
        raise LoadError(
            format_load_error(failure, "connect", destination), retryable=is_retryable(failure, "connect", destination)
        ) from failure
    return cast("SqlJobClientBase | FilesystemClient", client)
