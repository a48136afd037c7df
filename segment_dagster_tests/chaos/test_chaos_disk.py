"""A disk that is full at any point leaves each table old or new, and the next run mends all."""

import sys

import pytest

from segment_dagster_tests.chaos.chaos_length import at_length
from segment_dagster_tests.chaos.disk import judged

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

LIMITED = (
    "import os, resource, sys; "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2); "
    "os.execv(sys.argv[2], sys.argv[2:])"
)
"""Runs a program that can write no file larger than so many bytes."""


def limited(size):
    return (sys.executable, "-c", LIMITED, str(size))


@pytest.mark.long
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
