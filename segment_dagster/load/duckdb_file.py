"""The DuckDB file: dlt's settings for it, opening it, and limits of memory and threads."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from dlt.common.configuration import resolve_configuration
from dlt.common.exceptions import DltException

from segment_dagster._compat.duckdb_errors import bytes_of, is_out_of_memory
from segment_dagster.errors import SettingError

if TYPE_CHECKING:
    from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
    from duckdb import DuckDBPyConnection

    from segment_dagster.extract.result import Extract
    from segment_dagster.extract.spool import SpooledFile

DUCKDB_FILE = "segment.duckdb"
"""The default DuckDB file, in the working directory."""

OPEN: dict[Path, "DuckDBPyConnection"] = {}
"""The DuckDB files that this process has open, by resolved path. Closing another handle of one would release DuckDB's
lock on it, because POSIX locks belong to the process."""

MEMORY_LIMIT = 160 * 1024 * 1024
"""Bytes of memory that DuckDB gets at least; it caches in all the memory it may use. Two million rows load no faster
with ten times as much."""

ROWS_PER_GROUP = 122_880
"""Rows of a table that DuckDB buffers before it writes them."""

MAX_MEMORY = 4 * 1024 * 1024 * 1024
"""Bytes of memory that DuckDB gets at most, if it runs out and the limit is raised."""

COLUMNS = 100
"""Columns of a table for which `MEMORY_LIMIT` is enough."""

BYTES_PER_COLUMN = 3 * 256 * 1024
"""Bytes for each further column: DuckDB holds some blocks of it while a table is swapped. 1,000 columns need between
450 and 700 MB, 1,600 columns more than 700."""

BYTES_PER_PAGE = 8 * 1024 * 1024
"""Bytes of a row group of a file for which `MEMORY_LIMIT` is enough."""

COPIES = 8
"""How many copies DuckDB may hold of the bytes beyond `BYTES_PER_PAGE`, in powers of two: one text of 30 MB needs
between 200 and 300 MB, two of them between 300 and 450."""


def credentials(name: str = "duckdb") -> "DuckDbCredentials":
    """Return dlt's settings for DuckDB.

    Args:
        name: dlt's name of the destination.

    Raises:
        SettingError: The settings cannot be used.
    """
    # imported here, because the code location should not import DuckDB
    from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

    try:
        return resolve_configuration(DuckDbCredentials(), sections=("destination", name), accept_partial=True)
    except DltException as error:
        remedy = f"Set it to the path of a file; without it the file is {DUCKDB_FILE} in the working directory."
        raise SettingError(credentials_setting(name), f"cannot be used ({type(error).__name__})", remedy) from error


def credentials_setting(name: str) -> str:
    """Return the environment variable of dlt's credentials of a destination.

    Args:
        name: dlt's name of the destination.
    """
    return f"DESTINATION__{name.upper()}__CREDENTIALS"


def connect(file: Path, name: str = "duckdb") -> "DuckDBPyConnection":
    """Open a DuckDB file, or create one that only its owner can read.

    dlt's own settings of threads and memory apply to dlt's connections.

    Args:
        file: The file.
        name: dlt's name of the destination.

    Raises:
        duckdb.Error: The file cannot be opened.
    """
    import duckdb

    # two connections of one process must have the same configuration
    configured = credentials(name).global_config or {}
    new = not file.exists()
    connection = duckdb.connect(
        str(file), config={name: value for name, value in configured.items() if name == "custom_user_agent"}
    )
    if new:
        file.chmod(0o600)
    # each thread buffers its own group of rows, and one is fast enough: the API delivers some 30,000 rows a second,
    # and DuckDB loads 180,000
    connection.execute("SET GLOBAL threads = 1")
    # by default the allocator keeps up to 128 and 512 MB of freed memory: 40 MB at the end of a million rows
    connection.execute("SET GLOBAL allocator_flush_threshold = '8MB'")
    connection.execute("SET GLOBAL allocator_bulk_deallocation_flush_threshold = '8MB'")
    _set_memory_limit(connection, MEMORY_LIMIT)
    return connection


def memory_needed(extracts: Iterable["Extract"], made: Iterable["SpooledFile"] = ()) -> int:
    """Return the bytes of memory that DuckDB needs: more than `MEMORY_LIMIT` for large rows or many columns.

    Args:
        extracts: The extracts to load.
        made: Files with the rows of a derived table.
    """
    loaded = list(extracts)
    parts = [part for part in chain(made, *(extract.parts for extract in loaded)) if part.rows]
    groups = (part.bytes * min(part.rows, ROWS_PER_GROUP) // part.rows for part in parts)
    excess = max([0, *(part.largest - BYTES_PER_PAGE for part in parts)])
    columns = max([0, *(_most_columns(extract) for extract in loaded)])
    return max([MEMORY_LIMIT, *groups]) + COPIES * excess + _bytes_for_columns(columns)


def set_memory_limit(file: Path, room: int) -> None:
    """Set DuckDB's memory limit for an open file, in bytes. The widest table in the file adds to it."""
    _set_memory_limit(OPEN[file.resolve()], room)


def raise_memory_limit(file: Path, failure: BaseException, name: str = "duckdb") -> bool:
    """Double DuckDB's memory limit for an open file, if it ran out of memory.

    Args:
        file: The file.
        failure: What dlt raised.
        name: dlt's name of the destination.

    Returns:
        Whether the limit was raised, so that another attempt makes sense.
    """
    connection = OPEN.get(file.resolve())
    if connection is None or not is_out_of_memory(failure):
        return False
    # a limit in dlt's own settings is not changed
    if "memory_limit" in (credentials(name).global_config or {}):
        return False
    ((limit,),) = connection.execute("SELECT value FROM duckdb_settings() WHERE name = 'memory_limit'").fetchall()
    room = 2 * bytes_of(limit)
    if room > MAX_MEMORY:
        return False
    connection.execute(f"SET GLOBAL memory_limit = '{room // 1024}KiB'")
    return True


def _most_columns(extract: "Extract") -> int:
    """Return the most columns that the table can have after the load."""
    plain = min((len(part.columns) for part in extract.parts), default=0)
    undeclared = any(len(part.columns) > plain for part in extract.parts)
    return plain + (extract.max_undeclared_columns if undeclared else 0)


def _bytes_for_columns(columns: int) -> int:
    return BYTES_PER_COLUMN * max(0, columns - COLUMNS)


def _set_memory_limit(connection: "DuckDBPyConnection", room: int) -> None:
    ((widest,),) = connection.execute("SELECT max(column_count) FROM duckdb_tables()").fetchall()
    room += _bytes_for_columns(widest or 0)
    connection.execute(f"SET GLOBAL memory_limit = '{room // 1024}KiB'")
