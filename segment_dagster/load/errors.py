"""Translate errors of dlt and the destinations into one line that says what to do."""

import re
from collections.abc import Iterator

from dlt.common.destination.exceptions import WithJobError
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.destinations.exceptions import DestinationConnectionError

from segment_dagster._compat.duckdb_errors import holder_of
from segment_dagster.errors import SegmentError
from segment_dagster.load.credentials import driver_errors, mask_secrets
from segment_dagster.load.destination import Destination

MAX_QUOTE = 300
"""Characters of the destination's own message that an error quotes."""

_NO_ROOM = re.compile(r"No space left|File too large|[Dd]isk quota|disk is full")
"""The system's messages for ENOSPC, EFBIG and EDQUOT; DuckDB and Arrow quote them."""


_EVERYTHING = re.compile(
    r"permission denied (for|to) (schema|database|dataset)|read-only|has been invalidated|server closed the connection",
    re.IGNORECASE,
)
"""Messages of a destination into which no table can be loaded."""

_SQLSTATES = ("08", "28", "3D", "57P", "25006", "53100", "53300")
"""Prefixes of the SQLSTATE of such errors: no connection, login or database, shutting down, read-only, full."""


_PASSING = ("08", "40", "53300", "55P03", "57P")
"""Prefixes of the SQLSTATE of errors that pass: connection lost, conflict or deadlock, too many connections, locked,
shutting down."""

_REFUSED = re.compile(r"authentication|password|does not exist|permission|denied|unauthorized|forbidden", re.IGNORECASE)
"""Messages of a connection that no other attempt gets."""


class LoadError(SegmentError):
    """dlt could not load the extracts, or could not read the destination.

    Args:
        message: The message, in one line.
        table: The table that failed, if known.
        everything: Whether the whole destination failed, so that no other table can be loaded either.
        refused: Whether the message only quotes the destination or dlt, without a remedy.
        retryable: Whether another attempt may help.
    """

    def __init__(
        self,
        message: str,
        *,
        table: str | None = None,
        everything: bool = False,
        refused: bool = False,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.table = table
        self.everything = everything
        self.refused = refused
        self.retryable = retryable


def load_error(failure: BaseException, step: str, destination: Destination) -> LoadError:
    """Return the `LoadError` for a failure of dlt. The arguments are those of `format_load_error`."""
    chain = list(_causes(failure))
    return LoadError(
        format_load_error(failure, step, destination),
        table=next(filter(None, map(_table, chain)), None),
        everything=step in ("sync", "connect") or any(map(_is_everything, chain)),
        refused=not any(isinstance(error, SegmentError) for error in chain),
        retryable=is_retryable(failure, step, destination),
    )


def format_load_error(failure: BaseException, step: str, destination: Destination) -> str:
    """Return the message for a failure of dlt, in one line.

    Args:
        failure: The exception; the message is about its root cause.
        step: The step that failed: open, connect, read, sync, extract, normalize, load, or run for any step of dlt.
        destination: The destination.
    """
    for cause in _causes(failure):
        if isinstance(cause, SegmentError) and cause is not failure:
            return str(cause)
    reason = mask_secrets(" ".join(str(cause).split()), destination.secrets)
    if who := holder_of(cause):
        return (
            f"{destination.file} is locked by {who}: DuckDB lets one process write at a time. "
            f"Close it there, or set {destination.credentials_setting} to another file."
        )
    if _is_connection(failure, step, destination):
        reason = reason[:MAX_QUOTE].rstrip(".")
        return (
            f"{destination.type} cannot be reached, or lets nobody in ({type(cause).__name__}): {reason}. "
            f"See whether it is up, and what {destination.credentials_setting} and its like say."
        )
    message = f"dlt failed at the step {step!r} on {destination.type} ({type(cause).__name__}): {reason[:MAX_QUOTE]}"
    if _NO_ROOM.search(reason):
        pipelines = get_dlt_pipelines_dir()
        places = f"{pipelines}, which DLT_DATA_DIR moves" + (f", and at {destination.file}" if destination.file else "")
        message += f". There is no room left: make some in {places}. Each table is whole: the old rows or the new ones."
    return message


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """Yield a failure and its causes. The last one is the root cause."""
    yield failure
    # the context of an OSError is what dlt was handling at that moment, and not its cause
    while deeper := failure.__cause__ or (None if isinstance(failure, OSError) else failure.__context__):
        failure = deeper
        yield failure


def is_retryable(failure: BaseException, step: str, destination: Destination) -> bool:
    """Return whether another attempt may help: against a lock, a lost connection or a conflict with another session.

    Args:
        failure: What dlt or a driver raised.
        step: The step that failed, as for `format_load_error`.
        destination: The destination.
    """
    chain = list(_causes(failure))
    if any(isinstance(error, SegmentError) and error.retryable for error in chain) or holder_of(chain[-1]):
        return True
    if state := getattr(chain[-1], "pgcode", None):
        return str(state).startswith(_PASSING)
    # dlt's own message speaks of wrong passwords whatever happened
    return _is_connection(failure, step, destination) and not _REFUSED.search(str(chain[-1]))


def _is_connection(failure: BaseException, step: str, destination: Destination) -> bool:
    """Return whether the destination could not be connected to, or the connection was lost."""
    kinds: tuple[type[BaseException], ...] = (
        DestinationConnectionError,
        *driver_errors(destination.capabilities.driver),
    )
    return step == "connect" or isinstance(failure, kinds)


def _table(error: BaseException) -> str | None:
    """Return the table that an error of dlt names, if any."""
    if isinstance(error, WithJobError):
        return str(error.job_id).split(".", 1)[0]
    for name in ("root_table_name", "resource_name", "table_name"):
        if table := getattr(error, name, None):
            return str(table)
    return None


def _is_everything(error: BaseException) -> bool:
    """Return whether an error is about the destination as a whole."""
    if isinstance(error, DestinationConnectionError) or holder_of(error):
        return True
    if isinstance(error, WithJobError):
        # its message contains the traceback
        return False
    state = getattr(error, "pgcode", None)
    message = str(error)
    return bool((state and state.startswith(_SQLSTATES)) or _NO_ROOM.search(message) or _EVERYTHING.search(message))
