"""What dlt and the destinations say when something fails, as one line that a person can act on."""

import re

from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.destinations.exceptions import DestinationConnectionError

from segment_dagster.errors import SegmentError
from segment_dagster.pipeline.credentials import driver_errors, hidden
from segment_dagster.pipeline.duckdb_file import CREDENTIALS
from segment_dagster.pipeline.place import Place

MAX_QUOTE = 300
"""Characters of the destination's own message that an error repeats."""

_LOCKED = re.compile(r"Could not set lock on file .*?: (?:Conflicting lock is held in (.+?) \(PID (\d+)\))?")


_NO_ROOM = re.compile(r"No space left|File too large|[Dd]isk quota|disk is full")
"""What the system says of ENOSPC, EFBIG and EDQUOT; DuckDB and Arrow quote it."""


class LoadError(SegmentError):
    """dlt could not load what was read, or could not look at what is there."""


def explain(failure: BaseException, step: str, place: Place) -> str:
    """The line for a failure of dlt.

    Args:
        failure: What was raised; the cause at its root counts.
        step: What was being done: open, connect, read, sync, extract, normalize, load, or run for any of dlt's.
        place: Where.
    """
    cause = failure
    # what dlt was handling when the system refused it something is not why
    while deeper := cause.__cause__ or (None if isinstance(cause, OSError) else cause.__context__):
        cause = deeper
        if isinstance(cause, SegmentError):
            return str(cause)
    reason = hidden(" ".join(str(cause).split()), place.secrets)
    if who := holder_of(cause):
        return (
            f"{place.file} is locked by {who}: DuckDB lets one process write at a time. "
            f"Close it there, or set {CREDENTIALS} to another file."
        )
    if step == "connect" or isinstance(failure, (DestinationConnectionError, *driver_errors(place.facts.driver))):
        setting = f"DESTINATION__{place.destination.upper()}__CREDENTIALS"
        reason = reason[:MAX_QUOTE].rstrip(".")
        return (
            f"{place.destination} cannot be reached, or lets nobody in ({type(cause).__name__}): {reason}. "
            f"See whether it is up, and what {setting} and its like say."
        )
    said = f"dlt failed at the step {step!r} on {place.destination} ({type(cause).__name__}): {reason[:MAX_QUOTE]}"
    if _NO_ROOM.search(reason):
        pipelines = get_dlt_pipelines_dir()
        rooms = f"{pipelines}, which DLT_DATA_DIR moves" + (f", and at {place.file}" if place.file else "")
        said += f". There is no room left: make some in {rooms}. Each table is whole: the old rows or the new ones."
    return said


def holder_of(failure: BaseException) -> str | None:
    """Who has the DuckDB file that could not be opened: `python3.11 (process 123)`; `None` if that was not the reason.

    Args:
        failure: What DuckDB raised. It names the process where the system tells it, a reader like a writer.
    """
    locked = _LOCKED.search(" ".join(str(failure).split()))
    if locked is None:
        return None
    program, process = locked.groups()
    return f"{program} (process {process})" if program else "another process"
