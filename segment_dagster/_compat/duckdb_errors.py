"""Read what DuckDB says in text alone: who has locked a file, that memory ran out, how much a limit is.

Private to: DuckDB 1.4 to 1.5 (the text of the error for a locked file, and of the value of `memory_limit`) and dlt
1.31, which keeps a driver's error in `dbapi_exception`.

If it changes: a run that waits for the DuckDB file fails at once, and names nobody; or a load that lacks memory fails,
though a second attempt with more would do.
"""

import re

_LOCKED = re.compile(r"Could not set lock on file .*?: (?:Conflicting lock is held in (.+?) \(PID (\d+)\))?")


def holder_of(failure: BaseException) -> str | None:
    """Return who has the DuckDB file that could not be opened: `python3.11 (process 123)`; `None` if nobody has.

    Args:
        failure: What DuckDB raised. It names the process where the system tells it, a reader like a writer.
    """
    locked = _LOCKED.search(" ".join(str(failure).split()))
    if locked is None:
        return None
    program, process = locked.groups()
    return f"{program} (process {process})" if program else "another process"


def is_out_of_memory(failure: BaseException) -> bool:
    """Return whether an error of dlt's repeats that DuckDB had too little memory. DuckDB is not imported for it."""
    return type(getattr(failure, "dbapi_exception", None)).__name__ == "OutOfMemoryException"


def bytes_of(size: str) -> int:
    """Return the bytes of a size as DuckDB writes it: `160.0 MiB`."""
    number, unit = size.split()
    return int(float(number) * 1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(unit))
