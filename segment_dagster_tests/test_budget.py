"""Keeping to Segment's limits, as the emulator that enforces them counts."""

import pytest

from segment_dagster.demo.budget import main

pytestmark = pytest.mark.slow


def test_an_endpoint_that_a_limit_holds_up_meets_no_refusal(capsys):
    main(["--minute", "0.2", "--only", "warehouse_selective_syncs"])
    head, _, row, _, end = capsys.readouterr().out.splitlines()
    assert head.endswith("allowed requests used")
    assert row.split()[:5] == ["warehouse_selective_syncs", "2", "46", "22", "0"]
    assert end == "1 endpoint, 0 requests refused, a minute of 0.2 s"
