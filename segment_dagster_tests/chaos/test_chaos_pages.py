"""Pages of hundreds of megabytes, and answers of another shape: told by name, at the cost of their endpoints alone."""

import pytest

from segment_dagster.emulator import Fault
from segment_dagster_tests.chaos.chaos_length import LONG, at_length
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import told
from segment_dagster_tests.chaos.tables import AUDIT

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

WRONG = {
    "sources": (Fault("renamed-key", "sources"), "has no records at 'data.sources'"),
    "delivery_overview_successfully_received": (None, "not read, because it takes one request per record of sources"),
    "users": (Fault("null-key", "users"), "column id of the row with id=None "),
    "usage_mtu_daily": (Fault("wrong-type", "usage_mtu_daily"), "column .* holds "),
    AUDIT: (Fault("bad-json", AUDIT), "that are not JSON"),
    "destinations": (Fault("large", "destinations"), "answered more than the 268,435,456 bytes"),
}
"""What is done to the answers, and what is said of it."""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_pages_of_300_megabytes_and_answers_of_the_wrong_shape(loaded):
    runs = loaded("pages")
    for _ in range(at_length(1, 4)):
        new = runs.change()
        runs.harm(*(fault for fault, _ in WRONG.values() if fault))
        if LONG:
            # what is not too large is read
            runs.emulator.faults.add(Fault("large", "events_volume", times=1, value=260))
        ran = runs.run()
        runs.harm()
        errors = told(ran, *(f"^error: {name}: .*{said}" for name, (_, said) in WRONG.items()))
        happened = "pages of 300 MB, and answers of the wrong shape"
        assert len(errors) == len(WRONG), errors
        verdicts = runs.judge(new, happened)
        assert verdicts["old"] == len(WRONG), happened
        FIGURES.cases["pages of 260 or 300 MB"] += 2 if LONG else 1
        FIGURES.cases["answers of the wrong shape"] += len(WRONG) - 2
        runs.repair(happened)
