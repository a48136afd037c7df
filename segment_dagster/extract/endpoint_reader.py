"""Read one endpoint whole, or several that share the response: again if its lists changed meanwhile."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from segment_dagster.client import Meter, SegmentClient
from segment_dagster.client.errors import FeatureError
from segment_dagster.config import ApiSettings, Layout
from segment_dagster.endpoints import Endpoint
from segment_dagster.errors import SegmentError
from segment_dagster.extract.attempt import Attempt
from segment_dagster.extract.completeness import parent_doubtful, parent_incomplete
from segment_dagster.extract.derived import derive
from segment_dagster.extract.errors import UnavailableError
from segment_dagster.extract.list_reader import ListReader
from segment_dagster.extract.log_lines import log_extract, unstable_lists
from segment_dagster.extract.not_found import lists_to_look_up, names_of, nothing_found, parents_listed
from segment_dagster.extract.page_pipeline import PagePipeline
from segment_dagster.extract.page_writer import PageWriter
from segment_dagster.extract.parents import Parents, parent_key
from segment_dagster.extract.result import Extract, ParentKey, ReusedRows
from segment_dagster.extract.scheduler import Scheduler
from segment_dagster.extract.slices import build_slices, lists_of
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.spool_directory import SpoolDirectory
from segment_dagster.extract.times import StreamSlice, Window, times_of
from segment_dagster.text import pluralize

MAX_ATTEMPTS = 3
"""How often an endpoint is read whose lists change meanwhile, in all."""

RETRY_WITHIN = 60.0
"""Seconds since the first attempt began, after which there is no other."""

Outcomes = dict[str, Extract | SegmentError]
"""By name of endpoint, what was read or why it failed."""

logger = logging.getLogger(__name__)


class EndpointReader:
    """Reads endpoints. Threads share one.

    Args:
        settings: Say how requests are made and what is kept.
        now: The present, in UTC.
        client: Requests the pages.
        scheduler: Runs the requests.
        pipeline: Processes the pages.
        spools: Where the files go.
        count_rows: Is told the name of the endpoint and the number of rows of each page that was written.
    """

    def __init__(
        self,
        settings: ApiSettings,
        now: datetime,
        client: SegmentClient,
        scheduler: Scheduler,
        pipeline: PagePipeline,
        spools: SpoolDirectory,
        count_rows: Callable[[str, int], None],
    ) -> None:
        self._settings = settings
        self._now, self._created = now, time.monotonic()
        self._client = client
        self._scheduler = scheduler
        self._spools = spools
        self._count_rows = count_rows
        self._lists = ListReader(client, pipeline, scheduler.stopping)

    def read(
        self,
        endpoints: Sequence[Endpoint],
        window: Window | None,
        parents: Parents,
        on_attempt: Callable[[Attempt], None],
        only: Sequence[ParentKey] | None = None,
        *,
        may_be_gone: bool = False,
        reused: ReusedRows | None = None,
    ) -> Outcomes:
        """Read endpoints that share the response.

        Args:
            endpoints: The endpoint that is requested, then those that share its response.
            window: The time that is read.
            parents: Gives what is above them.
            on_attempt: Is told of each attempt when it begins.
            only: The parents whose lists are read; all by default.
            may_be_gone: Whether it is no failure if all lists answer 404.
            reused: Rows of the other parents, so that the endpoint is whole with those that are read; of one endpoint
                alone.

        Raises:
            SegmentError: They could not be read whole.
            CancelledError: The extractor was closed.
        """
        endpoint = endpoints[0]
        if endpoint.derived_from:
            base = parents.base_of(endpoint)
            return {each.name: derive(each, base, self._spools.path_for(each.name)) for each in endpoints}
        lists = self._slices(endpoint, window, parents) if only is None else lists_of(endpoint, only)
        started, meter = time.monotonic(), Meter()
        for attempts_left in reversed(range(MAX_ATTEMPTS)):
            attempt = Attempt(
                [self._writer(each) for each in endpoints],
                len(lists),
                meter,
                window,
                sliced=only is not None and reused is None,
            )
            on_attempt(attempt)
            self._run(attempt, lists, parents, may_be_gone=may_be_gone)
            seconds = time.monotonic() - started
            if not (attempt.unstable and attempts_left and seconds <= RETRY_WITHIN):
                break
            logger.warning("%s: %s: it is read again", endpoint.name, unstable_lists(attempt.unstable))
            attempt.discard()
        return {
            writer.endpoint.name: self._outcome(writer, attempt, parents, seconds, only, reused)
            for writer in attempt.writers
        }

    def _slices(self, endpoint: Endpoint, window: Window | None, parents: Parents) -> list[StreamSlice]:
        """Return the lists to read."""
        if self._settings.layout is Layout.VERSIONED:
            return [StreamSlice({})]
        # before the parents are read: a time that cannot be read should cost no request
        times = times_of(endpoint, window, self._now, self._settings.concurrency)
        return build_slices(endpoint, parents.params_of(endpoint), times)

    def _writer(self, endpoint: Endpoint) -> PageWriter:
        return PageWriter(endpoint, self._spools.path_for(endpoint.name), self._settings, self._count_rows)

    def _run(self, attempt: Attempt, lists: Sequence[StreamSlice], parents: Parents, *, may_be_gone: bool) -> None:
        """Read the lists of an attempt. If it fails, nothing of it is left on disk."""
        endpoint = attempt.endpoint
        try:
            self._read_lists(attempt, lists)
            if attempt.not_found and not attempt.lists_read and endpoint.feature and not may_be_gone:
                raise nothing_found(attempt)
            if attempt.not_found and not attempt.unstable and not endpoint.may_have_none:
                self._retry_not_found(attempt, parents)
            if attempt.still_listed and not attempt.lists_read and not may_be_gone:
                raise nothing_found(attempt)
        except FeatureError as error:
            attempt.discard()
            if attempt.lists_read:
                raise
            raise UnavailableError(endpoint, error.happened.partition(": ")[2]) from error
        except BaseException:
            attempt.discard()
            raise

    def _read_lists(self, attempt: Attempt, lists: Sequence[StreamSlice]) -> None:
        self._scheduler.run(attempt, lists, lambda stream_slice: self._lists.read(stream_slice, attempt))

    def _retry_not_found(self, attempt: Attempt, parents: Parents) -> None:
        """Read the lists once more that answered 404 though their parents are still listed."""
        listed, others = self._split_not_found(attempt, parents)
        if not listed or not attempt.lists_read:
            attempt.still_listed = listed
            return
        name, lists = attempt.endpoint.name, pluralize(len(listed), "list")
        logger.info("%s: %s answered 404: still listed, asked for again", name, lists)
        attempt.not_found_lists = [*others]
        self._read_lists(attempt, listed)
        attempt.still_listed = attempt.not_found_lists[len(others) :]

    def _split_not_found(self, attempt: Attempt, parents: Parents) -> tuple[list[StreamSlice], list[StreamSlice]]:
        """Return the lists that answered 404: those whose parents are still listed, and the others.

        A list without a parent is always listed.
        """
        missing, parent = attempt.not_found_lists, attempt.endpoint.parent
        extract = parents.extract_of(attempt.endpoint)
        if parent is None or extract is None:
            return missing, []
        source = extract.endpoint
        lists = lists_to_look_up(source, extract.parts, parent, self._slices(source, None, parents), missing)
        keys = parents_listed(attempt, source, lists, self._client, self._scheduler)
        listed = [stream_slice for stream_slice in missing if parent_key(stream_slice, parent) in keys]
        return listed, [stream_slice for stream_slice in missing if parent_key(stream_slice, parent) not in keys]

    def _outcome(
        self,
        writer: PageWriter,
        attempt: Attempt,
        parents: Parents,
        seconds: float,
        only: Sequence[ParentKey] | None,
        reused: ReusedRows | None,
    ) -> Extract | SegmentError:
        if writer.failure:
            writer.discard()
            return writer.failure
        endpoint, keys = writer.endpoint, writer.keys
        if reused:
            writer.add(reused.parts)
            reused = replace(reused, read=_parents_read(attempt, only or ()))
        parts = writer.close()
        parent = None if self._settings.layout is Layout.VERSIONED else parents.extract_of(endpoint)
        unique = keys is not None and keys.all_unique()
        extract = Extract(
            endpoint=endpoint,
            parts=parts,
            rows=writer.rows,
            records=writer.records,
            total_entries=_total(attempt.total_entries(endpoint.name), reused),
            lists=attempt.lists,
            not_found=attempt.not_found,
            still_listed=len(attempt.still_listed),
            still_listed_names=tuple(names_of(attempt.still_listed)),
            unstable=attempt.unstable,
            requests=attempt.meter.requests,
            seconds=seconds,
            waited=attempt.meter.waited,
            preview=writer.preview,
            window=attempt.window,
            read_at=self._now,
            began_at=self._now + timedelta(seconds=attempt.began - self._created),
            params_read=attempt.params_read,
            parents=None if only is None or reused else _parents_read(attempt, only),
            reused=reused,
            fingerprint=_fingerprint(writer, attempt, parts, reused) if only is None or reused else None,
            parent_incomplete=parent_incomplete(parent) if parent else None,
            parent_doubtful=parent_doubtful(parent) if parent else None,
            repeated=keys.repeated(each.path for each in parts) if keys and not unique else 0,
            unique=unique,
            max_undeclared_columns=self._settings.max_undeclared_columns,
            replaced=str(writer.replaced),
        )
        log_extract(extract)
        return extract


def _total(total: int | None, reused: ReusedRows | None) -> int | None:
    """Return the API's own count of the records, with those of the rows that are reused."""
    return total if total is None or reused is None else total + reused.rows


def _fingerprint(
    writer: PageWriter, attempt: Attempt, parts: Sequence[SpooledFile], reused: ReusedRows | None
) -> str | None:
    # a destination may spell a value in another way than it was loaded
    return reused.fingerprint if reused and reused.whole else writer.fingerprint(attempt.window, parts)


def _parents_read(attempt: Attempt, only: Sequence[ParentKey]) -> list[ParentKey]:
    """Return the parents whose rows are known: not those that answered 404 twice though they are still listed."""
    parent = attempt.endpoint.parent
    assert parent is not None
    unknown = {parent_key(stream_slice, parent) for stream_slice in attempt.still_listed}
    return [key for key in only if key not in unknown]
