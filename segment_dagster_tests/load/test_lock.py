"""Who waits for whom: runs of any home for each other, and all of them for whoever has the DuckDB file open."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb
import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Fault
from segment_dagster.errors import SettingError
from segment_dagster.extract.resources import segment_source
from segment_dagster.load import LoadError, destination_lock, inspect_dataset, load, preflight, resolve_destination
from segment_dagster_tests.logged_lines import logged_lines
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

CREDENTIALS = "DESTINATION__DUCKDB__CREDENTIALS"
SCRIPT = Path(__file__).parents[2] / "segment_pipeline.py"
HOLDERS = {
    "a writer": "duckdb.connect('segment.duckdb')",
    "a reader": "duckdb.connect('segment.duckdb', read_only=True)",
    "a run": "destination_lock(resolve_destination(DestinationSettings()))",
}
"""How other processes have the file, each in a home of its own."""

HOLD = """
import sys
import duckdb
from segment_dagster.config import DestinationSettings
from segment_dagster.load import destination_lock, resolve_destination
with {}:
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by(kind, tmp_path):
    """Another process that has the file until its input ends."""
    code = HOLD.format(HOLDERS[kind])
    own = {**os.environ, "DLT_DATA_DIR": str(tmp_path / "home of another")}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.stdin.close()
            process.wait(60)


told = partial(logged_lines, "segment_dagster.load.local_lock")


def load_some(*names):
    load(segment_source(endpoints=names or ["warehouses"]), resolve_destination(DestinationSettings()), now=utc_now())


def count(table="warehouses"):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(f"SELECT count(*) FROM segment_data.{table}").fetchall()[0][0]


def connects():
    """Whether another process could open the file."""
    code = "import duckdb; duckdb.connect('segment.duckdb')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0


@pytest.mark.parametrize("kind", often(HOLDERS, 1))
def test_a_load_waits_for_whoever_has_the_file_and_loses_nothing(kind, emulator, tmp_path):
    load_some()
    with held_by(kind, tmp_path) as holder, told(then=holder.stdin.close) as lines:
        load_some("sources")
    assert count("sources") == 40
    (line,) = lines
    assert line.startswith(f"{Path.cwd()}/segment.duckdb is in use by {'another run, ' if kind == 'a run' else ''}/")
    assert "python" in line
    assert line.endswith(f" (process {holder.pid}): waiting for it, up to 600 s")


@pytest.mark.parametrize("kind", often(HOLDERS, 1))
def test_looking_at_the_tables_waits_for_the_lock(kind, emulator, tmp_path):
    load_some()
    with (
        held_by(kind, tmp_path) as holder,
        told(then=holder.stdin.close) as lines,
        inspect_dataset(resolve_destination(DestinationSettings())) as tables,
    ):
        assert tables.count("warehouses") == 3
    assert len(lines) == 1


@pytest.mark.parametrize("kind", often(HOLDERS, 1))
def test_whoever_has_it_too_long_is_named_in_one_line(kind, emulator, tmp_path, monkeypatch):
    load_some()
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.25")
    with held_by(kind, tmp_path) as holder:
        for attempt in (
            load_some,
            lambda: preflight(resolve_destination(DestinationSettings()), (), now=utc_now()),
            lambda: inspect_dataset(resolve_destination(DestinationSettings())).__enter__(),
        ):
            with pytest.raises(LoadError) as caught:
                attempt()
            text = str(caught.value)
            assert text.splitlines() == [text]
            assert text.startswith(f"{Path.cwd()}/segment.duckdb is locked by ")
            assert f"(process {holder.pid}), and was for 0.25 s: one process at a time can load." in text
            assert "SEGMENT_LOCK_TIMEOUT" in text and CREDENTIALS in text
            assert ("another run" in text) == (kind == "a run")
    load_some()
    assert count() == 3


def test_a_link_leads_to_the_same_lock(emulator, tmp_path, monkeypatch):
    load_some()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.duckdb").symlink_to(Path.cwd() / "segment.duckdb")
    here = resolve_destination(DestinationSettings())
    monkeypatch.setenv(CREDENTIALS, str(tmp_path / "elsewhere" / "link.duckdb"))
    assert (
        resolve_destination(DestinationSettings()).lock_file
        == here.lock_file
        == Path.cwd().resolve() / "segment.duckdb.lock"
    )
    monkeypatch.setenv(CREDENTIALS, f"{tmp_path}/elsewhere/../{Path.cwd().name}/segment.duckdb")
    assert resolve_destination(DestinationSettings()).lock_file == here.lock_file
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.01")
    monkeypatch.setenv(CREDENTIALS, str(tmp_path / "elsewhere" / "link.duckdb"))
    with held_by("a run", tmp_path), pytest.raises(LoadError, match=r"link\.duckdb is locked by another run"):
        load_some()
    load_some("sources")
    monkeypatch.delenv(CREDENTIALS)
    assert count("sources") == 40


def test_no_lock_file_is_left_behind(emulator):
    load_some()
    preflight(resolve_destination(DestinationSettings()), (), now=utc_now())
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        assert tables.count("warehouses") == 3
        assert Path("segment.duckdb.lock").exists()
    assert [path.name for path in Path.cwd().iterdir()] == ["segment.duckdb"]


def test_the_lock_file_of_a_run_that_was_killed_is_no_harm(emulator, tmp_path):
    load_some()
    with held_by("a run", tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(60)
        assert Path("segment.duckdb.lock").exists()
        with told() as lines:
            load_some("sources")
    assert lines == []
    assert [path.name for path in Path.cwd().iterdir()] == ["segment.duckdb"]


def test_whoever_loads_may_look_meanwhile_and_nobody_else(emulator):
    load_some()
    with destination_lock(resolve_destination(DestinationSettings())):
        assert not connects()
        with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
            assert tables.count("warehouses") == 3
        assert not connects(), "the look has closed its connection, and the file is still held"
    assert connects()


def test_settling_does_not_let_go_of_a_file_that_is_held(emulator):
    load_some()
    with destination_lock(resolve_destination(DestinationSettings())):
        resolve_destination(DestinationSettings())
        assert not connects(), "closing a second handle would end the lock that DuckDB has on the file"


def test_a_file_that_another_run_is_making_is_none_that_cannot_be_used(emulator):
    Path("segment.duckdb").touch()
    with pytest.raises(SettingError, match="which is not a DuckDB file"):
        resolve_destination(DestinationSettings())
    Path("segment.duckdb.lock").touch()
    assert resolve_destination(DestinationSettings()).file == Path.cwd() / "segment.duckdb"


def test_a_file_that_duckdb_cannot_open_is_told(emulator):
    Path("segment.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 100)
    with pytest.raises(LoadError) as caught:
        preflight(resolve_destination(DestinationSettings()), (), now=utc_now())
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith("dlt failed at the step 'open' on duckdb (")
    assert [path.name for path in Path.cwd().iterdir()] == ["segment.duckdb"]


def test_a_directory_in_which_no_lock_can_be_made_is_told(emulator):
    load_some()
    destination = resolve_destination(DestinationSettings())
    Path("segment.duckdb.lock").mkdir()
    with pytest.raises(SettingError) as caught:
        preflight(destination, (), now=utc_now())
    said = f"{CREDENTIALS} leads to {Path.cwd()}, where segment.duckdb.lock cannot be made ("
    assert str(caught.value).startswith(said)


def test_a_directory_that_was_moved_away_is_told_and_not_made_again(emulator, tmp_path):
    load_some()
    destination = resolve_destination(DestinationSettings())
    assert destination.file is not None
    directory = destination.file.parent
    directory.rename(tmp_path / "moved")
    with pytest.raises(SettingError) as caught:
        preflight(destination, (), now=utc_now())
    said = f"{CREDENTIALS} leads to {directory}, where segment.duckdb.lock cannot be made (No such file"
    assert str(caught.value).startswith(said)
    assert not directory.exists()


def test_nothing_is_held_while_the_workspace_is_read(emulator):
    load_some()
    # longer than a test may take: the script reads until it is told to stop
    emulator.faults.add(Fault("slow", "sources", value=300))
    emulator.stats.clear()
    with subprocess.Popen(
        [sys.executable, SCRIPT, "sources"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as script:
        # whom the token belongs to has been answered; what is asked next is the list
        for seen in (lambda: emulator.stats.total, lambda: emulator.stats.most_open):
            while not seen():
                with pytest.raises(subprocess.TimeoutExpired):
                    script.wait(0.05)
            emulator.stats.clear()
        with told() as lines:
            load_some()
        script.terminate()
        script.communicate(timeout=60)
    assert lines == []
    assert connects()


def test_threads_take_turns(emulator):
    load_some()
    order = []

    def look():
        with destination_lock(resolve_destination(DestinationSettings())):
            order.append("the thread")

    with destination_lock(resolve_destination(DestinationSettings())):
        thread = threading.Thread(target=look)
        with told() as lines:
            thread.start()
            while not lines:
                thread.join(0.01)
        order.append("whoever came first")
    thread.join(60)
    assert order == ["whoever came first", "the thread"]
    assert lines == [f"{Path.cwd()}/segment.duckdb is in use by another run: waiting for it, up to 600 s"]
