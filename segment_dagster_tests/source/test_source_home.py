"""Homes in TMPDIR: deleted in the end, or by the next process where their own was killed, and never before."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest

from segment_dagster.source.home import JOB_IS_DEAD, Home, sweep

TABLES = ("sources", "segments")
PROCESS = """
import sys
from segment_dagster.source.home import Home
home = Home()
(home.path / "rows").write_text("rows")
print(home.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def spools(tmp_path, monkeypatch):
    directory = tmp_path / "spools"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@contextmanager
def process_with_a_home(directory):
    environment = {**os.environ, "TMPDIR": str(directory)}
    with subprocess.Popen(
        [sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin and process.stdout
        process.stdout.readline()
        yield process
        process.stdin.close()


def test_a_home_is_there_alone_and_then_gone(spools):
    home = Home()
    (home.path / "rows").write_text("rows")
    assert home.path.stat().st_mode & 0o777 == 0o700
    sweep(TABLES)
    assert (home.path / "rows").read_text() == "rows"
    home.delete()
    assert names(spools) == []


def test_the_home_of_a_process_that_was_killed_is_deleted_by_the_next(spools):
    with process_with_a_home(spools) as process:
        process.send_signal(signal.SIGKILL)
    assert len(names(spools)) == 2
    sweep(TABLES)
    assert names(spools) == []


def test_the_home_of_a_process_that_lives_is_not(spools):
    with process_with_a_home(spools):
        before = names(spools)
        sweep(TABLES)
        assert names(spools) == before
        (home,) = (path for path in spools.iterdir() if path.is_dir())
        assert (home / "rows").read_text() == "rows"


def test_a_process_that_was_killed_before_it_had_its_home_leaves_nothing_either(spools):
    (spools / "segment_dagster_0123.lock").touch()
    sweep(TABLES)
    assert names(spools) == []


def test_what_has_no_lock_is_left_alone(spools):
    (spools / "segment_dagster_of_somebody").mkdir()
    (spools / "other.lock").touch()
    sweep(TABLES)
    assert names(spools) == ["other.lock", "segment_dagster_of_somebody"]


def test_homes_are_made_while_others_sweep(spools):
    done = Event()

    def sweep_on():
        while not done.is_set():
            sweep(TABLES)

    with ThreadPoolExecutor(2) as threads:
        sweeping = [threads.submit(sweep_on) for _ in range(2)]
        homes = [Home() for _ in range(200)]
        assert all(home.path.is_dir() for home in homes)
        done.set()
        for each in sweeping:
            each.result()
    for home in homes:
        home.delete()
    assert names(spools) == []


def test_jobs_that_dlt_never_ran_are_deleted_when_they_are_old(spools):
    old = time.time() - JOB_IS_DEAD - 60
    jobs = ["sources.0123456789.0.sql", "segments_history.abcdef0123.2.sql", "segments.0123456789.0.reference"]
    others = ["roles.0123456789.0.sql", "sources.sql", "sources.0123456789.0.csv", "sources.2023.01.sql"]
    for name in [*jobs, *others, "sources.ffffffffff.0.sql"]:
        (spools / name).touch()
    for name in [*jobs, *others]:
        os.utime(spools / name, (old, old))
    sweep(TABLES)
    assert names(spools) == sorted([*others, "sources.ffffffffff.0.sql"])
