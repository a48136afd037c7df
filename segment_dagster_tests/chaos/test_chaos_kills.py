"""A run that is killed at any point leaves each table old or new, and the next one mends all."""

import pytest

from segment_dagster_tests.chaos.chaos_length import LONG, at_length
from segment_dagster_tests.chaos.kill_in_stage import STAGES, kill_in

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

CHAINS = at_length(1, 18)
"""Each is a chain of kills and repairs: one in every stage, in the long form others besides."""


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("chain", range(CHAINS))
def test_a_killed_run_leaves_old_rows_or_new_ones_and_the_next_run_mends_all(loaded, chain):
    runs = loaded(f"kills {chain}", history=chain % 2 == 0)
    stages = [*STAGES, "swap", "remember"] if LONG else [*STAGES]
    runs.random.shuffle(stages)
    for number, stage in enumerate(stages):
        new = runs.change()
        was = kill_in(runs, stage)
        happened = f"kill {number} of chain {chain}, in {was}"
        runs.judge(new, happened, only=None if was else "new")
        runs.repair(happened)
