"""Lists that change while they are read: noticed, read again, told."""

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.first_page import FirstPage, rows_moved
from segment_dagster_tests.extract.extracted import ROWS, SEGMENTS, SOURCES, ids

pytestmark = pytest.mark.usefixtures("spools")


@pytest.fixture
def small_pages(emulator, monkeypatch):
    """Sources in five pages. What a test does between two of them is done by `emulator.moments`."""
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "9")
    with Extractor(ApiSettings()) as extractor:
        yield extractor


def deletes(emulator, place):
    """Deletes the source that is at a place of the list then."""
    return lambda: emulator.edits.add(Edit("sources", "delete", emulator.records("sources")[place]["id"]))


def creates(emulator, identity):
    return lambda: emulator.edits.add(Edit("sources", "create", identity))


@pytest.mark.parametrize("change", [deletes, creates], ids=["deleted", "created"])
@pytest.mark.parametrize("page", [2, 5])
def test_a_list_that_changes_between_two_pages_is_read_again(page, change, emulator, small_pages, caplog):
    emulator.hooks.at(page, change(emulator, 0 if change is deletes else "made"), "sources")
    extract = small_pages.extract(SOURCES)
    assert ids(extract) == [record["id"] for record in emulator.records("sources")]
    assert (extract.unstable, extract.total_entries) == (0, len(emulator.records("sources")))
    # five pages, then five and the first once more
    assert extract.requests == emulator.stats.by_endpoint["sources"] == 11
    assert "sources: 1 list changed while being read: it is read again" in caplog.text


def test_a_list_that_never_stands_still_is_told(emulator, small_pages, caplog, spools):
    for request in range(2, 16):
        emulator.hooks.at(request, deletes(emulator, 0), "sources")
    extract = small_pages.extract(SOURCES)
    assert extract.unstable == 1
    assert "sources: 1 list changed while being read: rows may be missing. Load it again" in caplog.text
    lost = {record["id"] for record in emulator.records("sources")} - set(ids(extract))
    assert lost, "this is what it is told for"
    small_pages.close()
    assert list(spools.iterdir()) == []


def test_a_read_that_took_long_is_not_begun_anew(emulator, small_pages, monkeypatch):
    monkeypatch.setattr("segment_dagster.extract.endpoint_reader.RETRY_WITHIN", -1)
    emulator.hooks.at(2, deletes(emulator, 0), "sources")
    assert small_pages.extract(SOURCES).unstable == 1
    assert emulator.stats.by_endpoint["sources"] == 5


@pytest.mark.parametrize("page", [2, 3, 5])
@pytest.mark.parametrize("gone", [0, 4, 8])
def test_a_record_that_comes_as_another_goes_has_the_list_read_again(gone, page, emulator, small_pages, caplog):
    emulator.hooks.at(page, deletes(emulator, gone), "sources")
    emulator.hooks.at(page, creates(emulator, "made"), "sources")
    extract = small_pages.extract(SOURCES)
    assert ids(extract) == [record["id"] for record in emulator.records("sources")]
    assert (extract.unstable, extract.rows, extract.total_entries) == (0, 40, 40)
    assert extract.requests == emulator.stats.by_endpoint["sources"] == 12
    assert "sources: 1 list changed while being read: it is read again" in caplog.text


def test_a_list_whose_records_come_and_go_all_the_time_is_told(emulator, small_pages, caplog):
    for request in range(2, 19):
        emulator.hooks.at(request, deletes(emulator, 0), "sources")
        emulator.hooks.at(request, creates(emulator, f"made{request}"), "sources")
    extract = small_pages.extract(SOURCES)
    assert (extract.unstable, extract.total_entries) == (1, 40)
    assert emulator.stats.by_endpoint["sources"] == 18
    assert "sources: 1 list changed while being read: rows may be missing. Load it again" in caplog.text


def test_a_parent_that_goes_before_its_first_page_is_asked_for_again_is_gone(emulator):
    space = emulator.records("spaces")[0]["id"]
    with Extractor(ApiSettings(page_size=200, concurrency=1)) as extractor:
        emulator.hooks.at(7, lambda: emulator.edits.add(Edit("spaces", "delete", space)), "segments")
        extract = extractor.extract(SEGMENTS)
        read = ids(extract)
    assert (extract.not_found, extract.unstable) == (1, 0)
    assert sorted(read) == sorted(record["id"] for record in emulator.records("segments"))


def test_a_record_that_is_modified_is_no_reason_to_read_again(emulator, small_pages):
    identity = emulator.records("sources")[0]["id"]
    emulator.hooks.at(
        3, lambda: emulator.edits.add(Edit("sources", "modify", identity, {"name": "Renamed"})), "sources"
    )
    extract = small_pages.extract(SOURCES)
    assert (extract.unstable, extract.requests) == (0, 6)


@pytest.mark.parametrize(
    ("endpoint", "before", "after", "moved"),
    [
        (SOURCES, "abc", "abc", False),
        (SOURCES, "abc", "acb", False),
        (SOURCES, "abc", "bcd", True),
        (SOURCES, "abc", "xab", True),
        (SOURCES, "abc", "", True),
        (ROWS["reverse_etl_syncs"], "abc", "abc", False),
        (ROWS["reverse_etl_syncs"], "abc", "xab", False),
        (ROWS["reverse_etl_syncs"], "abc", "xyz", False),
        (ROWS["reverse_etl_syncs"], "abc", "bcd", True),
        (ROWS["reverse_etl_syncs"], "abc", "xbc", True),
        (ROWS["audit_events"], "abc", "yxa", False),
        (ROWS["audit_events"], "abc", "acd", True),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_which_first_pages_tell_of_rows_that_moved(endpoint, before, after, moved):
    old, new = (FirstPage(tuple(map(ord, keys))) for keys in (before, after))
    assert rows_moved(endpoint, old, new) is moved


BOUND = next(row for row in CATALOGUE if row.total_is_bound)


LOG = ROWS["reverse_etl_syncs"]


@pytest.mark.parametrize(
    ("endpoint", "after", "again"),
    [(SOURCES, 0, True), (SOURCES, 1, True), (BOUND, 0, False), (BOUND, 1, False), (LOG, 0, True), (LOG, 1, False)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_which_changes_of_the_total_move_rows(endpoint, after, again, emulator, caplog):
    # one more on the first page alone, or from the second on: the list becomes shorter, or longer
    emulator.faults.add(Fault("wrong-total", endpoint.name, after=after, times=None if after else 1))
    with Extractor(ApiSettings(page_size=3, concurrency=1)) as extractor:
        assert extractor.extract(endpoint).unstable == 0
    assert ("changed while being read: it is read again" in caplog.text) is again
