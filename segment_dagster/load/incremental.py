"""From when on the tables that grow are read again."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from segment_dagster.config import current_time
from segment_dagster.endpoints import Endpoint, TimeRange
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.resources import read_at_of
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window, default_window
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset


def incremental_windows(tables: DatasetInspector, endpoints: Iterable[Endpoint]) -> dict[str, Window]:
    """Return what is to be read of the incremental endpoints, by name: from a while before their latest rows on.

    The tables themselves are asked: a run that dies, before it has loaded or while it does, changes nothing, and a
    table that was dropped is read from the beginning. An endpoint without rows is left out.

    A row counts that is dated no later than the workspace was read which was loaded last. One of a clock that was wrong
    may be dated ahead of that: what happens until then would never be read. A table of which that time is not known,
    as an earlier version loaded it last, is left out too, and read from the beginning once.
    """
    incremental = [endpoint for endpoint in endpoints if endpoint.incremental]
    if not incremental:
        return {}
    windows, now, state = {}, current_time(), tables.pipeline_state()
    for endpoint in incremental:
        time = endpoint.time
        assert isinstance(time, TimeRange) and time.lookback is not None
        latest = _latest(tables, endpoint, state, now)
        if latest is not None:
            windows[endpoint.name] = Window(latest - time.lookback)
    return windows


def check_no_gap(destination: Destination, extracts: Iterable[Extract]) -> None:
    """Refuse what would leave a gap in a table that grows, which no later run would fill.

    What was read from the table's latest row on needs that row: somebody may have deleted it, or the whole file, while
    the workspace was read.

    Raises:
        LoadError: A table ends before what was read of it begins.
    """
    now = current_time()
    parts = [extract for extract in extracts if _is_part(extract, now)]
    if not parts:
        return
    with inspect_dataset(destination) as tables:
        state = tables.pipeline_state()
        for extract in parts:
            latest = _latest(tables, extract.endpoint, state, now)
            assert extract.window is not None
            if latest is None or latest < extract.window.start:
                raise LoadError(
                    f"{extract.endpoint.name}: its table lost rows while the workspace was read, and what was read "
                    f"begins at {extract.window.start:%Y-%m-%dT%H:%M:%SZ}: there would be a gap. "
                    "Nothing of it was loaded. Run it again: it is read from where the table ends."
                )


def _is_part(extract: Extract, now: datetime) -> bool:
    """Whether less was read than a full read covers."""
    if not extract.endpoint.incremental or extract.window is None:
        return False
    whole = default_window(extract.endpoint, now)
    return whole is not None and extract.window.start > whole.start


def _latest(tables: DatasetInspector, endpoint: Endpoint, state: Mapping[str, Any], now: datetime) -> datetime | None:
    """The time of the latest row that was not dated ahead when it was read; `None` where that is not known."""
    read_at = read_at_of(state, endpoint.name)
    if read_at is None:
        return None
    assert endpoint.time is not None
    latest = tables.latest(endpoint.name, column_name(endpoint.time.column), min(read_at, now))
    return latest.astimezone(timezone.utc) if isinstance(latest, datetime) else None
