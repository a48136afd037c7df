"""Runs of `segment_pipeline`: findable from anywhere, one at a time, and clear about what stopped them."""

import logging
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dlt
import duckdb
import pytest
from dlt.common.pipeline import get_dlt_pipelines_dir
from filelock import FileLock

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Fault
from segment_dagster.errors import SettingError
from segment_dagster.extract.resources import segment_source
from segment_dagster.load import LoadError, inspect_dataset, load, resolve_destination
from segment_dagster.load.pipeline import locked_pipeline

pytestmark = pytest.mark.slow

FIND = """
import dlt
dataset = dlt.pipeline("segment_pipeline").dataset()
print(len(dataset["warehouses"].fetchall()))
"""


def source_of(*names, **arguments):
    return segment_source(endpoints=names, **arguments)


def python(code, directory, **environment):
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def count(table, file="segment.duckdb"):
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.sql(f"SELECT count(*) FROM segment_data.{table}").fetchall()[0][0]


@pytest.fixture
def elsewhere(tmp_path):
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    return directory


@contextmanager
def locked_by_another_process(file):
    code = (
        f"import duckdb, sys; connection = duckdb.connect({str(file)!r}); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(30)


def test_the_rows_are_found_by_the_pipelines_name_from_anywhere(emulator, elsewhere):
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    assert python(FIND, elsewhere) == "3\n"
    assert list(elsewhere.iterdir()) == []


@pytest.mark.long
def test_the_file_is_dlts_where_dlts_setting_says(emulator, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "moved.duckdb"))
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    assert count("warehouses", tmp_path / "moved.duckdb") == 3
    monkeypatch.delenv("DESTINATION__DUCKDB__CREDENTIALS")
    assert python(FIND, elsewhere) == "3\n"
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.long
def test_each_working_directory_has_its_own_file(emulator, elsewhere, tmp_path, monkeypatch):
    first = Path.cwd()
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    monkeypatch.chdir(elsewhere)
    load(source_of("warehouses", "sources"), resolve_destination(DestinationSettings()), now=utc_now())
    assert count("warehouses", first / "segment.duckdb") == count("warehouses", elsewhere / "segment.duckdb") == 3
    with pytest.raises(duckdb.CatalogException):
        count("sources", first / "segment.duckdb")
    assert python(FIND, tmp_path) == "3\n"


def test_the_first_working_directory_may_be_gone(emulator, elsewhere, tmp_path, monkeypatch):
    first = Path.cwd()
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    monkeypatch.chdir(elsewhere)
    shutil.rmtree(first)
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    assert count("warehouses", elsewhere / "segment.duckdb") == 3
    assert python(FIND, tmp_path) == "3\n"
    assert not first.exists()


def test_a_file_that_was_deleted_is_made_anew(emulator):
    load(source_of("warehouses", "sources"), resolve_destination(DestinationSettings()), now=utc_now())
    Path("segment.duckdb").unlink()
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    assert count("warehouses") == 3


def test_tables_that_are_not_loaded_stay(emulator):
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    load(source_of("workspace"), resolve_destination(DestinationSettings()), now=utc_now())
    assert (count("warehouses"), count("workspace")) == (3, 1)


def test_other_peoples_tables_in_the_file_stay(emulator):
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(
            "CREATE TABLE mine AS SELECT 7 AS i; CREATE SCHEMA other; CREATE TABLE other.t AS SELECT 8 AS i"
        )
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        assert connection.sql("SELECT * FROM mine, other.t").fetchall() == [(7, 8)]


@pytest.mark.parametrize("dataset", ["a1", "main", "staging"])
def test_the_dataset_is_the_one_that_was_asked_for(dataset, emulator):
    destination = resolve_destination(DestinationSettings(dataset=dataset))
    load(source_of("warehouses"), destination, now=utc_now())
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        assert connection.sql(f"SELECT count(*) FROM {dataset}.warehouses").fetchall() == [(3,)]
    with inspect_dataset(destination) as tables:
        assert tables.count("warehouses") == 3


def test_a_file_that_another_process_holds_is_named_with_its_holder(emulator, monkeypatch):
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.01")
    with locked_by_another_process(Path("segment.duckdb").absolute()) as holder:
        with pytest.raises(LoadError) as caught:
            load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
        text = str(caught.value)
        assert text.splitlines() == [text]
        assert text.startswith(f"{Path.cwd()}/segment.duckdb is locked by ")
        assert "python" in text.partition("(process")[0]
        assert f"(process {holder.pid}), and was for 0.01 s: one process at a time can load." in text
        assert "SEGMENT_LOCK_TIMEOUT" in text
        assert "DESTINATION__DUCKDB__CREDENTIALS" in text
    assert count("warehouses") == 3
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    assert count("warehouses") == 3


def test_what_an_earlier_run_left_half_done_is_not_loaded(emulator):
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    with locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()) as pipeline:
        pipeline.extract(source_of("sources"), loader_file_format="parquet")
        pipeline.normalize()
        assert pipeline.has_pending_data
    load(source_of("workspace"), resolve_destination(DestinationSettings()), now=utc_now())
    assert count("workspace") == 1
    with pytest.raises(duckdb.CatalogException):
        count("sources")


def test_an_endpoint_that_fails_is_told_with_what_happened(emulator):
    emulator.faults.add(Fault("forbidden", "sources"))
    with pytest.raises(LoadError) as caught:
        load(source_of("sources"), resolve_destination(DestinationSettings()), now=utc_now())
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert "sources: GET /sources was refused (403)" in text


def test_an_api_that_cannot_be_reached_is_told_with_what_to_do(emulator, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    emulator.faults.add(Fault("reset", "sources"))
    with pytest.raises(LoadError) as caught:
        load(source_of("sources"), resolve_destination(DestinationSettings()), now=utc_now())
    assert "sources: GET /sources got no whole answer from 127.0.0.1" in str(caught.value)
    assert emulator.token not in str(caught.value)


def test_another_failure_is_told_by_its_step_and_kind_in_one_line():
    @dlt.source(name="broken")
    def broken():
        @dlt.resource(name="things")
        def things():
            raise ZeroDivisionError("one\ntwo " + "x" * 1000)
            yield

        return things

    with pytest.raises(LoadError) as caught:
        load(broken(), resolve_destination(DestinationSettings()), now=utc_now())
    text = str(caught.value)
    assert text.startswith("dlt failed at the step 'extract' on duckdb (ZeroDivisionError): one two xxx")
    assert text.splitlines() == [text]
    assert len(text) < 400


@pytest.fixture
def vanished(tmp_path, monkeypatch):
    """Takes away the working directory."""
    directory = tmp_path / "vanished"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory.rmdir


def test_a_working_directory_that_vanishes_is_told(emulator, tmp_path, monkeypatch, vanished):
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "kept.duckdb"))
    source, destination = source_of("sources"), resolve_destination(DestinationSettings())
    load(source, destination, now=utc_now())
    vanished()
    with pytest.raises(LoadError) as caught:
        load(source_of("sources"), destination, now=utc_now())
    assert str(caught.value).startswith("dlt failed at the step 'run' on duckdb (FileNotFoundError): ")
    with pytest.raises(LoadError, match="at the step 'read'"), inspect_dataset(replace(destination)):
        pass
    assert count("sources", destination.file) == 40


def test_a_file_in_a_working_directory_that_vanished_is_a_bad_setting(vanished):
    vanished()
    with pytest.raises(SettingError, match=r"CREDENTIALS names segment.duckdb in the working directory, which is"):
        resolve_destination(DestinationSettings())


def test_what_is_no_failure_of_dlts_goes_through():
    with pytest.raises(KeyboardInterrupt), locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()):
        raise KeyboardInterrupt
    with locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()) as pipeline:
        assert pipeline.pipeline_name == "segment_pipeline"


@contextmanager
def pipeline_held_by_another_thread():
    """Holds the pipeline until `release` is set."""
    held_lock = FileLock(Path(get_dlt_pipelines_dir()) / "segment_pipeline.lock", thread_local=False)
    Path(held_lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
    held, release = threading.Event(), threading.Event()

    def hold():
        with held_lock:
            held.set()
            release.wait(60)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert held.wait(30)
    try:
        yield release
    finally:
        release.set()
        thread.join(30)


def test_a_run_waits_for_another_to_end(emulator):
    class Release(logging.Handler):
        def emit(self, record):
            waited.append(record.getMessage())
            release.set()

    waited: list[str] = []
    logger = logging.getLogger("segment_dagster.load.local_lock")
    handler, level = Release(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with pipeline_held_by_another_thread() as release:
            load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert waited == ["the pipeline segment_pipeline is in use by another run: waiting for it, up to 600 s"]
    assert count("warehouses") == 3


def test_a_run_waits_no_longer_than_it_says(emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.01")
    with pipeline_held_by_another_thread(), pytest.raises(LoadError) as caught:
        load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith("the pipeline segment_pipeline is locked by another run, and was for 0.01 s: ")
    assert "DLT_DATA_DIR" in text
    assert list(Path.cwd().iterdir()) == []


def test_looking_waits_for_a_load(emulator):
    load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    looked = []

    def look():
        with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
            looked.append(tables.count("warehouses"))

    with locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()):
        with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
            assert tables.count("warehouses") == 3, "who loads may look meanwhile"
        thread = threading.Thread(target=look)
        thread.start()
        assert looked == []
    thread.join(30)
    assert looked == [3]


def test_runs_of_many_threads_come_one_after_another(emulator):
    failures = []

    def run():
        try:
            load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count("warehouses") == 3


def test_a_failed_load_keeps_what_was_there(emulator):
    load(source_of("sources"), resolve_destination(DestinationSettings()), now=utc_now())
    emulator.faults.add(Fault("wrong-type", "sources"))
    with pytest.raises(LoadError, match="sources: column "):
        load(source_of("sources"), resolve_destination(DestinationSettings()), now=utc_now())
    assert count("sources") == 40


def test_a_row_that_the_destination_refuses_is_a_load_error(emulator):
    load(source_of("sources"), resolve_destination(DestinationSettings()), now=utc_now())
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute("ALTER TABLE segment_data.sources ALTER enabled TYPE VARCHAR[] USING [enabled::VARCHAR]")
    with pytest.raises(LoadError) as caught:
        load(source_of("sources"), resolve_destination(DestinationSettings()), now=utc_now())
    assert str(caught.value).startswith("dlt failed at the step ")
    assert count("sources") == 40


def test_a_home_that_cannot_be_made_is_told(emulator, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "file" / "home"))
    with pytest.raises(SettingError) as caught:
        load(source_of("warehouses"), resolve_destination(DestinationSettings()), now=utc_now())
    assert str(caught.value).startswith(f"DLT_DATA_DIR leads to {tmp_path}/file/home")
    assert list(Path.cwd().iterdir()) == []
