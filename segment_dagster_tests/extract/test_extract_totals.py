"""The API's own count of a list, whichever pages have it."""

import json

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Fault
from segment_dagster.extract.extractor import Extractor
from segment_dagster_tests.client.raw_server import serving
from segment_dagster_tests.extract.extracted import (
    ROWS,
    SOURCES,
)

pytestmark = pytest.mark.usefixtures("spools")


def test_the_apis_own_count_is_kept_though_it_is_wrong(extractor, emulator):
    emulator.faults.add(Fault("wrong-total", "sources"), Fault("duplicate", "warehouses"))
    assert (extractor.extract(SOURCES).rows, extractor.extract(SOURCES).total_entries) == (40, 41)
    assert (extractor.extract(ROWS["warehouses"]).rows, extractor.extract(ROWS["warehouses"]).total_entries) == (4, 3)


def people(number, start=0):
    names = (str(start + each) for each in range(number))
    return [{"id": name, "name": name, "email": f"{name}@example.com"} for name in names]


NO_COUNT = {
    "null": {"pagination": {"next": None}},
    "count is null": {"pagination": {"next": None, "totalEntries": None}},
    "object is null": {"pagination": None},
    "object is empty": {"pagination": {}},
    "absent": {},
}


VERSIONED_NO_COUNT = {"absent": {}, "empty": {"page": {}}, "no count": {"page": {"next": ""}}}


def total_of(layout, endpoint, *bodies):
    """What the delivery says of bodies that are answered in turn, the first once more in the end."""
    answers = iter([*bodies, bodies[0]])

    def answer(_, connection):
        body = json.dumps(next(answers)).encode()
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with serving(answer) as api:
        settings = ApiSettings(token="a-token-of-mine", base_url=api.url, layout=layout, page_size=200, concurrency=1)
        with Extractor(settings) as extractor:
            extract = extractor.extract(endpoint)
    return extract.rows, extract.total_entries, extract.unstable


@pytest.mark.parametrize("last", NO_COUNT.values(), ids=NO_COUNT)
def test_a_count_that_the_last_page_does_not_repeat_is_kept(last):
    first = {"data": {"users": people(200), "pagination": {"next": "c1", "totalEntries": 500}}}
    read = total_of("public", ROWS["users"], first, {"data": {"users": people(2, 200), **last}})
    assert read == (202, 500, 0)


@pytest.mark.parametrize("last", VERSIONED_NO_COUNT.values(), ids=VERSIONED_NO_COUNT)
def test_a_count_that_the_last_page_of_the_versioned_layout_does_not_repeat_is_kept(last):
    first = {"data": people(200), "page": {"next": "c1", "totalEntries": 500}}
    assert total_of("versioned", SOURCES, first, {"data": people(2, 200), **last}) == (202, 500, 0)


def test_a_count_that_only_a_later_page_tells_is_kept():
    pages = [
        {"data": {"users": people(200), "pagination": {"next": "c1"}}},
        {"data": {"users": people(200, 200), "pagination": {"next": "c2", "totalEntries": 500}}},
        {"data": {"users": people(2, 400), "pagination": {"next": None}}},
    ]
    assert total_of("public", ROWS["users"], *pages) == (402, 500, 0)


def test_a_list_that_never_tells_its_count_has_none():
    first = {"data": {"users": people(200), "pagination": {"next": "c1"}}}
    last = {"data": {"users": people(2, 200), "pagination": {"next": None}}}
    assert total_of("public", ROWS["users"], first, last) == (202, None, 0)


def test_counts_that_differ_around_a_page_without_one_tell_of_a_change(monkeypatch):
    monkeypatch.setattr("segment_dagster.extract.endpoint_reader.RETRY_WITHIN", -1)
    pages = [
        {"data": {"users": people(200), "pagination": {"next": "c1", "totalEntries": 402}}},
        {"data": {"users": people(200, 200), "pagination": {"next": "c2"}}},
        {"data": {"users": people(2, 400), "pagination": {"next": None, "totalEntries": 403}}},
    ]
    assert total_of("public", ROWS["users"], *pages) == (402, 403, 1)
