"""A small disk that is full at any point, where one can be mounted: the long form alone."""

import shutil
import subprocess
from contextlib import contextmanager

import pytest

from segment_dagster_tests.chaos.disk import judged
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import copied


@contextmanager
def small_disk(directory, megabytes):
    """A file system of its own in a directory; whether there is one."""
    directory.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not mount or not umount:
        yield False
        return
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run([umount, "-l", str(directory)], check=True)


@pytest.mark.timeout(900)
def test_a_disk_of_which_little_is_left(bases, workspace, tmp_path):
    with small_disk(tmp_path / "small", 40) as mounted:
        if not mounted:
            FIGURES.notes.append("no small disk: a tmpfs cannot be mounted here")
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
