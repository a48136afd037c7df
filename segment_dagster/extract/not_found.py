"""Lists that answered 404: look up whether their parents are still listed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import chain

import pyarrow.parquet as pq

from segment_dagster.client import SegmentClient
from segment_dagster.client.errors import NotFoundError
from segment_dagster.endpoints import Endpoint, Parent
from segment_dagster.errors import SegmentError
from segment_dagster.extract.attempt import Attempt
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.errors import UnavailableError
from segment_dagster.extract.parents import params_from_rows, parent_key
from segment_dagster.extract.records import records_of_rows
from segment_dagster.extract.result import ParentKey
from segment_dagster.extract.scheduler import Scheduler
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.times import StreamSlice
from segment_dagster.foreign_text import foreign_text
from segment_dagster.text import pluralize

NAMES_SHOWN = 3
"""Lists that a message names."""

MAX_NAME = 60
"""Characters of a value that a message shows."""


def parents_listed(
    attempt: Attempt,
    source: Endpoint,
    lists: Sequence[StreamSlice],
    client: SegmentClient,
    scheduler: Scheduler,
) -> set[ParentKey]:
    """Request lists of a parent, and return the keys of the records that are on them now.

    Args:
        attempt: The attempt at the child: it counts the requests.
        source: The parent.
        lists: The parent's lists that are requested.
        client: Requests them.
        scheduler: Runs the requests.

    Raises:
        SegmentError: A list could not be read.
    """
    parent = attempt.endpoint.parent
    assert parent is not None
    found: set[ParentKey] = set()

    def look_up(stream_slice: StreamSlice) -> None:
        if attempt.cancelled.is_set() or scheduler.stopping.is_set():
            raise CancelledError
        # where the list of parents answers 404 itself, they are gone too
        with suppress(NotFoundError):
            for page in client.pages(source, stream_slice.params, attempt.meter, attempt.cancelled):
                rows = records_of_rows(source, page.records, stream_slice.params)
                found.update(tuple(map(str, params.values())) for params in params_from_rows(rows, parent, str))

    scheduler.run_all(source, lists, attempt, look_up)
    return found


def lists_to_look_up(
    source: Endpoint,
    parts: Sequence[SpooledFile],
    parent: Parent,
    lists: Sequence[StreamSlice],
    missing: Sequence[StreamSlice],
) -> list[StreamSlice]:
    """Return the lists of a parent that held the records of lists which answered 404.

    Args:
        source: The parent.
        parts: Its rows.
        parent: What they give to the requests.
        lists: All of its lists.
        missing: The lists that answered 404.
    """
    params = [*source.asked_with]
    columns = {
        param: next((each.field for each in source.columns if param in (each.parameter, each.field)), None)
        for param in params
    }
    if not params or None in columns.values():
        return list(lists)
    wanted = {parent_key(stream_slice, parent) for stream_slice in missing}
    param_columns = [column_name(str(columns[param])) for param in params]
    key_columns = [column_name(bind.field) for bind in parent.binds]
    rows = chain.from_iterable(
        pq.read_table(part.path, columns=[*{*param_columns, *key_columns}]).to_pylist() for part in parts
    )
    held = {
        tuple(str(row[name]) for name in param_columns)
        for row in rows
        if tuple(str(row[name]) for name in key_columns) in wanted
    }
    return [stream_slice for stream_slice in lists if tuple(stream_slice.params[param] for param in params) in held]


def nothing_found(attempt: Attempt) -> SegmentError:
    """Return the error of an endpoint all of whose lists answered 404."""
    error, endpoint = attempt.not_found_error, attempt.endpoint
    assert error is not None
    if endpoint.feature is None:
        return error
    return UnavailableError(
        endpoint,
        f"{pluralize(attempt.not_found, 'list')} of {attempt.lists:,} answered 404: the workspace's plan lacks the "
        f"feature {endpoint.feature!r}, there is nothing, or SEGMENT_BASE_URL is not the API's",
    )


def names_of(lists: Sequence[StreamSlice]) -> Iterator[str]:
    """Name the first few lists by their parameters, each in one line: `sourceId=qQEHquLrjRDN9j1ByrChyn`."""
    for stream_slice in lists[:NAMES_SHOWN]:
        yield ", ".join(f"{name}={foreign_text(value, MAX_NAME)}" for name, value in stream_slice.params.items())
