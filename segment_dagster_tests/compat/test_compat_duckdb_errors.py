"""What `_compat/duckdb_errors.py` takes for granted of DuckDB's texts."""

import subprocess
import sys

import duckdb
import pytest
from dlt.destinations.exceptions import DatabaseTransientException

from segment_dagster._compat.duckdb_errors import bytes_of, holder_of, is_out_of_memory

BREAKS = "see segment_dagster/_compat/duckdb_errors.py"
HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "any.duckdb")


def test_duckdb_names_the_process_that_has_locked_a_file(file):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        with pytest.raises(duckdb.Error) as caught:
            duckdb.connect(file)
        process.communicate("")
    holder = holder_of(caught.value)
    assert holder, f"DuckDB says in other words that a file is locked, a run does not wait any more: {BREAKS}"
    assert f"process {process.pid}" in holder, f"DuckDB does not name who has the file: {BREAKS}"


def test_another_failure_is_no_lock(tmp_path):
    (tmp_path / "no.duckdb").write_text("x" * 100)
    with pytest.raises(duckdb.Error) as caught:
        duckdb.connect(str(tmp_path / "no.duckdb"))
    assert holder_of(caught.value) is None


def test_duckdb_raises_its_own_error_where_memory_runs_out(file):
    # `temp_directory` empty: it may not write to disk what it has no memory for
    with duckdb.connect(file) as connection:
        connection.execute("SET memory_limit = '4MB'; SET temp_directory = ''")
        with pytest.raises(duckdb.Error) as caught:
            connection.execute("CREATE TABLE t AS SELECT i, repeat('x', 1000) || i AS text FROM range(100000) r(i)")
            connection.execute("SELECT * FROM t ORDER BY text").fetchall()
    failure = DatabaseTransientException(caught.value)
    assert is_out_of_memory(failure), f"DuckDB raises {type(caught.value).__name__} without memory: {BREAKS}"
    assert not is_out_of_memory(DatabaseTransientException(duckdb.BinderException("other")))


@pytest.mark.parametrize("kib", [512, 1024, 163840, 4 * 1024 * 1024])
def test_duckdb_writes_a_limit_as_a_number_and_a_unit(kib, file):
    with duckdb.connect(file) as connection:
        connection.execute(f"SET memory_limit = '{kib}KiB'")
        ((limit,),) = connection.execute("SELECT value FROM duckdb_settings() WHERE name = 'memory_limit'").fetchall()
    assert bytes_of(limit) == kib * 1024, f"DuckDB writes {limit!r} for {kib} KiB: {BREAKS}"
