"""How far a read has come."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Fault
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.progress import EndpointProgress, ReadProgress
from segment_dagster_tests.extract.extracted import ROWS

pytestmark = pytest.mark.usefixtures("spools")


def test_progress_tells_rows_requests_and_what_is_waited_for(emulator):
    emulator.faults.add(Fault("slow", "warehouses", value=300), Fault("forbidden", "roles"))
    wanted = [ROWS[name] for name in ("sources", "roles", "warehouses", "segments")]
    with ThreadPoolExecutor(1) as thread, Extractor(ApiSettings()) as extractor:
        before = str(extractor.progress(wanted))
        reading = thread.submit(extractor.extract_all, wanted)
        while extractor.progress(wanted).done < 3:
            assert not reading.done()
        during = extractor.progress(wanted)
        extractor.close()
    assert before == "0 of 4 endpoints read, 0 rows, 0 requests"
    # spaces, too, are read, and roles were asked for
    assert str(during) == "3 of 4 endpoints read, 2,442 rows, 18 requests; waiting for warehouses"


def test_progress_names_what_takes_longest():
    under_way = tuple(
        EndpointProgress(name=name, lists=lists, done=1, seconds_left=left)
        for name, lists, left in (("warehouse_syncs", 40, 1140.0), ("users", 1, 0.0), ("segments", 2, 0.0))
    )
    progress = ReadProgress(rows=1, requests=2, endpoints=47, done=44, under_way=under_way)
    assert str(progress) == (
        "44 of 47 endpoints read, 1 row, 2 requests; "
        "waiting for warehouse_syncs (1 of 40 lists, 19 min or more to go), users and 1 more"
    )
