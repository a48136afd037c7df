"""The dlt pipeline `segment_pipeline`, and loading a source with it."""

import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import DltException
from dlt.common.pipeline import LoadInfo, get_dlt_pipelines_dir
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from segment_dagster.extract.identity import Workspace
from segment_dagster.extract.reader import Extract, Failure
from segment_dagster.extract.resources import source_of_extracts
from segment_dagster.extract.spool import SpooledFile
from segment_dagster.extract.versions import history_table
from segment_dagster.load.credentials import failures_of
from segment_dagster.load.destination import Destination
from segment_dagster.load.dlt_settings import setting_error
from segment_dagster.load.duckdb_file import MEMORY_LIMIT, memory_needed, set_memory_limit
from segment_dagster.load.errors import LoadError, format_load_error, load_error
from segment_dagster.load.incremental import check_no_gap
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset
from segment_dagster.load.isolation import load_isolated
from segment_dagster.load.load_state import record_load, table_states, unchanged
from segment_dagster.load.lock import PIPELINE_NAME, destination_lock, pipeline_lock
from segment_dagster.load.log_filter import install_log_filter
from segment_dagster.load.owner import claim

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

logger = logging.getLogger(__name__)

TRUNCATE_STAGING = "load.truncate_staging_dataset"
"""dlt's own setting: whether what rows were staged in is emptied after a load."""

DELETE_COMPLETED_JOBS = "load.delete_completed_jobs"
"""dlt's own setting: whether the files of rows are deleted once they are loaded."""

PENDING = ("normalize/extracted", "load/new", "load/normalized")
"""Where dlt 1.31 keeps load packages until they are loaded, in the pipeline's working directory."""


@contextmanager
def locked_pipeline(
    destination: Destination,
    collector: Collector = NULL_COLLECTOR,
    extracts: Sequence[Extract] = (),
    workspace: Workspace | None = None,
    made: Sequence[SpooledFile] = (),
) -> Iterator[dlt.Pipeline]:
    """The pipeline, while no other run has the destination or the pipeline's working directory.

    That directory is dlt's own: `segment_pipeline` in `~/.dlt/pipelines`, for root in `/var/dlt/pipelines`. One for
    each run would hide from `dlt pipeline segment_pipeline show` what was loaded last.

    Args:
        destination: The destination.
        collector: Shows progress.
        extracts: What is going to be loaded: the destination gets room for it.
        made: Rows of a table that is made of others, where it is what is going to be loaded.
        workspace: Where the rows come from; the dataset becomes its own. `None` where that is not known.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: dlt failed inside the block, others held a lock beyond `lock_timeout`, or a table has
            lost rows that deliveries build on.
        SettingError: There is no place for the locks.
    """
    # before a file is made where there is none; whoever has deliveries holds the destination
    check_no_gap(destination, extracts)
    # the destination before the directory, everywhere: who has one and waits for the other would wait for ever
    with destination_lock(destination), pipeline_lock(destination), destination_lock(destination, make=True):
        if destination.file is not None:
            set_memory_limit(destination.file, memory_needed(extracts, made))
        try:
            pipeline = _pipeline(destination, collector)
            try:
                # what an earlier run left half done would be loaded in place of what comes now
                _drop_closed(pipeline)
                recreate_missing(pipeline, destination, extracts)
                if workspace is not None:
                    _claim(pipeline, destination, workspace)
                yield pipeline
                if destination.file is not None:
                    # what looks at the tables afterwards needs no more, however large rows are
                    set_memory_limit(destination.file, MEMORY_LIMIT)
            except BaseException:
                _discard_packages(pipeline)
                raise
            finally:
                _remember(pipeline, destination)
                _close_to_others(Path(pipeline.working_dir))
        except PipelineStepFailed as failure:
            raise load_error(failure, failure.step, destination) from failure
        except ConfigurationException as failure:
            raise setting_error(failure) from None
        except failures_of(destination.capabilities.driver) as failure:
            # between its steps dlt looks at the destination and writes to its working directory too
            raise load_error(failure, "run", destination) from failure


def load(
    source: DltSource,
    destination: Destination,
    collector: Collector = NULL_COLLECTOR,
    extracts: Sequence[Extract] = (),
    workspace: Workspace | None = None,
    made: Sequence[SpooledFile] = (),
) -> LoadInfo:
    """Load a source into a destination, in one load package.

    Args:
        source: The rows.
        destination: Where they go.
        collector: Shows progress.
        extracts: What the source hands on, where it has been read already.
        workspace: Where the rows come from, where that is known.
        made: The rows, where they are made of other tables.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: It could not be loaded.
    """
    with locked_pipeline(destination, collector, extracts, workspace, made) as pipeline:
        return pipeline.run(source, loader_file_format=destination.capabilities.loader_format)


def source_for(destination: Destination, extracts: Sequence[Extract], *, history: bool = False) -> DltSource:
    """What was delivered as a dlt source, in the form that the destination takes.

    Args:
        destination: The destination.
        extracts: What was read.
        history: Whether every version of configuration is kept.
    """
    capabilities = destination.capabilities
    return source_of_extracts(
        extracts,
        history=history,
        merge=capabilities.merge,
        table_format=capabilities.table_format,
        jsonl=capabilities.jsonl,
    )


@dataclass(frozen=True)
class Loaded:
    """What became of deliveries."""

    infos: Sequence[LoadInfo]
    """Of the load packages: one as a rule, none where there was nothing to load, several where a table was refused."""

    unchanged: frozenset[str]
    """Names of the endpoints whose tables held the rows already, and were left alone."""

    failures: Sequence[Failure] = ()
    """What was not loaded."""

    @property
    def info(self) -> LoadInfo | None:
        """Of the last load package; `None` where there was none."""
        return self.infos[-1] if self.infos else None


def load_extracts(
    extracts: Sequence[Extract],
    destination: Destination,
    *,
    history: bool = False,
    always: bool = False,
    collector: Collector = NULL_COLLECTOR,
    workspace: Workspace | None = None,
) -> Loaded:
    """Load what was delivered, without what the tables hold already. What is refused fails alone.

    Args:
        extracts: What came.
        destination: Where it goes.
        history: Whether every version of configuration is kept.
        always: Whether what the tables hold already is loaded all the same.
        collector: Shows progress.
        workspace: Where it comes from, where that is known.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: Nothing could be loaded.
    """

    def load_package(group: Sequence[Extract]) -> LoadInfo:
        return load(source_for(destination, group, history=history), destination, collector, group, workspace)

    with destination_lock(destination):
        same = frozenset[str]()
        if not always:
            with inspect_dataset(destination) as tables:
                same = unchanged(tables, extracts, history=history)
        changed = [extract for extract in extracts if extract.endpoint.name not in same]
        if not changed:
            register_pipeline(destination)
            return Loaded((), same)
        infos, failures = load_isolated(changed, load_package, destination.dataset)
        failed = {failure.endpoint.name for failure in failures}
        loaded = [extract for extract in changed if extract.endpoint.name not in failed]
        with inspect_dataset(destination) as tables:
            record_load(tables, (each for extract in loaded for each in table_states(extract, history=history)))
    return Loaded(infos, same, failures)


def register_pipeline(destination: Destination) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find what is there."""
    with pipeline_lock(destination):
        try:
            _remember(_pipeline(destination), destination)
        except OSError as failure:
            raise LoadError(format_load_error(failure, "run", destination)) from failure


def _pipeline(destination: Destination, collector: Collector = NULL_COLLECTOR) -> dlt.Pipeline:
    install_log_filter()
    # what was swapped in would stay in the staging dataset too: half of a DuckDB file, and of all that is written to it
    if destination.file is not None and dlt.config.get(TRUNCATE_STAGING) is None:
        dlt.config[TRUNCATE_STAGING] = True
    # nobody needs them, and they hold every row, secrets where those are to land
    if dlt.config.get(DELETE_COMPLETED_JOBS) is None:
        dlt.config[DELETE_COMPLETED_JOBS] = True

    def attach() -> dlt.Pipeline:
        return dlt.pipeline(
            PIPELINE_NAME, destination=destination.factory, dataset_name=destination.dataset, progress=collector
        )

    try:
        return attach()
    except ConfigurationException:
        raise
    except (DltException, OSError, ValueError, LookupError, TypeError, AttributeError) as failure:
        # what dlt keeps in its working directory is a copy of what it keeps in the destination
        directory = Path(get_dlt_pipelines_dir(), PIPELINE_NAME)
        if not directory.exists():
            raise
        logger.warning(
            "%s cannot be read (%s): it is deleted, and made anew from what the destination holds",
            directory,
            type(failure).__name__,
        )
        if directory.is_dir():
            shutil.rmtree(directory)
        else:
            directory.unlink()
        return attach()


def recreate_missing(pipeline: dlt.Pipeline, destination: Destination, extracts: Sequence[Extract]) -> None:
    """Make tables and columns that somebody dropped: dlt takes what it made once to be there.

    Args:
        pipeline: The pipeline.
        destination: The destination.
        extracts: What is going to be loaded. Tables of others are left alone: one that cannot be mended would fail
            these as well. Where there are none, all tables are looked at.
    """
    with inspect_dataset(destination) as tables:
        tables.check_staging()
    pipeline.sync_destination()
    if pipeline.default_schema_name is None:
        return
    with pipeline.destination_client() as client:
        # files that are gone are written again in any case
        if not isinstance(client, SqlJobClientBase):
            return
        schema = pipeline.default_schema
        names = {name for each in extracts for name in (each.endpoint.name, history_table(each.endpoint.name))}
        wanted = [name for name in schema.tables if not names or name in names or name in schema.dlt_table_names()]
        there = list(client.get_storage_tables(wanted))
        missing = [name for name, columns in there if not schema.get_table_columns(name).keys() <= columns.keys()]
        if missing:
            client.update_stored_schema(missing, force=True)
        if destination.capabilities.digest:
            _check_readable([name for name, columns in there if columns and name in names], client, destination)


def _check_readable(names: Iterable[str], client: SqlJobClientBase, destination: Destination) -> None:
    """Refuse a table that nobody lets this user read: it could be loaded, and not be checked."""
    for name in names:
        table = client.sql_client.make_qualified_table_name(name)
        try:
            client.sql_client.execute_sql(f"SELECT 1 FROM {table} LIMIT 0")  # noqa: S608 - an escaped name
        except DatabaseTerminalException as failure:
            error = load_error(failure, "read", destination)
            error.table = name
            raise error from failure


def _drop_closed(pipeline: dlt.Pipeline) -> None:
    """Drop the pipeline's local state, and let nobody else read its new working directory.

    `dagster_dlt` drops it once more before it loads: that does the same.
    """
    drop = pipeline.drop

    def drop_closed(*_: str, **__: str) -> dlt.Pipeline:
        dropped = drop()
        _close_to_others(Path(pipeline.working_dir))
        return dropped

    pipeline.drop = drop_closed  # type: ignore[method-assign]
    pipeline.drop()


def _close_to_others(directory: Path) -> None:
    """Let nobody else read the working directory: dlt makes it, and what it writes there, readable for all."""
    for path in (directory, *directory.rglob("*")):
        with suppress(FileNotFoundError):
            path.chmod(0o700 if path.is_dir() else 0o600)


def _discard_packages(pipeline: dlt.Pipeline) -> None:
    """Delete what was not loaded to its end: the next run reads it anew, and its files hold rows."""
    for folder in PENDING:
        for package in Path(pipeline.working_dir, folder).glob("*"):
            shutil.rmtree(package, ignore_errors=True)


def _claim(pipeline: dlt.Pipeline, destination: Destination, workspace: Workspace) -> None:
    with pipeline.destination_client() as client:
        if not client.is_storage_initialized():
            client.initialize_storage()
        # one of SQL or of files: the destinations that there are have no other
        claim(
            DatasetInspector(cast("SqlJobClientBase | FilesystemClient", client), destination), destination, workspace
        )


def _remember(pipeline: dlt.Pipeline, destination: Destination) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find the file of this run."""
    if destination.file is not None:
        pipeline.set_local_state_val("duckdb_database", str(destination.file))
