"""Extracts that another run has overtaken: it read the endpoint later, and loaded it first.

Loading the older rows over the newer ones would undo changes in the table, and write each of them into the history
twice more: back, and forth again with the next run.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from segment_dagster.endpoints import Endpoint
from segment_dagster.extract.result import Extract
from segment_dagster.load.inspector import DatasetInspector
from segment_dagster.load.load_state import RecordedLoad, recorded_loads

logger = logging.getLogger(__name__)


def read_times(tables: DatasetInspector, endpoints: Iterable[Endpoint]) -> dict[str, datetime]:
    """Return when the rows of the endpoints' tables were read, by name, as far as it is recorded."""
    names = {endpoint.name for endpoint in endpoints}
    return {name: load.read_at for name, load in recorded_loads(tables).items() if name in names and load.read_at}


def superseded(
    tables: DatasetInspector, extracts: Sequence[Extract], before: Mapping[str, datetime]
) -> dict[str, Extract]:
    """Return the extracts that another run has overtaken, by name, each with the numbers of what the table holds.

    Only tables that are replaced as a whole count. What is merged by key or by a part of the time stays right, or is
    read again.

    Args:
        tables: The dataset. It must be locked until the load has ended.
        extracts: The extracts to load.
        before: What `read_times` returned before the endpoints were read. A load that was recorded by then overtook
            nobody, whatever time a wrong clock gave it.
    """
    whole = [each for each in extracts if each.endpoint.time is None and each.fingerprint]
    if not whole:
        return {}
    recorded = recorded_loads(tables)
    newer = {
        each.endpoint.name: _as_recorded(each, load)
        for each in whole
        if (load := recorded.get(each.endpoint.name))
        and _is_newer(load, each, before.get(each.endpoint.name))
        and load.digest == tables.digest(each.endpoint.name)
    }
    for name in newer:
        logger.warning("%s: not loaded, because a run that read it later has loaded it meanwhile", name)
    return newer


def _is_newer(load: RecordedLoad, extract: Extract, before: datetime | None) -> bool:
    """Return whether other rows were loaded since `before` that were read later."""
    if extract.reused and load.digest != extract.reused.digest:
        # a part of the extract is from the table as it was before
        return True
    return (
        load.read_at is not None
        and extract.began_at is not None
        and load.read_at != before
        and load.read_at > extract.began_at
        and load.fingerprint != extract.fingerprint
    )


def _as_recorded(extract: Extract, load: RecordedLoad) -> Extract:
    rows, _ = load.digest
    return replace(
        extract,
        rows=rows,
        records=rows,
        total_entries=None,
        unstable=0,
        still_listed=0,
        still_listed_names=(),
        parent_incomplete=None,
        parent_doubtful=None,
        fingerprint=load.fingerprint,
        reused=None,
    )
