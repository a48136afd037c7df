"""A token that is revoked while the workspace is read: a line says so, and with the next token all is mended."""

import pytest

from segment_dagster.emulator import Fault
from segment_dagster_tests.chaos.chaos_length import at_length
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import told

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_token_that_is_revoked_half_way(loaded):
    runs = loaded("revoked")
    for _ in range(at_length(1, 8)):
        new = runs.change()
        requests = runs.random.randint(1, 50)
        runs.harm(Fault("revoked-token", after=requests))
        ran = runs.run()
        runs.harm()
        happened = f"the token was revoked after {requests} requests"
        told(ran, r"was refused: the token is not valid \(401\)")
        FIGURES.cases["tokens revoked"] += 1
        verdicts = runs.judge(new, happened)
        assert verdicts["old"], happened
        runs.repair(happened)
