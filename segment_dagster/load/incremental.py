"""Time windows of incremental loads."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from segment_dagster.endpoints import Endpoint, TimeRange
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.resources import read_at_of
from segment_dagster.extract.result import Extract
from segment_dagster.extract.times import Window, default_window
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError
from segment_dagster.load.inspector import DatasetInspector, inspect_dataset


def incremental_windows(tables: DatasetInspector, endpoints: Iterable[Endpoint], now: datetime) -> dict[str, Window]:
    """Return the window to read for each incremental endpoint, by name.

    A window starts at the latest row of the table, minus the endpoint's lookback. It comes from the table itself, so a
    run that dies changes nothing, and a table that was dropped is read from the beginning. An endpoint without rows
    has no window.

    Rows dated later than the last read of the workspace do not count. A wrong clock can date a row ahead, and
    everything until then would never be read. If the time of the last read is not known, because an earlier version
    loaded the table, the endpoint has no window and is read from the beginning once.
    """
    incremental = [endpoint for endpoint in endpoints if endpoint.incremental]
    if not incremental:
        return {}
    windows, state = {}, tables.pipeline_state()
    for endpoint in incremental:
        time = endpoint.time
        assert isinstance(time, TimeRange) and time.lookback is not None
        latest = _latest(tables, endpoint, state, now)
        if latest is not None:
            windows[endpoint.name] = Window(latest - time.lookback)
    return windows


def check_no_gap(destination: Destination, extracts: Iterable[Extract], now: datetime) -> None:
    """Refuse extracts that would leave a gap in an incremental table; no later run would fill it.

    Somebody may have deleted the table's latest rows, or the whole file, while the workspace was read.

    Raises:
        LoadError: A table ends before the window that was read begins.
    """
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
    """Return whether the extract covers less than a full read."""
    if not extract.endpoint.incremental or extract.window is None:
        return False
    whole = default_window(extract.endpoint, now)
    return whole is not None and extract.window.start > whole.start


def _latest(tables: DatasetInspector, endpoint: Endpoint, state: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return the time of the latest row that was not dated ahead when it was read; `None` if unknown."""
    read_at = read_at_of(state, endpoint.name)
    if read_at is None:
        return None
    assert endpoint.time is not None
    latest = tables.latest(endpoint.name, column_name(endpoint.time.column), min(read_at, now))
    return latest.astimezone(timezone.utc) if isinstance(latest, datetime) else None
