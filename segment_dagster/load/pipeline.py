"""Load with dlt's pipeline `segment_pipeline`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.pipeline import LoadInfo
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from segment_dagster.extract.failures import Failure
from segment_dagster.extract.identity import Workspace
from segment_dagster.extract.jsonl import JsonLines
from segment_dagster.extract.resources import source_of_extracts
from segment_dagster.extract.result import Extract
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.load.credentials import failures_of
from segment_dagster.load.destination import Destination
from segment_dagster.load.dlt_settings import load_defaults, setting_error
from segment_dagster.load.duckdb_file import MEMORY_LIMIT, memory_needed, set_memory_limit
from segment_dagster.load.errors import load_error
from segment_dagster.load.incremental import check_no_gap
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset
from segment_dagster.load.isolation import load_isolated
from segment_dagster.load.load_state import TableState, is_current, record_load, table_states, unchanged
from segment_dagster.load.local_lock import pipeline_lock
from segment_dagster.load.lock import destination_lock
from segment_dagster.load.owner import claim
from segment_dagster.load.recreate import recreate_missing
from segment_dagster.load.result import LoadPackage, LoadResult
from segment_dagster.load.superseded import superseded
from segment_dagster.load.working_directory import (
    attach_pipeline,
    discard_packages,
    drop_local_state,
    make_private,
    register_pipeline,
    remember_file,
)

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
    from dlt.destinations.job_client_impl import SqlJobClientBase


@contextmanager
def locked_pipeline(
    destination: Destination,
    now: datetime,
    extracts: Sequence[Extract] = (),
    workspace: Workspace | None = None,
    made: Sequence[SpooledFile] = (),
) -> Iterator[dlt.Pipeline]:
    """Lock the destination and the pipeline's working directory, and return the pipeline.

    The working directory is dlt's default: `segment_pipeline` in `~/.dlt/pipelines`, for root in `/var/dlt/pipelines`.
    With one directory per run, `dlt pipeline segment_pipeline show` would not find the last load.

    Args:
        destination: The destination.
        now: The current time, in UTC; rows dated later do not count as loaded.
        extracts: The extracts to load; DuckDB's memory limit depends on them.
        workspace: The workspace of the rows; the dataset is recorded as its own. `None` if unknown.
        made: Files with the rows of a derived table, if that is what is loaded.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: dlt failed inside the block, others held a lock longer than `lock_timeout`, or a table lost rows
            that the extracts build on.
        SettingError: A lock file cannot be created.
    """
    # before a missing file is created; a caller with extracts already holds the destination's lock
    check_no_gap(destination, extracts, now)
    with (
        # everywhere the destination is locked before the directory: the other order could deadlock
        destination_lock(destination),
        pipeline_lock(destination),
        destination_lock(destination, make=True),
        # completed jobs: nobody needs the files, and they hold every row, with secrets if those are included;
        # staged rows: half of a DuckDB file, and of all that is written to it
        load_defaults(truncate_staging=destination.file is not None),
    ):
        if destination.file is not None:
            set_memory_limit(destination.file, memory_needed(extracts, made))
        try:
            pipeline = attach_pipeline(destination)
            try:
                # dlt would load an earlier run's unfinished packages instead of this one
                drop_local_state(pipeline)
                _prepare(pipeline, destination, now, extracts, workspace)
                make_private(Path(pipeline.working_dir))
                yield pipeline
                if destination.file is not None:
                    # reading the tables afterwards needs no more, however large the rows are
                    set_memory_limit(destination.file, MEMORY_LIMIT)
            except BaseException:
                discard_packages(pipeline)
                raise
            finally:
                remember_file(pipeline, destination)
                make_private(Path(pipeline.working_dir))
        except PipelineStepFailed as failure:
            raise load_error(failure, failure.step, destination) from failure
        except ConfigurationException as failure:
            raise setting_error(failure) from None
        except failures_of(destination.capabilities.driver) as failure:
            # between its steps, dlt also reads the destination and writes to its working directory
            raise load_error(failure, "run", destination) from failure


def load(
    source: DltSource,
    destination: Destination,
    now: datetime,
    extracts: Sequence[Extract] = (),
    workspace: Workspace | None = None,
    made: Sequence[SpooledFile] = (),
) -> LoadInfo:
    """Load a source into a destination, in one load package.

    Args:
        source: The source with the rows.
        destination: The destination.
        now: The current time, in UTC.
        extracts: The extracts that the source consists of, if it is made of any.
        workspace: The workspace of the rows, if known.
        made: Files with the rows, if they belong to a derived table.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: The source could not be loaded.
    """
    with locked_pipeline(destination, now, extracts, workspace, made) as pipeline:
        return pipeline.run(source, loader_file_format=destination.capabilities.loader_format)


def load_table(
    source: DltSource,
    state: TableState,
    destination: Destination,
    made: Sequence[SpooledFile],
    now: datetime,
) -> tuple[bool, str]:
    """Load a derived table, unless it already holds the same rows.

    Args:
        source: The source with the rows.
        state: The table, and the fingerprint of the rows.
        destination: The destination.
        made: Files with the rows.
        now: The current time, in UTC.

    Returns:
        Whether it was loaded, and the table's name with database and dataset.

    Raises:
        LoadError: The table could not be loaded.
    """
    with destination_lock(destination):
        with inspect_dataset(destination) as tables:
            if is_current(tables, state) and not destination.always_load:
                return False, tables.qualified_name(state.table)
        load(source, destination, now, made=made)
        with inspect_dataset(destination) as tables:
            record_load(tables, [state], now)
            return True, tables.qualified_name(state.table)


def source_for(destination: Destination, extracts: Sequence[Extract], *, history: bool = False) -> DltSource:
    """Return extracts as a dlt source, in the format that the destination needs.

    Args:
        destination: The destination.
        extracts: The extracts.
        history: Whether to keep every version of configuration.
    """
    capabilities = destination.capabilities
    return source_of_extracts(
        extracts,
        history=history,
        merge=capabilities.merge,
        table_format=capabilities.table_format,
        jsonl=jsonl_of(destination),
    )


def jsonl_of(destination: Destination) -> JsonLines | None:
    """Return how the destination takes lines of JSON; `None` if it takes Parquet."""
    return JsonLines(compressed=destination.compresses_files) if destination.capabilities.jsonl else None


def load_extracts(
    extracts: Sequence[Extract],
    destination: Destination,
    *,
    now: datetime,
    history: bool = False,
    workspace: Workspace | None = None,
    read_before: Mapping[str, datetime] | None = None,
    load_package: LoadPackage | None = None,
    verify: Callable[[LoadResult, DatasetInspector], None] | None = None,
) -> LoadResult:
    """Load extracts, except those whose tables are unchanged, or hold rows that another run has read later.

    A refused table does not fail the others.

    Args:
        extracts: The extracts.
        destination: The destination.
        now: The current time, in UTC.
        history: Whether to keep every version of configuration.
        workspace: The workspace of the rows, if known.
        read_before: When the rows were read that the tables held before the extracts were read, by endpoint: see
            `superseded`. If it is not given, no load of another run counts as newer.
        load_package: Loads extracts in one load package; by default with dlt's pipeline.
        verify: Checks the tables before another run can change them, even if nothing was loaded.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: The whole destination failed.
    """

    def load_by_dlt(group: Sequence[Extract]) -> LoadInfo:
        source = source_for(destination, group, history=history)
        return load(source, destination, now, extracts=group, workspace=workspace)

    with destination_lock(destination) as lock:
        # everything that was known of the dataset before the read may have changed until it was locked
        with inspect_dataset(destination) as tables:
            newer = {} if read_before is None else superseded(tables, extracts, read_before)
            extracts = [newer.get(extract.endpoint.name, extract) for extract in extracts]
            same = frozenset(newer)
            if not destination.always_load:
                same |= unchanged(tables, extracts, history=history)
        changed = [extract for extract in extracts if extract.endpoint.name not in same]
        packages: list[Any] = []
        failures: list[Failure] = []
        if changed:
            packages, failures = load_isolated(changed, load_package or load_by_dlt, destination.dataset)
        else:
            register_pipeline(destination)
        failed = {failure.endpoint.name for failure in failures}
        result = LoadResult(
            extracts=[extract for extract in extracts if extract.endpoint.name not in failed],
            unchanged=same,
            superseded=frozenset(newer),
            packages=packages,
            failures=failures,
        )
        # what another run may have changed meanwhile is not recorded as loaded
        lock.check()
        with inspect_dataset(destination) as tables:
            states = (each for extract in result.written for each in table_states(extract, history=history))
            record_load(tables, states, now)
            if verify:
                verify(result, tables)
    return result


def _prepare(
    pipeline: dlt.Pipeline,
    destination: Destination,
    now: datetime,
    extracts: Sequence[Extract],
    workspace: Workspace | None,
) -> None:
    """Check the destination again, now that it is locked, and prepare it for the load."""
    pipeline.sync_destination()
    with pipeline.destination_client() as client:
        # every supported destination has one of these two clients
        tables = DatasetInspector(cast("SqlJobClientBase | FilesystemClient", client), destination)
        tables.check_staging()
        recreate_missing(pipeline, client, destination, extracts)
        if workspace is not None:
            if not client.is_storage_initialized():
                client.initialize_storage()
            claim(tables, destination, workspace, now)
