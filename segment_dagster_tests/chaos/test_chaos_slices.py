"""4,800 audiences: a run that is killed at five moments by chance, then 1 % of them changed, and what each costs."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from random import Random

import duckdb
import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Edit, World, running
from segment_dagster.endpoints import TABLES
from segment_dagster.load import inspect_dataset, resolve_destination
from segment_dagster.load.coverage import coverage
from segment_dagster_tests.chaos.chaos_length import SEED
from segment_dagster_tests.chaos.runs import SCRIPT

NAME = "audience_references"
KILLS = 5
SLICE = 12
"""Half of what is allowed in a minute."""

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@pytest.fixture
def emulator(monkeypatch):
    with running(world=World(2), minute=0.05) as emulator:
        monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
        monkeypatch.setenv("SEGMENT_API_TOKEN", emulator.token)
        # ten of the emulator's minutes
        monkeypatch.setenv("SEGMENT_SLOW_WHOLE_SECONDS", "0.5")
        yield emulator


def start():
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), NAME],
        env={**os.environ, "SEGMENT_PROGRESS_SECONDS": "3600"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill_after(emulator, requests, seconds):
    """Kill a run so many seconds after its endpoint was asked so often, in all."""
    process = start()
    while emulator.stats.by_endpoint.get(NAME, 0) < requests and process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, said


def finish():
    process = start()
    said, _ = process.communicate(timeout=3000)
    assert process.returncode == 0, said
    return said


def said_by_coverage():
    (endpoint,) = (row for row in TABLES if row.name == NAME)
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        return coverage(tables, endpoint, now=utc_now(), max_age=timedelta(days=6))


def referring():
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(f"SELECT audience_id, id FROM segment_data.{NAME} ORDER BY ALL").fetchall()


@pytest.mark.timeout(3600)
def test_killed_runs_repeat_a_slice_each_and_unchanged_parents_cost_nothing(emulator, capsys):
    chance = Random(f"{SEED}/slices")
    audiences = [record["id"] for record in emulator.world.records("segments")]
    assert len(audiences) == 4800
    begun = time.monotonic()
    for number, requests in enumerate(sorted(chance.sample(range(20, len(audiences)), KILLS))):
        kill_after(emulator, requests, chance.random())
        finding = said_by_coverage()
        with capsys.disabled():
            print(f"\nkill {number + 1} after {emulator.stats.by_endpoint[NAME]:,} requests: {finding.description}")
        assert finding.metadata["rows_of_gone_parents"] == 0
    finish()
    asked, rows = dict(emulator.stats.by_endpoint), referring()
    assert said_by_coverage().passed
    emulator.stats.clear()
    finish()
    listing = emulator.stats.total
    children, total = asked[NAME], sum(asked.values())
    least = len(audiences) + (KILLS + 1) * listing
    with capsys.disabled():
        print(f"{KILLS} kills, {KILLS + 1} starts, {time.monotonic() - begun:.0f} s: {said_by_coverage().description}")
        print(f"{children:,} requests of {NAME} for {len(audiences):,} audiences: {children / 4800 - 1:.2%} more")
        print(f"{total:,} requests in all, {listing} of them for each start to list the audiences;")
        print(f"the least possible are {least:,}: {total / least - 1:.2%} more")
    assert children <= len(audiences) + KILLS * SLICE < 1.02 * len(audiences)
    assert total <= 1.02 * least
    assert emulator.stats.by_endpoint.get(NAME, 0) == 0

    changed = chance.sample(audiences, len(audiences) // 100)
    emulator.edits.add(*(Edit("segments", "modify", id, fields={"description": "Of the new kind."}) for id in changed))
    emulator.stats.clear()
    finish()
    with capsys.disabled():
        print(f"1 % changed: {emulator.stats.by_endpoint[NAME]:,} requests of {NAME}, {emulator.stats.total:,} in all")
    assert emulator.stats.by_endpoint[NAME] == len(changed)
    assert referring() == rows
    assert said_by_coverage().passed
