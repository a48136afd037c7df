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

from segment_dagster.extract.temp_dir import JOB_IS_DEAD, MARKER, TempDir, remove_stale

TABLES = ("sources", "segments")
PROCESS = """
import sys
from segment_dagster.extract.temp_dir import TempDir
home = TempDir()
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
    home = TempDir()
    (home.path / "rows").write_text("rows")
    assert home.path.stat().st_mode & 0o777 == 0o700
    remove_stale(TABLES, time.time())
    assert (home.path / "rows").read_text() == "rows"
    home.delete()
    assert names(spools) == []


def test_the_home_of_a_process_that_was_killed_is_deleted_by_the_next(spools):
    with process_with_a_home(spools) as process:
        process.send_signal(signal.SIGKILL)
    assert len(names(spools)) == 2
    remove_stale(TABLES, time.time())
    assert names(spools) == []


@pytest.mark.slow
def test_the_home_of_a_process_that_lives_is_not(spools):
    with process_with_a_home(spools):
        before = names(spools)
        remove_stale(TABLES, time.time())
        assert names(spools) == before
        (home,) = (path for path in spools.iterdir() if path.is_dir())
        assert (home / "rows").read_text() == "rows"


ID = "0123456789abcdef" * 2
NAME = f"segment_dagster_{ID}"


def killed_early(spools, *, directory, marker):
    """What a process leaves that is killed while it makes its home."""
    (spools / f"{NAME}.lock").touch()
    if directory:
        (spools / NAME).mkdir()
    if marker is not None:
        (spools / NAME / MARKER).write_text(marker)


@pytest.mark.parametrize(
    ("directory", "marker"), [(False, None), (True, None), (True, ""), (True, ID[:7]), (True, ID)], ids=str
)
def test_a_process_that_was_killed_before_it_had_its_home_leaves_nothing_either(directory, marker, spools):
    killed_early(spools, directory=directory, marker=marker)
    remove_stale(TABLES, time.time())
    assert names(spools) == []


def test_what_has_no_lock_is_left_alone(spools):
    (spools / "segment_dagster_of_somebody").mkdir()
    (spools / "other.lock").touch()
    remove_stale(TABLES, time.time())
    assert names(spools) == ["other.lock", "segment_dagster_of_somebody"]


@pytest.mark.parametrize(
    "name",
    ["segment_dagster_notes", "segment_dagster_", f"{NAME}0", NAME[:-1], NAME.upper(), f"{NAME[:-1]}g", NAME],
)
@pytest.mark.parametrize("mark", [None, "f" * 32, f"{ID} and more"], ids=["unmarked", "another id", "longer"])
def test_a_directory_of_somebodys_own_is_left_alone(name, mark, spools):
    (spools / name).mkdir()
    (spools / name / "thesis.txt").write_text("years of work")
    (spools / f"{name}.lock").touch()
    if mark:
        (spools / name / MARKER).write_text(mark)
    before = names(spools)
    remove_stale(TABLES, time.time())
    assert names(spools) == before
    assert (spools / name / "thesis.txt").read_text() == "years of work"


def test_a_lock_that_holds_something_is_not_emptied(spools):
    (spools / f"{NAME}.lock").write_text("somebody's notes")
    remove_stale(TABLES, time.time())
    assert (spools / f"{NAME}.lock").read_text() == "somebody's notes"


@pytest.mark.parametrize("which", ["directory", "lock"])
def test_links_are_not_followed(which, spools, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / MARKER).write_text(ID)
    (mine / "thesis.txt").write_text("years of work")
    (tmp_path / "empty").touch()
    if which == "directory":
        (spools / NAME).symlink_to(mine)
        (spools / f"{NAME}.lock").touch()
    else:
        mine.rename(spools / NAME)
        (spools / f"{NAME}.lock").symlink_to(tmp_path / "empty")
    remove_stale(TABLES, time.time())
    assert (spools / NAME / "thesis.txt").read_text() == "years of work"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_what_another_user_owns_is_left_alone(spools):
    killed_early(spools, directory=True, marker=ID)
    os.chown(spools / NAME, 12345, 12345)
    job = spools / "sources.0123456789.0.sql"
    job.touch()
    os.utime(job, (0, 0))
    os.chown(job, 12345, 12345)
    remove_stale(TABLES, time.time())
    assert {NAME, job.name} <= set(names(spools))


def test_homes_are_made_while_others_sweep(spools):
    done = Event()

    def sweep_on():
        while not done.is_set():
            remove_stale(TABLES, time.time())

    with ThreadPoolExecutor(2) as threads:
        sweeping = [threads.submit(sweep_on) for _ in range(2)]
        homes = [TempDir() for _ in range(200)]
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
    remove_stale(TABLES, time.time())
    assert names(spools) == sorted([*others, "sources.ffffffffff.0.sql"])


@pytest.mark.parametrize(
    ("text", "deleted"),
    [
        ("", True),
        ('DELETE FROM "segment_data"."sources" WHERE 1 = 1;', True),
        ("/somewhere/sources.0123456789.0.parquet", True),
        ("SELECT * FROM my_own_work", False),
    ],
)
def test_only_a_job_of_that_table_is_deleted(text, deleted, spools):
    job = spools / "sources.0123456789.0.sql"
    job.write_text(text)
    os.utime(job, (0, 0))
    remove_stale(TABLES, time.time())
    assert job.exists() is not deleted


def test_a_link_that_is_named_like_a_job_is_left_alone(spools, tmp_path):
    (tmp_path / "mine").write_text("sources")
    job = spools / "sources.0123456789.0.sql"
    job.symlink_to(tmp_path / "mine")
    os.utime(job, (0, 0), follow_symlinks=False)
    remove_stale(TABLES, time.time())
    assert job.is_symlink()
