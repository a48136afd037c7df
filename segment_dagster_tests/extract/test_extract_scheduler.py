"""Lists in threads: the first as a probe, the others side by side, an end at any time."""

import os
import subprocess
import sys

import pytest

from segment_dagster.client.errors import ApiError
from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Fault
from segment_dagster.extract.extractor import Extractor
from segment_dagster_tests.extract.extracted import FAST, ROWS, SEGMENTS

pytestmark = pytest.mark.usefixtures("spools")


def test_a_list_of_one_parent_that_fails_fails_the_endpoint(emulator):
    emulator.faults.add(Fault("not-found", "segments", after=3, times=1))
    # one after the other: a list whose first page is not found is gone, and no failure
    with (
        Extractor(ApiSettings(concurrency=1)) as extractor,
        pytest.raises(ApiError, match=r"segments: GET /spaces/.*/audiences found nothing"),
    ):
        extractor.extract(SEGMENTS)


@pytest.mark.parametrize("kind", ["forbidden", "renamed-key"])
def test_what_fails_for_every_list_is_asked_for_once(extractor, emulator, kind):
    emulator.faults.add(Fault(kind, "source_schema_settings"))
    with pytest.raises(ApiError):
        extractor.extract(ROWS["source_schema_settings"])
    assert emulator.stats.by_endpoint == {"sources": 1, "source_schema_settings": 1}


def test_lists_are_read_side_by_side_once_the_first_has_answered(emulator):
    emulator.faults.add(Fault("slow", "segments", value=0.1))
    with Extractor(ApiSettings()) as extractor:
        extractor.extract(SEGMENTS)
    asked = [
        seen.path for seen in sorted(emulator.stats.requests, key=lambda seen: seen.at) if "audiences" in seen.path
    ]
    assert (len(asked), emulator.stats.most_open) == (14, 2)
    # the second list begins before the first has come to its end
    assert asked.index(next(path for path in asked if path != asked[0])) < 6


def test_many_lists_are_asked_for_at_once_but_no_more_than_allowed(emulator):
    emulator.faults.add(Fault("slow", value=0.05))
    with Extractor(ApiSettings(concurrency=3)) as extractor:
        extractor.extract_all([ROWS["source_regulations"], ROWS["space_entity_properties"], ROWS["roles"]])
    assert emulator.stats.most_open == 3


CLOSE_WHILE_IT_WAITS = """
import logging, sys, threading
from segment_dagster.config import ApiSettings
from segment_dagster.extract.extractor import Extractor

begun = threading.Event()

class Waiting(logging.Handler):
    def emit(self, record):
        begun.set()

logging.getLogger("segment_dagster.client").addHandler(Waiting())
extractor = Extractor(ApiSettings(concurrency=int(sys.argv[1])))
threading.Thread(target=lambda: (begun.wait(), extractor.close())).start()
try:
    deliveries, failures = extractor.extract_all([extractor.endpoint(name) for name in sys.argv[2:]])
    print("delivered", len(deliveries))
except BaseException as error:
    print("raised", type(error).__name__)
"""


def in_a_process(code, *arguments, spools):
    """Run it in a process of its own, so that a read that never ends is a failure and no hanging suite."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "TMPDIR": str(spools)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [16, 1], ids=["all under way", "some queued"])
@pytest.mark.parametrize("selection", [["segments"], FAST], ids=["child", "many"])
def test_closing_ends_a_read_that_waits(selection, concurrency, emulator, spools):
    emulator.faults.add(*(Fault("429-retry-after", name, value=100) for name in selection))
    ran = in_a_process(CLOSE_WHILE_IT_WAITS, str(concurrency), *selection, spools=spools)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "delivered 0\n" or ran.stdout.startswith("raised ")
    assert list(spools.iterdir()) == []
