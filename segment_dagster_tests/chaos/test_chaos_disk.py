"""A disk that is full at any point leaves each table old or new, and the next run mends all."""

import shutil
import subprocess
import sys
from contextlib import contextmanager, nullcontext

import pytest

from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.form import LONG, at_length
from segment_dagster_tests.chaos.runs import copied, told

LIMITED = (
    "import os, resource, sys; "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2); "
    "os.execv(sys.argv[2], sys.argv[2:])"
)
"""Runs a program that can write no file larger than so many bytes."""

NO_ROOM = r"There is no room left: make some in .*/pipelines|Make room there, or set TMPDIR"


def limited(size):
    return (sys.executable, "-c", LIMITED, str(size))


def judged(runs, ran, new, happened):
    """A run that failed for want of room says so; one that found room has loaded all."""
    if ran.code:
        told(ran, NO_ROOM)
        FIGURES.cases["disks full"] += 1
    runs.judge(new, happened, only=None if ran.code else "new")


@pytest.mark.timeout(600)
def test_files_that_may_not_grow(loaded):
    runs = loaded("disk")
    # what is read does not fit, or the log of what is loaded
    for limit in [50_000, *(runs.random.randint(20_000, 400_000) for _ in range(at_length(0, 9)))]:
        new = runs.change()
        ran = runs.run(before=limited(limit))
        happened = f"no file larger than {limit:,} bytes"
        judged(runs, ran, new, happened)
        assert ran.code or limit > 50_000, happened
        runs.repair(happened)


@contextmanager
def small_disk(directory, megabytes):
    """A file system of its own in a directory; whether there is one."""
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(directory)], check=True)


@pytest.mark.timeout(900)
def test_a_disk_of_which_little_is_left(bases, workspace, tmp_path):
    with small_disk(tmp_path / "small", 40) if LONG else nullcontext() as mounted:
        if not mounted:
            FIGURES.notes.append("no small disk: that is for the long form, and needs leave to mount a tmpfs")
            return
        runs = copied(bases(False), workspace, tmp_path / "small" / "runs", "small disk")
        ballast = tmp_path / "small" / "ballast"
        for _ in range(8):
            new = runs.change()
            room = runs.random.choice([8_192, 100_000, 500_000, 1_000_000, 2_000_000, 3_000_000])
            fill(ballast, room)
            ran = runs.run()
            happened = f"{room:,} bytes left on the disk"
            ballast.unlink()
            judged(runs, ran, new, happened)
            runs.repair(happened)


def fill(ballast, room):
    """Leave so many bytes on a disk."""
    free = shutil.disk_usage(ballast.parent).free
    with ballast.open("wb") as file:
        left = free - room
        while left > 0:
            left -= file.write(b"\0" * min(left, 1_000_000))
