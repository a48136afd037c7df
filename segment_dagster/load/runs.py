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
from segment_dagster.extract.reader import Delivery, Failure
from segment_dagster.extract.resources import delivered_source
from segment_dagster.extract.spool import Part
from segment_dagster.extract.versions import history_table
from segment_dagster.load.apart import load_apart
from segment_dagster.load.credentials import failures_of
from segment_dagster.load.cursor import check_joined
from segment_dagster.load.dlt_settings import setting_error
from segment_dagster.load.duckdb_file import ROOM, give_room, room_for
from segment_dagster.load.errors import LoadError, explain, load_error
from segment_dagster.load.lock import PIPELINE_NAME, alone, home
from segment_dagster.load.memory import contents_of, remember, unchanged
from segment_dagster.load.owner import claim
from segment_dagster.load.place import Place
from segment_dagster.load.tables import Tables, open_tables
from segment_dagster.load.warnings import in_a_line

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
def exclusive(
    place: Place,
    collector: Collector = NULL_COLLECTOR,
    deliveries: Sequence[Delivery] = (),
    workspace: Workspace | None = None,
    made: Sequence[Part] = (),
) -> Iterator[dlt.Pipeline]:
    """The pipeline, while no other run has the destination or the pipeline's working directory.

    That directory is dlt's own: `segment_pipeline` in `~/.dlt/pipelines`, for root in `/var/dlt/pipelines`. One for
    each run would hide from `dlt pipeline segment_pipeline show` what was loaded last.

    Args:
        place: The destination.
        collector: Shows progress.
        deliveries: What is going to be loaded: the destination gets room for it.
        made: Rows of a table that is made of others, where it is what is going to be loaded.
        workspace: Where the rows come from; the dataset becomes its own. `None` where that is not known.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: dlt failed inside the block, others held one of them for as long as the place says, or a table has
            lost rows that deliveries build on.
        SettingError: There is no place for the locks.
    """
    # before a file is made where there is none; whoever has deliveries holds the destination
    check_joined(place, deliveries)
    # the destination before the directory, everywhere: who has one and waits for the other would wait for ever
    with alone(place), home(place), alone(place, make=True):
        if place.file is not None:
            give_room(place.file, room_for(deliveries, made))
        try:
            pipeline = _pipeline(place, collector)
            try:
                # what an earlier run left half done would be loaded in place of what comes now
                _drop_closed(pipeline)
                _make_again(pipeline, place, deliveries)
                if workspace is not None:
                    _claim(pipeline, place, workspace)
                yield pipeline
                if place.file is not None:
                    # what looks at the tables afterwards needs no more, however large rows are
                    give_room(place.file, ROOM)
            except BaseException:
                _discard_packages(pipeline)
                raise
            finally:
                _remember(pipeline, place)
                _close_to_others(Path(pipeline.working_dir))
        except PipelineStepFailed as failure:
            raise load_error(failure, failure.step, place) from failure
        except ConfigurationException as failure:
            raise setting_error(failure) from None
        except failures_of(place.facts.driver) as failure:
            # between its steps dlt looks at the destination and writes to its working directory too
            raise load_error(failure, "run", place) from failure


def load(
    source: DltSource,
    place: Place,
    collector: Collector = NULL_COLLECTOR,
    deliveries: Sequence[Delivery] = (),
    workspace: Workspace | None = None,
    made: Sequence[Part] = (),
) -> LoadInfo:
    """Load a source into a place, in one load package.

    Args:
        source: The rows.
        place: Where they go.
        collector: Shows progress.
        deliveries: What the source hands on, where it has been read already.
        workspace: Where the rows come from, where that is known.
        made: The rows, where they are made of other tables.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: It could not be loaded.
    """
    with exclusive(place, collector, deliveries, workspace, made) as pipeline:
        return pipeline.run(source, loader_file_format=place.facts.loader_format)


def source_for(place: Place, deliveries: Sequence[Delivery], *, history: bool = False) -> DltSource:
    """What was delivered as a dlt source, in the form that the destination takes.

    Args:
        place: The destination.
        deliveries: What was read.
        history: Whether every version of configuration is kept.
    """
    facts = place.facts
    return delivered_source(
        deliveries,
        history=history,
        merge=facts.merge,
        table_format=facts.table_format,
        lines=facts.lines,
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


def load_deliveries(
    deliveries: Sequence[Delivery],
    place: Place,
    *,
    history: bool = False,
    always: bool = False,
    collector: Collector = NULL_COLLECTOR,
    workspace: Workspace | None = None,
) -> Loaded:
    """Load what was delivered, without what the tables hold already. What is refused fails alone.

    Args:
        deliveries: What came.
        place: Where it goes.
        history: Whether every version of configuration is kept.
        always: Whether what the tables hold already is loaded all the same.
        collector: Shows progress.
        workspace: Where it comes from, where that is known.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: Nothing could be loaded.
    """

    def load_package(group: Sequence[Delivery]) -> LoadInfo:
        return load(source_for(place, group, history=history), place, collector, group, workspace)

    with alone(place):
        same = frozenset[str]()
        if not always:
            with open_tables(place) as tables:
                same = unchanged(tables, deliveries, history=history)
        changed = [delivery for delivery in deliveries if delivery.endpoint.name not in same]
        if not changed:
            point_to(place)
            return Loaded((), same)
        infos, failures = load_apart(changed, load_package, place.dataset)
        failed = {failure.endpoint.name for failure in failures}
        loaded = [delivery for delivery in changed if delivery.endpoint.name not in failed]
        with open_tables(place) as tables:
            remember(tables, (each for delivery in loaded for each in contents_of(delivery, history=history)))
    return Loaded(infos, same, failures)


def point_to(place: Place) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find what is there."""
    with home(place):
        try:
            _remember(_pipeline(place), place)
        except OSError as failure:
            raise LoadError(explain(failure, "run", place)) from failure


def _pipeline(place: Place, collector: Collector = NULL_COLLECTOR) -> dlt.Pipeline:
    in_a_line()
    # what was swapped in would stay in the staging dataset too: half of a DuckDB file, and of all that is written to it
    if place.file is not None and dlt.config.get(TRUNCATE_STAGING) is None:
        dlt.config[TRUNCATE_STAGING] = True
    # nobody needs them, and they hold every row, secrets where those are to land
    if dlt.config.get(DELETE_COMPLETED_JOBS) is None:
        dlt.config[DELETE_COMPLETED_JOBS] = True

    def attach() -> dlt.Pipeline:
        return dlt.pipeline(PIPELINE_NAME, destination=place.build(), dataset_name=place.dataset, progress=collector)

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


def _make_again(pipeline: dlt.Pipeline, place: Place, deliveries: Sequence[Delivery]) -> None:
    """Make tables and columns that somebody dropped: dlt takes what it made once to be there.

    Args:
        pipeline: The pipeline.
        place: The destination.
        deliveries: What is going to be loaded. Tables of others are left alone: one that cannot be mended would fail
            these as well. Where there are none, all tables are looked at.
    """
    with open_tables(place) as tables:
        tables.check_staging()
    pipeline.sync_destination()
    if pipeline.default_schema_name is None:
        return
    with pipeline.destination_client() as client:
        # files that are gone are written again in any case
        if not isinstance(client, SqlJobClientBase):
            return
        schema = pipeline.default_schema
        names = {name for each in deliveries for name in (each.endpoint.name, history_table(each.endpoint.name))}
        wanted = [name for name in schema.tables if not names or name in names or name in schema.dlt_table_names()]
        there = list(client.get_storage_tables(wanted))
        missing = [name for name, columns in there if not schema.get_table_columns(name).keys() <= columns.keys()]
        if missing:
            client.update_stored_schema(missing, force=True)
        if place.facts.digest:
            _check_readable([name for name, columns in there if columns and name in names], client, place)


def _check_readable(names: Iterable[str], client: SqlJobClientBase, place: Place) -> None:
    """Refuse a table that nobody lets this user read: it could be loaded, and not be checked."""
    for name in names:
        table = client.sql_client.make_qualified_table_name(name)
        try:
            client.sql_client.execute_sql(f"SELECT 1 FROM {table} LIMIT 0")  # noqa: S608 - an escaped name
        except DatabaseTerminalException as failure:
            error = load_error(failure, "read", place)
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


def _claim(pipeline: dlt.Pipeline, place: Place, workspace: Workspace) -> None:
    with pipeline.destination_client() as client:
        if not client.is_storage_initialized():
            client.initialize_storage()
        # one of SQL or of files: the destinations that there are have no other
        claim(Tables(cast("SqlJobClientBase | FilesystemClient", client), place), place, workspace)


def _remember(pipeline: dlt.Pipeline, place: Place) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find the file of this run."""
    if place.file is not None:
        pipeline.set_local_state_val("duckdb_database", str(place.file))
