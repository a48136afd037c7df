"""Clocks that jump, between runs and within them: no row is lost, and the right time mends all."""

from datetime import timedelta

import pytest

from segment_dagster_tests.chaos.chaos_length import at_length
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import SCRIPT
from segment_dagster_tests.chaos.tables import AUDIT, ENDPOINTS

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

JUMPS = (timedelta(days=400), timedelta(days=-5), timedelta(hours=7), timedelta(days=-80), timedelta(seconds=-1))
"""Of the machine's clock."""

OF_CONFIGURATION = ENDPOINTS[:5]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_machines_clock_that_is_wrong_for_a_run(loaded):
    runs = loaded("clock", history=True)
    for jump in JUMPS[: at_length(1, 5)]:
        new = runs.change()
        wrong = runs.now + jump
        happened = f"a clock that was wrong by {jump}"
        ran = runs.run(str(SCRIPT), *OF_CONFIGURATION, AUDIT, SEGMENT_NOW=wrong.isoformat())
        FIGURES.cases["clocks that jumped"] += 1
        if ran.code:
            assert "Traceback" not in ran.stderr
            assert [line for line in ran.stderr.splitlines() if line.startswith("error: ")], ran.stderr
        runs.judge(new, happened)
        runs.repair(happened)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_both_clocks_jump_and_come_back(loaded):
    runs = loaded("both clocks")
    for jump in (timedelta(days=3), timedelta(hours=-6), timedelta(days=25))[: at_length(1, 3)]:
        runs.change()
        there = runs.now
        for now in (there + jump, there):
            runs.now = now
            runs.emulator.clock.set(now)
            runs.repair(f"both clocks jumped by {jump}")
            FIGURES.cases["clocks that jumped"] += 1
