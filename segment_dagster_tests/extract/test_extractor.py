"""The extractor: each endpoint whole and once, by window; failures apart, nothing left behind."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from segment_dagster.client.errors import ForbiddenError, ServerError, TokenError
from segment_dagster.config import ApiSettings
from segment_dagster.demo.expected import expected_rows
from segment_dagster.emulator import Fault
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster.errors import SettingError
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.rows import schema_of
from segment_dagster_tests.extract.extracted import (
    AUDIENCE_BY_AUDIENCE,
    FAST,
    FIRST,
    ROWS,
    SEGMENTS,
    SOURCES,
    SPACES,
    asked,
    expected_ids,
    ids,
    rows,
)

pytestmark = pytest.mark.usefixtures("spools")


@pytest.mark.parametrize(
    "endpoint",
    [endpoint for endpoint in CATALOGUE if endpoint.name not in AUDIENCE_BY_AUDIENCE],
    ids=lambda endpoint: endpoint.name,
)
def test_an_endpoint_is_delivered_whole(endpoint, extractor, emulator):
    emulator.clock.set(extractor.now)
    extract = extractor.extract(endpoint)
    expected = expected_rows(emulator.world, endpoint, extractor.now)
    assert extract.rows == sum(part.rows for part in extract.parts) == expected
    key = [column_name(field) for field in endpoint.primary_key]
    assert len({tuple(row[column] for column in key) for row in rows(extract)}) == expected
    if not endpoint.page_size:
        assert extract.total_entries is None
    elif endpoint.total_is_bound:
        assert extract.total_entries >= extract.records
    elif endpoint.paging.required:
        assert extract.total_entries == extract.records
    first = next(row for row in CATALOGUE if row.path == endpoint.path)
    assert extract.requests == emulator.stats.by_endpoint[first.name] >= extract.lists
    assert extract.not_found == 0
    assert extract.seconds > 0
    assert all(set(part.columns) == set(schema_of(endpoint).names) for part in extract.parts)


def test_records_come_in_the_apis_order(extractor, emulator):
    assert ids(extractor.extract(SOURCES)) == expected_ids(emulator, "sources")


def test_the_same_rows_come_by_small_pages(emulator):
    with Extractor(ApiSettings(page_size=150, concurrency=2)) as extractor:
        extract = extractor.extract(SEGMENTS)
        assert sorted(ids(extract)) == sorted(expected_ids(emulator, "segments"))
        assert extract.total_entries == len(expected_ids(emulator, "segments"))


def test_what_was_read_is_not_asked_for_again(extractor, emulator):
    first, _ = extractor.extract_all(FIRST)
    before = asked(emulator)
    second, _ = extractor.extract_all(FIRST)
    assert [one is other for one, other in zip(first, second, strict=True)] == [True] * len(FIRST)
    assert asked(emulator) == before


def test_many_threads_that_read_one_endpoint_ask_once(extractor, emulator):
    with ThreadPoolExecutor(16) as threads:
        extracts = list(threads.map(extractor.extract, [SEGMENTS, SPACES] * 8))
    assert len({id(extract) for extract in extracts}) == 2
    assert emulator.stats.by_endpoint["spaces"] == 1


def test_reading_nothing_asks_nothing(extractor, emulator):
    assert extractor.extract_all([]) == ([], [])
    assert emulator.stats.total == 0


def test_what_is_named_twice_is_read_once(extractor, emulator):
    extracts, failures = extractor.extract_all([SOURCES, SPACES, SOURCES])
    assert [extract.endpoint.name for extract in extracts] == ["sources", "spaces"]
    assert failures == []


def test_the_versioned_layout_needs_no_parent(emulator):
    with Extractor(ApiSettings(layout="versioned")) as extractor:
        offered = [endpoint.name for endpoint in extractor.available()]
        assert offered == [endpoint.name for endpoint in CATALOGUE if endpoint.versioned]
        extracts, failures = extractor.extract_all(extractor.available())
        assert failures == []
        for extract in extracts:
            assert sorted(ids(extract)) == sorted(expected_ids(emulator, extract.endpoint.name))
    assert "spaces" not in asked(emulator)


@pytest.mark.parametrize(
    ("layout", "name", "says"),
    [
        ("public", "source", "Did you mean sources"),
        ("public", "sorces", "Did you mean sources"),
        ("public", "Users", "Did you mean users"),
        ("public", "segment/warehouses", "Did you mean warehouses"),
        ("public", "xyzzy", f"`python segment_pipeline.py --list` shows the {len(TABLES)} that there are."),
        ("versioned", "xyzzy", "Legal values: "),
    ],
)
def test_an_unknown_name_tells_those_that_look_like_it(layout, name, says, emulator):
    with Extractor(ApiSettings(layout=layout)) as extractor, pytest.raises(SettingError) as caught:
        extractor.endpoint(name)
    text = str(caught.value)
    assert text.startswith(f"endpoints names {name!r}, which the '{layout}' layout does not have. {says}")
    assert len(text) < 250


def test_an_unknown_name_is_cut(extractor):
    with pytest.raises(SettingError) as caught:
        extractor.endpoint("x\n" * 10_000)
    assert len(str(caught.value)) < 350
    assert "\n" not in str(caught.value)


def test_an_endpoint_that_the_layout_lacks_is_unknown(emulator):
    with Extractor(ApiSettings(layout="versioned")) as extractor, pytest.raises(SettingError, match="names 'spaces'"):
        extractor.endpoint("spaces")


def test_one_endpoints_failure_costs_no_other(extractor, emulator):
    emulator.faults.add(Fault("forbidden", "destinations"))
    extracts, failures = extractor.extract_all([ROWS[name] for name in FAST])
    assert [extract.endpoint.name for extract in extracts] == [name for name in FAST if name != "destinations"]
    ((failed, error),) = [(failure.endpoint.name, failure.error) for failure in failures]
    assert failed == "destinations"
    assert isinstance(error, ForbiddenError)


def test_failures_come_in_the_order_asked_for(extractor, emulator):
    emulator.faults.add(Fault("not-found", "warehouses"), Fault("forbidden", "sources"))
    _, failures = extractor.extract_all([ROWS["warehouses"], ROWS["workspace"], SOURCES])
    assert [failure.endpoint.name for failure in failures] == ["warehouses", "sources"]


def test_a_failure_is_told_again_without_another_request(extractor, emulator):
    emulator.faults.add(Fault("forbidden", "sources"))
    for _ in range(2):
        with pytest.raises(ForbiddenError):
            extractor.extract(SOURCES)
    assert emulator.stats.total == 1


def test_a_token_revoked_half_way_fails_what_comes_after(emulator):
    emulator.faults.add(Fault("revoked-token", "segments", after=4))
    with Extractor(ApiSettings(concurrency=1)) as extractor:
        with pytest.raises(TokenError):
            extractor.extract(SEGMENTS)
        with pytest.raises(TokenError):
            extractor.extract(SOURCES)


def test_passing_faults_are_counted(extractor, emulator):
    emulator.faults.add(Fault("500", "segments", times=3))
    extract = extractor.extract(SEGMENTS)
    assert sorted(ids(extract)) == sorted(expected_ids(emulator, "segments"))
    assert extract.requests == emulator.stats.by_endpoint["segments"]
    assert extract.waited > 0


def test_a_finished_endpoint_is_logged_in_one_line(extractor, emulator, caplog):
    with caplog.at_level(logging.INFO, "segment_dagster"):
        extractor.extract(SOURCES)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("segment_dagster.extract")]
    assert len(lines) == 1
    assert lines[0].startswith("sources: 40 rows in 1 request, ")


def test_progress_is_counted_in_rows_by_endpoint(emulator):
    from dlt.common.runtime.collector import DictCollector

    collector = DictCollector()
    with collector("read"), Extractor(ApiSettings(), collector=collector) as extractor:
        extractor.extract_all([ROWS[name] for name in FAST])
        counts = {name: collector.counters[name] for name in FAST}
    assert counts == {name: len(emulator.world.records(name)) for name in FAST}


def test_nothing_is_on_disk_before_the_first_read_and_after_the_end(emulator, spools):
    with Extractor(ApiSettings()) as extractor:
        assert list(spools.iterdir()) == []
        extractor.extract_all([SOURCES, SPACES])
        assert len(list(spools.rglob("*.parquet"))) == 2
    assert list(spools.iterdir()) == []


def test_nothing_of_a_failed_endpoint_is_left_on_disk(extractor, emulator, spools):
    emulator.faults.add(Fault("500", "segments", after=4))
    with pytest.raises(ServerError):
        extractor.extract(SEGMENTS)
    assert [path.parent.name for path in spools.rglob("*.parquet")] == ["spaces"]


def test_nothing_is_left_on_disk_after_failures(emulator, spools):
    emulator.faults.add(Fault("500", "segments", after=4), Fault("wrong-type", "sources"))
    with Extractor(ApiSettings()) as extractor:
        extractor.extract_all(FIRST)
    assert list(spools.iterdir()) == []


def test_nothing_is_left_on_disk_after_an_exception_in_the_block(emulator, spools):
    with pytest.raises(KeyboardInterrupt), Extractor(ApiSettings()) as extractor:
        extractor.extract(SOURCES)
        raise KeyboardInterrupt
    assert list(spools.iterdir()) == []


def test_an_extractor_may_be_closed_twice_and_unused(emulator):
    extractor = Extractor(ApiSettings())
    extractor.close()
    extractor.close()
