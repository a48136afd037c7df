"""How far a table has come that is read in slices of parents, as the destination knows it."""

from datetime import datetime, timedelta

from segment_dagster.endpoints import Endpoint
from segment_dagster.load.inspector import DatasetInspector
from segment_dagster.load.parent_state import parent_states, rows_of_others
from segment_dagster.load.verify import Finding
from segment_dagster.text import pluralize


def coverage(tables: DatasetInspector, endpoint: Endpoint, *, now: datetime, max_age: timedelta) -> Finding:
    """Check that every parent was read, none too long ago, and that no row is of a parent that is gone.

    Rows of a parent that is gone are an error: each run deletes them. The other findings are warnings: a run ends after
    `slow_max_minutes`, and the next one goes on.
    """
    states = parent_states(tables, endpoint)
    if not states:
        return Finding(passed=True, description="It is read in one piece: all parents at once.")
    read = [state.read_at for state in states.values() if state.read_at]
    never = len(states) - len(read)
    old = 0 if endpoint.changes_with_parent else sum(each < now - max_age for each in read)
    gone = sum(rows_of_others(tables, endpoint, states).values())
    oldest = min(read, default=None)
    problems = [f"{pluralize(gone, 'row')} of parents that are gone"] if gone else []
    problems += [f"{pluralize(never, 'parent')} never read"] if never else []
    problems += [f"{pluralize(old, 'parent')} read more than {max_age.days} days ago"] if old else []
    since = f", the oldest at {oldest:%Y-%m-%d %H:%M}" if oldest else ""
    return Finding(
        passed=not problems,
        warns=not gone,
        description=f"{len(read):,} of {pluralize(len(states), 'parent')} read{since}"
        + (f", but {', '.join(problems)}." if problems else "."),
        metadata={
            "parents": len(states),
            "read": len(read),
            "left": never + old,
            "rows_of_gone_parents": gone,
            **({"oldest": oldest.isoformat()} if oldest else {}),
        },
    )
