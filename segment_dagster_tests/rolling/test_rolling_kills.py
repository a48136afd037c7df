"""Runs that are killed at any moment: the next goes on, and at most one slice is read again."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from random import Random

import duckdb
import pytest

from segment_dagster_tests.rolling.few_audiences import AUDIENCES, NAME, first_audiences, of_few, read

pytestmark = [pytest.mark.slow, pytest.mark.scale]

RUN = """
import json, sys
from segment_dagster_tests.rolling.few_audiences import of_few, read
result = read(of_few(tuple(json.loads(sys.argv[1]))))
sys.exit(len(result.failures))
"""
KILLS = 3


def rows():
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(f"SELECT * FROM segment_data.{NAME} ORDER BY ALL").fetchall()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_run_repeats_one_slice_at_most(emulator, world, seed):
    chance, audiences = Random(f"slices {seed}"), first_audiences(world)

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", RUN, json.dumps(audiences)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    for requests in sorted(chance.sample(range(1, AUDIENCES - 2), KILLS)):
        process = start()
        while emulator.stats.by_endpoint.get(NAME, 0) < requests and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.002)
        # while it loads, and while it records what it has loaded
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.random() / 2)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said
    process = start()
    _, said = process.communicate(timeout=100)
    assert process.returncode == 0, said
    # a slice is one parent here
    assert AUDIENCES <= emulator.stats.by_endpoint[NAME] <= AUDIENCES + KILLS
    found = rows()
    read(of_few(audiences, per_minute=60))
    assert found == rows()
