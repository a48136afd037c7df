"""Windows: the same endpoint for several times in one extractor, and what takes no time."""

from datetime import datetime, timedelta, timezone

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import TABLES
from segment_dagster.extract.errors import LookBackError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.times import Window, default_window
from segment_dagster_tests.extract.extracted import SOURCES, asked, rows

pytestmark = pytest.mark.usefixtures("spools")

ROWS = {endpoint.name: endpoint for endpoint in TABLES}
VOLUME, AUDIT, USAGE = ROWS["events_volume"], ROWS["audit_events"], ROWS["usage_api_calls_daily"]
DELTA = ROWS["usage_api_calls_daily_delta"]
NOW = datetime(2026, 3, 31, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
MONDAY, TUESDAY = (Window(NOW.replace(hour=0) - days * DAY, NOW.replace(hour=0) - (days - 1) * DAY) for days in (3, 2))
MARCH = Window(datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 4, 1, tzinfo=timezone.utc))


@pytest.fixture
def extractor(emulator):
    emulator.clock.set(NOW)
    with Extractor(ApiSettings(), now=NOW) as extractor:
        yield extractor


def times(extract):
    return {row["time"] for row in rows(extract)}


def test_two_windows_of_one_endpoint_are_two_reads(extractor, emulator):
    first, second = extractor.extract(VOLUME, MONDAY), extractor.extract(VOLUME, TUESDAY)
    assert (first.window, second.window) == (MONDAY, TUESDAY)
    for extract in (first, second):
        assert extract.rows > 0
        assert all(extract.window.start <= moment < extract.window.end for moment in times(extract))
    before = asked(emulator)
    assert extractor.extract(VOLUME, MONDAY) is first
    assert extractor.extract(VOLUME, TUESDAY) is second
    assert asked(emulator) == before
    assert extractor.progress([VOLUME]).done == 1


def test_the_default_window_is_the_same_read_by_name_or_left_out(extractor):
    assert extractor.extract(AUDIT, default_window(AUDIT, NOW)) is extractor.extract(AUDIT)


def test_each_endpoint_has_the_window_of_its_name(extractor):
    extracts, failures = extractor.extract_all([VOLUME, AUDIT, SOURCES], {VOLUME.name: MONDAY})
    assert failures == []
    assert [extract.window for extract in extracts] == [MONDAY, default_window(AUDIT, NOW), None]


def test_what_is_computed_from_another_endpoint_is_of_the_same_window(extractor, emulator):
    delta = extractor.extract(DELTA, MARCH)
    usage = extractor.extract(USAGE, MARCH)
    assert (delta.window, delta.rows) == (MARCH, usage.rows)
    assert {row["period"] for row in rows(delta)} == {MARCH.start.date()}
    assert emulator.stats.by_endpoint[USAGE.name] == 1


def test_parents_are_read_with_their_own_window(extractor, emulator):
    failed = ROWS["delivery_overview_failed_delivery"]
    extracts, failures = extractor.extract_all([failed], {failed.name: MONDAY})
    assert failures == []
    assert extracts[0].window == MONDAY
    assert extractor.extract(extractor.endpoint("destinations")).window is None
    assert emulator.stats.by_endpoint["destinations"] == 1


def test_a_window_that_cannot_be_read_costs_no_request_and_no_other_window(extractor, emulator):
    overview = ROWS["delivery_overview_successfully_received"]
    with pytest.raises(LookBackError):
        extractor.extract(overview, Window(NOW - 400 * DAY, NOW - 399 * DAY))
    assert emulator.stats.total == 0
    assert extractor.extract(overview, MONDAY).window == MONDAY


def test_a_window_for_an_endpoint_without_time_is_an_error(extractor, emulator):
    with pytest.raises(ValueError, match=r"^sources: there is a window for it, but it takes none: it has no time$"):
        extractor.extract(SOURCES, MONDAY)
    with pytest.raises(ValueError, match=r"^sources: there is a window for it, but it takes none: it has no time$"):
        extractor.extract_all([VOLUME, SOURCES], {SOURCES.name: MONDAY})
    assert emulator.stats.total == 0


def test_a_window_for_what_is_not_read_is_an_error(extractor, emulator):
    with pytest.raises(ValueError, match=r"^events_volume: .* it is not among the endpoints to read$"):
        extractor.extract_all([SOURCES], {VOLUME.name: MONDAY})
    assert emulator.stats.total == 0
