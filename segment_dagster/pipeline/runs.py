"""The dlt pipeline `segment_pipeline`, and loading a source with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import dlt
from dlt.common.pipeline import LoadInfo
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from segment_dagster.pipeline.credentials import failures_of
from segment_dagster.pipeline.cursor import check_joined
from segment_dagster.pipeline.duckdb_file import ROOM, give_room, room_for
from segment_dagster.pipeline.errors import LoadError, explain
from segment_dagster.pipeline.lock import PIPELINE_NAME, alone, home
from segment_dagster.pipeline.memory import contents_of, remember, unchanged
from segment_dagster.pipeline.owner import claim
from segment_dagster.pipeline.place import Place
from segment_dagster.pipeline.tables import Tables, open_tables
from segment_dagster.pipeline.warnings import in_a_line
from segment_dagster.source.identity import Workspace
from segment_dagster.source.reader import Delivery
from segment_dagster.source.resources import delivered_source

if TYPE_CHECKING:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

TRUNCATE_STAGING = "load.truncate_staging_dataset"
"""dlt's own setting: whether what rows were staged in is emptied after a load."""


@contextmanager
def exclusive(
    place: Place,
    collector: Collector = NULL_COLLECTOR,
    deliveries: Sequence[Delivery] = (),
    workspace: Workspace | None = None,
) -> Iterator[dlt.Pipeline]:
    """The pipeline, while no other run has the destination or the pipeline's working directory.

    That directory is dlt's own: `segment_pipeline` in `~/.dlt/pipelines`, for root in `/var/dlt/pipelines`. One for
    each run would hide from `dlt pipeline segment_pipeline show` what was loaded last.

    Args:
        place: The destination.
        collector: Shows progress.
        deliveries: What is going to be loaded: the destination gets room for it.
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
            give_room(place.file, room_for(deliveries))
        try:
            pipeline = _pipeline(place, collector)
            try:
                # what an earlier run left half done would be loaded in place of what comes now
                pipeline.drop()
                _make_again(pipeline)
                if workspace is not None:
                    _claim(pipeline, place, workspace)
                yield pipeline
                if place.file is not None:
                    # what looks at the tables afterwards needs no more, however large rows are
                    give_room(place.file, ROOM)
            finally:
                _remember(pipeline, place)
        except PipelineStepFailed as failure:
            raise LoadError(explain(failure, failure.step, place)) from failure
        except failures_of(place.facts.driver) as failure:
            # between its steps dlt looks at the destination and writes to its working directory too
            raise LoadError(explain(failure, "run", place)) from failure


def load(
    source: DltSource,
    place: Place,
    collector: Collector = NULL_COLLECTOR,
    deliveries: Sequence[Delivery] = (),
    workspace: Workspace | None = None,
) -> LoadInfo:
    """Load a source into a place, in one load package.

    Args:
        source: The rows.
        place: Where they go.
        collector: Shows progress.
        deliveries: What the source hands on, where it has been read already.
        workspace: Where the rows come from, where that is known.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: It could not be loaded.
    """
    with exclusive(place, collector, deliveries, workspace) as pipeline:
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

    info: LoadInfo | None
    """Of the load package; `None` where there was nothing to load."""

    unchanged: frozenset[str]
    """Names of the endpoints whose tables held the rows already, and were left alone."""


def load_deliveries(
    deliveries: Sequence[Delivery],
    place: Place,
    *,
    history: bool = False,
    always: bool = False,
    collector: Collector = NULL_COLLECTOR,
    workspace: Workspace | None = None,
) -> Loaded:
    """Load what was delivered, in one load package, without what the tables hold already.

    Args:
        deliveries: What came.
        place: Where it goes.
        history: Whether every version of configuration is kept.
        always: Whether what the tables hold already is loaded all the same.
        collector: Shows progress.
        workspace: Where it comes from, where that is known.

    Raises:
        ForeignDatasetError: The dataset belongs to another workspace.
        LoadError: It could not be loaded.
    """
    with alone(place):
        same = frozenset[str]()
        if not always:
            with open_tables(place) as tables:
                same = unchanged(tables, deliveries, history=history)
        changed = [delivery for delivery in deliveries if delivery.endpoint.name not in same]
        if not changed:
            point_to(place)
            return Loaded(None, same)
        info = load(source_for(place, changed, history=history), place, collector, changed, workspace)
        with open_tables(place) as tables:
            remember(tables, (each for delivery in changed for each in contents_of(delivery, history=history)))
    return Loaded(info, same)


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
    return dlt.pipeline(PIPELINE_NAME, destination=place.build(), dataset_name=place.dataset, progress=collector)


def _make_again(pipeline: dlt.Pipeline) -> None:
    """Make tables and columns that somebody dropped: dlt takes what it made once to be there."""
    pipeline.sync_destination()
    if pipeline.default_schema_name is None:
        return
    with pipeline.destination_client() as client:
        # files that are gone are written again in any case
        if not isinstance(client, SqlJobClientBase):
            return
        schema = pipeline.default_schema
        there = client.get_storage_tables(schema.tables)
        missing = [name for name, columns in there if not schema.get_table_columns(name).keys() <= columns.keys()]
        if missing:
            client.update_stored_schema(missing, force=True)


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
