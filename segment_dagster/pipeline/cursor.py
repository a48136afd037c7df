"""From when on the tables that grow are read again."""

from collections.abc import Iterable
from datetime import datetime, timezone

from segment_dagster.endpoints import Endpoint, TimeRange
from segment_dagster.pipeline.place import Place
from segment_dagster.pipeline.tables import open_tables
from segment_dagster.settings import present
from segment_dagster.source.columns import column_name
from segment_dagster.source.times import Window


def windows_since(place: Place, endpoints: Iterable[Endpoint]) -> dict[str, Window]:
    """What is to be read of the incremental endpoints, by their names: from a while before their latest rows.

    The tables themselves are asked: a run that dies, before it has loaded or while it does, changes nothing, and a
    table that was dropped is read from the beginning. An endpoint without rows is left out. A row of a time that has
    not come, of a clock that was wrong, does not count: what happens until then would never be read.
    """
    incremental = [endpoint for endpoint in endpoints if endpoint.incremental]
    if not incremental:
        return {}
    windows, now = {}, present() or datetime.now(timezone.utc)
    with open_tables(place) as tables:
        for endpoint in incremental:
            time = endpoint.time
            assert isinstance(time, TimeRange) and time.overlap is not None
            latest = tables.latest(endpoint.name, column_name(time.column), now)
            if isinstance(latest, datetime):
                windows[endpoint.name] = Window(latest.astimezone(timezone.utc) - time.overlap)
    return windows
