"""The DuckDB file: dlt's settings of it, and how a run has it open, in bounds of memory and threads."""

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

CREDENTIALS = "DESTINATION__DUCKDB__CREDENTIALS"

OPEN: dict[Path, "DuckDBPyConnection"] = {}
"""The DuckDB files that this process has open, without links. To close another handle of one would end DuckDB's lock on
it: so it is with the locks of POSIX."""

MEMORY_LIMIT = 160 * 1024 * 1024
"""Bytes of memory that DuckDB gets at least: it fills whatever it is given with what it may need again. Two million
rows load in it no slower than in ten times as much."""

ROWS_PER_GROUP = 122_880
"""Rows of a table that DuckDB holds in memory until it writes them."""

MAX_MEMORY = 4 * 1024 * 1024 * 1024
"""Bytes of memory that it gets at most where it asks for more than was thought."""

COLUMNS = 100
"""Columns of a table for which `ROOM` is enough."""

BYTES_PER_COLUMN = 3 * 256 * 1024
"""Bytes for each further one: DuckDB holds some blocks of it while a table is swapped. 1,000 columns need between 450
and 700 MB, 1,600 columns more than 700."""

BYTES_PER_PAGE = 8 * 1024 * 1024
"""Bytes of a row group of a file for which `ROOM` is enough."""

COPIES = 8
"""How often DuckDB may hold what goes beyond them, in powers of two: one text of 30 MB needs between 200 and 300 MB,
two of them between 300 and 450."""


def credentials() -> "DuckDbCredentials":
    """The settings of DuckDB that are dlt's own.

    Raises:
        SettingError: They cannot be used.
    """
    # here, because the code location should not import DuckDB
    from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

    try:
        return resolve_configuration(DuckDbCredentials(), sections=("destination", "duckdb"), accept_partial=True)
    except DltException as error:
        remedy = f"Set it to the path of a file; without it the file is {DUCKDB_FILE} in the working directory."
        raise SettingError(CREDENTIALS, f"cannot be used ({type(error).__name__})", remedy) from error


def connect(file: Path) -> "DuckDBPyConnection":
    """Open a file, or make it for its owner alone.

    What dlt's own settings say of threads and memory counts for dlt's connections.

    Raises:
        duckdb.Error: It cannot be opened.
    """
    import duckdb

    # who opens a file twice must open it alike
    given = credentials().global_config or {}
    new = not file.exists()
    connection = duckdb.connect(
        str(file), config={name: value for name, value in given.items() if name == "custom_user_agent"}
    )
    if new:
        file.chmod(0o600)
    # each thread holds a group of rows of its own, and one alone is as fast: rows come in from the API at some 30,000 a
    # second, and go in at 180,000
    connection.execute("SET GLOBAL threads = 1")
    # what it has freed it would keep, up to 128 and 512 MB: with a million rows 40 MB of that are there at the end
    connection.execute("SET GLOBAL allocator_flush_threshold = '8MB'")
    connection.execute("SET GLOBAL allocator_bulk_deallocation_flush_threshold = '8MB'")
    _memory_setting(connection, MEMORY_LIMIT)
    return connection


def memory_needed(extracts: Iterable["Extract"], made: Iterable["SpooledFile"] = ()) -> int:
    """Bytes of memory that DuckDB needs for rows: more than `ROOM` where they are large or have many columns.

    Args:
        extracts: What came.
        made: Rows of a table that is made of others.
    """
    held = list(extracts)
    parts = [part for part in chain(made, *(extract.parts for extract in held)) if part.rows]
    groups = (part.bytes * min(part.rows, ROWS_PER_GROUP) // part.rows for part in parts)
    beyond = max([0, *(part.largest - BYTES_PER_PAGE for part in parts)])
    columns = max([0, *(_most_columns(extract) for extract in held)])
    return max([MEMORY_LIMIT, *groups]) + COPIES * beyond + _room_for_columns(columns)


def set_memory_limit(file: Path, room: int) -> None:
    """Let DuckDB have so many bytes of memory, in a file that is open, and more for the widest table that it holds."""
    _memory_setting(OPEN[file.resolve()], room)


def raise_memory_limit(file: Path, failure: BaseException) -> bool:
    """Let DuckDB have twice as much memory where it failed for want of it, in a file that is open.

    Args:
        file: The file.
        failure: What dlt raised.

    Returns:
        Whether it is worth another attempt.
    """
    connection = OPEN.get(file.resolve())
    if connection is None or not is_out_of_memory(failure):
        return False
    # what dlt's own settings say counts
    if "memory_limit" in (credentials().global_config or {}):
        return False
    ((limit,),) = connection.execute("SELECT value FROM duckdb_settings() WHERE name = 'memory_limit'").fetchall()
    room = 2 * bytes_of(limit)
    if room > MAX_MEMORY:
        return False
    connection.execute(f"SET GLOBAL memory_limit = '{room // 1024}KiB'")
    return True


def _most_columns(extract: "Extract") -> int:
    """The columns that the table has once this is loaded, at most."""
    plain = min((len(part.columns) for part in extract.parts), default=0)
    undeclared = any(len(part.columns) > plain for part in extract.parts)
    return plain + (extract.max_undeclared_columns if undeclared else 0)


def _room_for_columns(columns: int) -> int:
    return BYTES_PER_COLUMN * max(0, columns - COLUMNS)


def _memory_setting(connection: "DuckDBPyConnection", room: int) -> None:
    ((widest,),) = connection.execute("SELECT max(column_count) FROM duckdb_tables()").fetchall()
    room += _room_for_columns(widest or 0)
    connection.execute(f"SET GLOBAL memory_limit = '{room // 1024}KiB'")
