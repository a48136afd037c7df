"""PostgreSQL's lock of a dataset: who waits for whom, who is named, and what it does not hold up."""

import os
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg2
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.errors import SettingError
from segment_dagster.extract import Extractor
from segment_dagster.load import (
    LoadError,
    destination_lock,
    inspect_dataset,
    load_extracts,
    preflight,
    resolve_destination,
)
from segment_dagster.load.advisory_lock import AdvisoryLock
from segment_dagster.load.load_state import LOAD_STATE_TABLE
from segment_dagster.sync import sync
from segment_dagster_tests.destinations.engines import postgres_server
from segment_dagster_tests.logged_lines import logged_lines

pytestmark = [pytest.mark.server, pytest.mark.slow]

CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"
KEY = "hashtextextended('segment_dagster/segment_data', 0)"
FREE = f"SELECT pg_try_advisory_xact_lock({KEY})"
HOLD = """
import sys
from segment_dagster.config import DestinationSettings
from segment_dagster.load import destination_lock, resolve_destination
with destination_lock(resolve_destination(DestinationSettings())):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def one_server():
    with postgres_server("CREATE ROLE other LOGIN PASSWORD 'of-another'") as address:
        yield address


@pytest.fixture
def server(one_server, monkeypatch):
    """The server with an empty database; the settings point at it."""
    monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
    monkeypatch.setenv(CREDENTIALS, one_server)
    run(one_server, "DROP SCHEMA IF EXISTS segment_data CASCADE; DROP SCHEMA IF EXISTS segment_data_staging CASCADE")
    return one_server


def run(address, sql):
    with closing(psycopg2.connect(address)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


def is_free(address):
    ((free,),) = run(address, FREE)
    return free


def settled(**changes):
    return resolve_destination(DestinationSettings(**changes))


@contextmanager
def held_elsewhere(tmp_path):
    """A run on another machine, which holds the lock until its input ends."""
    own = {**os.environ, "DLT_DATA_DIR": str(tmp_path / "home of another")}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.stdin.close()
            process.wait(60)


told = partial(logged_lines, "segment_dagster.load.advisory_lock")


def load(*names, **options):
    with Extractor(ApiSettings()) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in names or ("sources",)])
        assert failures == []
        return load_extracts(extracts, settled(), now=utc_now(), **options)


def test_a_load_waits_for_a_run_on_another_machine_and_names_it(emulator, server, tmp_path):
    with held_elsewhere(tmp_path) as process, told(then=process.stdin.close) as lines:
        assert load().failures == []
    (line,) = lines
    assert line.startswith("postgres: the dataset 'segment_data' is being loaded by the session with pid ")
    assert f"(user loader, application segment_dagster on {os.uname().nodename}, process {process.pid}" in line
    assert line.endswith("): waiting for it, up to 600 s")
    assert run(server, "SELECT count(*) FROM segment_data.sources") == [(40,)]
    assert is_free(server)


@pytest.mark.long
def test_a_run_that_holds_it_too_long_is_named_in_one_line_with_what_to_do(emulator, server, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.2")
    with held_elsewhere(tmp_path) as process, pytest.raises(LoadError) as caught:
        load()
    text = str(caught.value)
    assert text.splitlines() == [text] and caught.value.everything
    assert f"process {process.pid}, idle in transaction since 20" in text
    assert "and was for 0.2 s: one run at a time can load. Wait for that run, or raise SEGMENT_LOCK_TIMEOUT." in text
    pid = text.partition("with pid ")[2].partition(" ")[0]
    assert text.endswith(f" If the run is dead, end its session: SELECT pg_terminate_backend({pid}).")
    assert run(server, "SELECT 1 FROM pg_namespace WHERE nspname = 'segment_data'") == []


def test_a_session_of_somebody_elses_that_holds_it_is_named(emulator, server, monkeypatch):
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.1")
    with closing(psycopg2.connect(f"postgresql://other:of-another@{server.partition('@')[2]}")) as other:
        with other.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_lock({KEY})")
        with pytest.raises(LoadError, match=rf"the session with pid {other.info.backend_pid} \(user other, "):
            load()


def test_the_lock_of_a_run_that_was_killed_ends_with_its_connection(emulator, server, tmp_path):
    with held_elsewhere(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    # the server notices it by itself, and the run waits for that if it has to
    assert load().failures == []


def end_the_lock(server):
    # waits until it has ended
    ended = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name LIKE '{}'"
    assert run(server, ended.format("segment_dagster on %")) == [(True,)]


def test_a_lock_that_is_lost_in_mid_load_ends_the_run_before_it_records_anything(emulator, server):
    verified: list[object] = []

    def load_package(extracts):
        end_the_lock(server)

    with pytest.raises(LoadError) as caught:
        load(load_package=load_package, verify=lambda *arguments: verified.append(arguments))
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith("postgres: the lock of the dataset 'segment_data' was lost, because its connection ended (")
    assert text.endswith("): another run may have loaded at the same time. Run it again.")
    assert verified == []
    tables = f"SELECT 1 FROM information_schema.tables WHERE table_name = '{LOAD_STATE_TABLE}'"
    assert run(server, tables) == []


def test_a_lock_that_is_lost_during_a_package_ends_the_run_and_not_that_table_alone(emulator, server):
    with Extractor(ApiSettings()) as extractor:
        endpoints = [extractor.endpoint("sources"), extractor.endpoint("labels")]

        def verify(result, tables):
            end_the_lock(server)

        with pytest.raises(LoadError, match="the lock of the dataset 'segment_data' was lost"):
            sync(endpoints, extractor, settled(), verify=verify)
    assert load("sources", "labels").unchanged == {"sources", "labels"}


def test_it_is_not_held_while_the_workspace_is_read(emulator, server):
    free: list[bool] = []
    with Extractor(ApiSettings()) as extractor:
        for number in (1, 2):
            emulator.hooks.at(number, lambda: free.append(is_free(server)))
        outcome = sync(
            [extractor.endpoint("sources")], extractor, settled(), verify=lambda *_: free.append(is_free(server))
        )
    assert outcome.failures == []
    assert free == [True, True, False]
    assert is_free(server)


@pytest.mark.long
def test_looking_at_the_tables_waits_for_nobody(emulator, server, tmp_path, monkeypatch):
    load()
    with held_elsewhere(tmp_path), told() as lines:
        with inspect_dataset(settled()) as tables:
            assert tables.count("sources") == 40
        preflight(settled(), (), now=utc_now())
    assert lines == []


def test_a_staging_dataset_that_another_machine_is_creating_is_looked_at_again(emulator, server, tmp_path):
    load()
    run(server, "ALTER TABLE segment_data_staging._dlt_version RENAME TO unfinished")

    def finish():
        run(server, "ALTER TABLE segment_data_staging.unfinished RENAME TO _dlt_version")
        process.stdin.close()

    with held_elsewhere(tmp_path) as process, told(then=finish) as lines:
        preflight(settled(), (), now=utc_now())
    assert len(lines) == 1
    run(server, "ALTER TABLE segment_data_staging._dlt_version RENAME TO unfinished")
    with pytest.raises(SettingError, match="which holds tables of others"):
        preflight(settled(), (), now=utc_now())


@pytest.mark.long
def test_two_datasets_do_not_wait_for_each_other(emulator, server, tmp_path, monkeypatch):
    with held_elsewhere(tmp_path), told() as lines:
        monkeypatch.setenv("SEGMENT_DATASET", "segment_eu")
        assert load().failures == []
    assert lines == []
    run(server, "DROP SCHEMA segment_eu CASCADE")


def test_whoever_holds_it_can_take_it_again_and_it_is_given_back_once(server):
    with destination_lock(settled()) as outer:
        with destination_lock(settled()) as inner:
            assert inner is outer
        assert not is_free(server)
        outer.check()
    assert is_free(server)


def test_it_is_given_back_after_an_error(server):
    with pytest.raises(ZeroDivisionError), destination_lock(settled()):
        raise ZeroDivisionError
    assert is_free(server)


def test_no_timeout_of_the_server_ends_it(server):
    timeouts = ("idle_in_transaction_session_timeout", "statement_timeout")
    for name in timeouts:
        run(server, f"ALTER ROLE loader SET {name} = '50s'")
    try:
        with destination_lock(settled()) as lock:
            assert isinstance(lock, AdvisoryLock) and lock._connection
            with lock._connection.cursor() as cursor:
                for name in timeouts:
                    cursor.execute(f"SHOW {name}")
                    assert cursor.fetchone() == ("0",)
    finally:
        run(server, "ALTER ROLE loader RESET ALL")


def test_a_load_of_hours_holds_back_no_vacuum(server):
    oldest = "SELECT backend_xid, backend_xmin FROM pg_stat_activity WHERE application_name LIKE 'segment_dagster on %'"
    with destination_lock(settled()):
        assert run(server, oldest) == [(None, None)]


def test_a_server_that_is_not_there_is_told_in_one_line(server, monkeypatch):
    monkeypatch.setenv(CREDENTIALS, "postgresql://me:a-password@127.0.0.1:9/x")
    with pytest.raises(LoadError) as caught, destination_lock(settled()):
        pytest.fail("it is locked")
    text = str(caught.value)
    assert text.splitlines() == [text] and text.startswith("postgres cannot be reached, or lets nobody in (")
    assert "a-password" not in text


@pytest.mark.long
def test_the_script_names_the_run_that_it_waited_for(emulator, server, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.1")
    script = Path(__file__).parents[2] / "segment_pipeline.py"
    with held_elsewhere(tmp_path) as process:
        ran = subprocess.run(
            [sys.executable, str(script), "labels"], capture_output=True, text=True, timeout=100, check=False
        )
    assert ran.returncode == 1
    error = ran.stderr.splitlines()[-1]
    assert error.startswith("error: postgres: the dataset 'segment_data' is being loaded by the session with pid ")
    assert f"process {process.pid}" in error and "Traceback" not in ran.stderr
