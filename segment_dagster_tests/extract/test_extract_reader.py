"""The extractor: each endpoint whole and once, failures held apart, nothing left behind, an end at any time."""

import json
import logging
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment_dagster.client.errors import ApiError, ForbiddenError, NotFoundError, ServerError, TokenError
from segment_dagster.config import resolve
from segment_dagster.demo.expected import expected_rows
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import CATALOGUE, TABLES, Secrecy
from segment_dagster.errors import SegmentError, SettingError
from segment_dagster.extract.columns import column_name
from segment_dagster.extract.errors import ParentError, SpoolError, ValueTypeError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.failures import Failure, format_failures
from segment_dagster.extract.first_page import FirstPage, rows_moved
from segment_dagster.extract.progress import EndpointProgress, ReadProgress
from segment_dagster.extract.rows import schema_of
from segment_dagster.extract.spool import Spool
from segment_dagster.extract.undeclared import UNDECLARED
from segment_dagster.redaction import REDACTED
from segment_dagster_tests.client.raw import serving
from segment_dagster_tests.text_finder import TextFinder

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
SOURCES, SPACES, SEGMENTS = ROWS["sources"], ROWS["spaces"], ROWS["segments"]
FAST = ["workspace", "sources", "destinations", "warehouses", "spaces"]
FIRST = [ROWS[name] for name in (*FAST, "segments")]
AUDIENCE_BY_AUDIENCE = {row.name for row in CATALOGUE if row.slow and row.parent and row.parent.endpoint == "segments"}
"""2,400 requests each: `make full-read` reads them."""


@pytest.fixture(autouse=True)
def spools(tmp_path, monkeypatch):
    """Where everything that is put on disk for a while goes."""
    directory = tmp_path / "spools"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.fixture
def extractor(emulator):
    with Extractor(resolve()) as extractor:
        yield extractor


def rows(extract):
    tables = [pq.read_table(part.path) for part in extract.parts]
    return pa.concat_tables(tables, promote_options="default").to_pylist()


def ids(extract):
    return [row["id"] for row in rows(extract)]


def expected_ids(emulator, name):
    return [record["id"] for record in emulator.world.records(name)]


def asked(emulator):
    return {name: count for name, count in emulator.stats.by_endpoint.items() if count}


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
    with Extractor(resolve(page_size=150, concurrency=2)) as extractor:
        extract = extractor.extract(SEGMENTS)
        assert sorted(ids(extract)) == sorted(expected_ids(emulator, "segments"))
        assert extract.total_entries == len(expected_ids(emulator, "segments"))


@pytest.mark.parametrize("selection", [["segments"], ["spaces", "segments"], ["segments", "spaces"]], ids="+".join)
def test_a_parent_is_asked_for_once(selection, extractor, emulator):
    extracts, failures = extractor.extract_all([ROWS[name] for name in selection])
    assert [extract.endpoint.name for extract in extracts] == selection
    assert failures == []
    assert emulator.stats.by_endpoint["spaces"] == 1


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


def test_the_versioned_layout_needs_no_parent(emulator):
    with Extractor(resolve(layout="versioned")) as extractor:
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
    with Extractor(resolve(layout=layout)) as extractor, pytest.raises(SettingError) as caught:
        extractor.endpoint(name)
    text = str(caught.value)
    assert text.startswith(f"endpoints names {name!r}, which the '{layout}' layout does not have. {says}")
    assert len(text) < 250


def test_an_unknown_name_is_cut(extractor):
    with pytest.raises(SettingError) as caught:
        extractor.endpoint("x\n" * 10_000)
    assert len(str(caught.value)) < 350
    assert "\n" not in str(caught.value)


def test_what_is_named_twice_is_read_once(extractor, emulator):
    extracts, failures = extractor.extract_all([SOURCES, SPACES, SOURCES])
    assert [extract.endpoint.name for extract in extracts] == ["sources", "spaces"]
    assert failures == []


def test_progress_tells_rows_requests_and_what_is_waited_for(emulator):
    emulator.faults.add(Fault("slow", "warehouses", value=300), Fault("forbidden", "roles"))
    wanted = [ROWS[name] for name in ("sources", "roles", "warehouses", "segments")]
    with ThreadPoolExecutor(1) as thread, Extractor(resolve()) as extractor:
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


def test_an_endpoint_that_the_layout_lacks_is_unknown(emulator):
    with Extractor(resolve(layout="versioned")) as extractor, pytest.raises(SettingError, match="names 'spaces'"):
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


@pytest.mark.parametrize("selection", [["segments"], ["spaces", "segments"]], ids="+".join)
def test_a_child_tells_why_its_parent_failed(selection, extractor, emulator):
    emulator.faults.add(Fault("forbidden", "spaces"))
    extracts, failures = extractor.extract_all([ROWS[name] for name in selection])
    assert extracts == []
    errors = {failure.endpoint.name: failure.error for failure in failures}
    assert isinstance(errors["segments"], ParentError)
    text = str(errors["segments"])
    assert text.startswith("segments: not read, because it is asked for each of spaces, which failed: spaces: GET /")
    assert "The token lacks the permission" in text
    assert "\n" not in text
    assert "segments" not in asked(emulator)
    assert emulator.stats.by_endpoint["spaces"] == 1


def test_a_parent_outside_the_catalogue_is_told(emulator):
    with Extractor(resolve(), catalogue=[SEGMENTS]) as extractor, pytest.raises(ParentError) as caught:
        extractor.extract(SEGMENTS)
    assert "segments: not read, because it is asked for each of spaces" in str(caught.value)


def test_a_list_of_one_parent_that_fails_fails_the_endpoint(emulator):
    emulator.faults.add(Fault("not-found", "segments", after=3, times=1))
    # one after the other: a list whose first page is not found is gone, and no failure
    with (
        Extractor(resolve(concurrency=1)) as extractor,
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
    with Extractor(resolve()) as extractor:
        extractor.extract(SEGMENTS)
    asked = [
        seen.path for seen in sorted(emulator.stats.requests, key=lambda seen: seen.at) if "audiences" in seen.path
    ]
    assert (len(asked), emulator.stats.most_open) == (14, 2)
    # the second list begins before the first has come to its end
    assert asked.index(next(path for path in asked if path != asked[0])) < 6


def test_a_page_that_cannot_become_rows_fails_the_endpoint_and_leaves_nothing(extractor, emulator):
    emulator.faults.add(Fault("wrong-type", "segments", after=2, value="enabled"))
    with pytest.raises(SegmentError, match=r"segments: column enabled of the row with id="):
        extractor.extract(SEGMENTS)
    assert extractor.extract(SOURCES).rows == 40
    assert sorted(path.name for path in Path(extractor._spools._path).iterdir() if path.is_dir()) == [
        "sources",
        "spaces",
    ]


def test_a_failure_is_told_again_without_another_request(extractor, emulator):
    emulator.faults.add(Fault("forbidden", "sources"))
    for _ in range(2):
        with pytest.raises(ForbiddenError):
            extractor.extract(SOURCES)
    assert emulator.stats.total == 1


def test_a_token_revoked_half_way_fails_what_comes_after(emulator):
    emulator.faults.add(Fault("revoked-token", "segments", after=4))
    with Extractor(resolve(concurrency=1)) as extractor:
        with pytest.raises(TokenError):
            extractor.extract(SEGMENTS)
        with pytest.raises(TokenError):
            extractor.extract(SOURCES)


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("wrong-type", "enabled", "column enabled of the row with id="),
        ("wrong-type", "name", "column name of the row with id="),
        ("null-key", None, "column id of the row with id=None is part of the key and is missing"),
    ],
    ids=["bool", "text", "key"],
)
def test_a_value_that_does_not_fit_fails_its_endpoint_alone(kind, value, says, extractor, emulator):
    emulator.faults.add(Fault(kind, "sources", value=value))
    extracts, failures = extractor.extract_all([SOURCES, ROWS["warehouses"]])
    assert [extract.endpoint.name for extract in extracts] == ["warehouses"]
    assert isinstance(failures[0].error, ValueTypeError)
    assert str(failures[0].error).startswith(f"sources: {says}")


@pytest.mark.parametrize("name", ["name", "settings"])
def test_a_field_that_some_records_lack_is_null(name, extractor, emulator):
    emulator.faults.add(Fault("missing-field", "sources", value=name))
    values = [row[name] for row in rows(extractor.extract(SOURCES))]
    assert set(values[::2]) == {None}
    assert set(values[1::2]) != {None}


def test_the_apis_own_count_is_kept_though_it_is_wrong(extractor, emulator):
    emulator.faults.add(Fault("wrong-total", "sources"), Fault("duplicate", "warehouses"))
    assert (extractor.extract(SOURCES).rows, extractor.extract(SOURCES).total_entries) == (40, 41)
    assert (extractor.extract(ROWS["warehouses"]).rows, extractor.extract(ROWS["warehouses"]).total_entries) == (4, 3)


def test_passing_faults_are_counted(extractor, emulator):
    emulator.faults.add(Fault("500", "segments", times=3))
    extract = extractor.extract(SEGMENTS)
    assert sorted(ids(extract)) == sorted(expected_ids(emulator, "segments"))
    assert extract.requests == emulator.stats.by_endpoint["segments"]
    assert extract.waited > 0


@pytest.mark.parametrize("after", [0, 1], ids=["first page", "later page"])
def test_undeclared_fields_of_some_pages_are_a_part_of_their_own(after, emulator):
    emulator.faults.add(Fault("extra-field", "sources", after=after, times=1))
    with Extractor(resolve(page_size=15)) as extractor:
        extract = extractor.extract(SOURCES)
        plain, beyond = extract.parts
        assert set(beyond.columns) - set(plain.columns) == {UNDECLARED}
        assert (plain.rows, beyond.rows) == (25, 15)
        found = rows(extract)
        assert sorted(row["id"] for row in found) == sorted(expected_ids(emulator, "sources"))
        undeclared = [json.loads(row[UNDECLARED]) for row in found if row[UNDECLARED] is not None]
        assert undeclared == [{"betaTier": "gold", "betaLimits": {"daily": 10, "regions": ["eu", "us"]}}] * 15


def test_what_was_replaced_is_told_with_its_number(emulator, caplog):
    first, second, *_ = emulator.world.records("sources")
    emulator.edits.add(Edit("sources", "modify", first["id"], fields={"name": "a\0b"}))
    emulator.edits.add(Edit("sources", "modify", second["id"], fields={"settings": {"a\0": "\0"}}))
    with Extractor(resolve()) as extractor:
        extract = extractor.extract(SOURCES)
        found = {row["id"]: row for row in rows(extract)}
        assert found[first["id"]]["name"] == "a\\u0000b"
        assert json.loads(found[second["id"]]["settings"]) == {"a\\u0000": "\\u0000"}
    assert extract.replaced == "U+0000 by \\u0000 (3 times)"
    assert f"sources: replaced {extract.replaced}, which not every destination takes" in caplog.messages


def test_no_secret_reaches_the_disk_or_the_preview(extractor, emulator, spools):
    guarded = [row for row in CATALOGUE if any(column.secrecy is not Secrecy.NONE for column in row.columns)]
    extracts, _ = extractor.extract_all([row for row in guarded if row.name not in AUDIENCE_BY_AUDIENCE])
    assert len(extracts) > 15
    text = json.dumps([rows(extract) for extract in extracts] + [extract.preview for extract in extracts], default=str)
    assert TextFinder(emulator.world.secrets).found(text) == set()


def test_the_preview_has_no_secret_though_the_rows_do(emulator):
    with Extractor(resolve(include_secrets=True)) as extractor:
        extract = extractor.extract(SOURCES)
        finder = TextFinder(emulator.world.secrets)
        assert finder.found(json.dumps(rows(extract)))
        assert finder.found(json.dumps(extract.preview)) == set()
        assert REDACTED in json.dumps(extract.preview)
        assert [record["id"] for record in extract.preview] == expected_ids(emulator, "sources")[:5]


def test_the_preview_is_as_long_as_there_are_rows(extractor):
    assert len(extractor.extract(ROWS["warehouses"]).preview) == 3
    assert len(extractor.extract(SEGMENTS).preview) == 5


def test_nothing_is_on_disk_before_the_first_read_and_after_the_end(emulator, spools):
    with Extractor(resolve()) as extractor:
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
    with Extractor(resolve()) as extractor:
        extractor.extract_all(FIRST)
    assert list(spools.iterdir()) == []


def test_nothing_is_left_on_disk_after_an_exception_in_the_block(emulator, spools):
    with pytest.raises(KeyboardInterrupt), Extractor(resolve()) as extractor:
        extractor.extract(SOURCES)
        raise KeyboardInterrupt
    assert list(spools.iterdir()) == []


def test_a_reader_may_be_closed_twice_and_unused(emulator):
    extractor = Extractor(resolve())
    extractor.close()
    extractor.close()


CLOSE_WHILE_IT_WAITS = """
import logging, sys, threading
from segment_dagster.config import resolve
from segment_dagster.extract.extractor import Extractor

begun = threading.Event()

class Waiting(logging.Handler):
    def emit(self, record):
        begun.set()

logging.getLogger("segment_dagster.client").addHandler(Waiting())
extractor = Extractor(resolve(concurrency=int(sys.argv[1])))
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


@pytest.mark.parametrize("concurrency", [16, 1], ids=["all under way", "some queued"])
@pytest.mark.parametrize("selection", [["segments"], FAST], ids=["child", "many"])
def test_closing_ends_a_read_that_waits(selection, concurrency, emulator, spools):
    emulator.faults.add(*(Fault("429-retry-after", name, value=100) for name in selection))
    ran = in_a_process(CLOSE_WHILE_IT_WAITS, str(concurrency), *selection, spools=spools)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "delivered 0\n" or ran.stdout.startswith("raised ")
    assert list(spools.iterdir()) == []


def test_an_error_that_nobody_expected_costs_no_other_endpoint(emulator, spools):
    from dlt.common.runtime.collector import NullCollector

    class Broken(NullCollector):
        def update(self, name, *args, **kwargs):
            if name == "sources":
                raise ZeroDivisionError("a value")

    with Extractor(resolve(), collector=Broken()) as extractor:
        extracts, failures = extractor.extract_all([SOURCES, ROWS["warehouses"]])
    assert [extract.endpoint.name for extract in extracts] == ["warehouses"]
    text = str(failures[0].error)
    assert text.startswith("sources: reading it failed with ZeroDivisionError at test_extract_reader.py:")
    assert "a value" not in text
    assert list(spools.iterdir()) == []


def test_a_disk_that_takes_nothing_is_told(extractor, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    _, failures = extractor.extract_all([SOURCES])
    assert isinstance(failures[0].error, SpoolError)
    text = str(failures[0].error)
    assert text.startswith(f"sources: the rows could not be kept in {tmp_path}/missing")
    assert "No such file or directory" in text
    assert "TMPDIR" in text


def told(*failures):
    return format_failures([Failure(ROWS[name], error) for name, error in failures])


def test_a_remedy_is_told_once():
    first, second = (TokenError(name, f"/{name}", "no") for name in ("sources", "spaces"))
    other = NotFoundError("warehouses", "/warehouses", "public", "")
    child = ParentError(SEGMENTS, "spaces", second)
    lines = told(("sources", first), ("spaces", second), ("warehouses", other), ("segments", child))
    assert lines == [
        str(first),
        "spaces: GET /spaces was refused: the token is not valid (401).",
        str(other),
        "segments: not read, because it is asked for each of spaces, which failed.",
    ]


def test_a_child_whose_parent_was_not_asked_for_tells_all():
    child = ParentError(SEGMENTS, "spaces", TokenError("spaces", "/spaces", ""))
    value = ValueTypeError(SOURCES, {"id": "1"}, "id", "is odd")
    assert told(("segments", child), ("sources", value)) == [str(child), str(value)]
    assert told() == []


def test_progress_is_counted_in_rows_by_endpoint(emulator):
    from dlt.common.runtime.collector import DictCollector

    collector = DictCollector()
    with collector("read"), Extractor(resolve(), collector=collector) as extractor:
        extractor.extract_all([ROWS[name] for name in FAST])
        counts = {name: collector.counters[name] for name in FAST}
    assert counts == {name: len(emulator.world.records(name)) for name in FAST}


def test_a_finished_endpoint_is_logged_in_one_line(extractor, emulator, caplog):
    with caplog.at_level(logging.INFO, "segment_dagster"):
        extractor.extract(SOURCES)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("segment_dagster.extract")]
    assert len(lines) == 1
    assert lines[0].startswith("sources: 40 rows in 1 request, ")


def test_many_lists_are_asked_for_at_once_but_no_more_than_allowed(emulator):
    emulator.faults.add(Fault("slow", value=0.05))
    with Extractor(resolve(concurrency=3)) as extractor:
        extractor.extract_all([ROWS["source_regulations"], ROWS["space_entity_properties"], ROWS["roles"]])
    assert emulator.stats.most_open == 3


def test_a_spool_flushes_groups_of_rows_and_keeps_all(tmp_path):
    schema = pa.schema([("id", pa.string())])
    spool = Spool(tmp_path / "spool", schema)
    big = pa.table({"id": [f"{number:064d}" for number in range(7_000)]})
    for _ in range(5):
        spool.write(big)
    spool.write(pa.table({"id": ["x"], "more": ["y"]}))
    declared, beyond = spool.close()
    assert (declared.rows, beyond.rows) == (35_000, 1)
    assert pq.ParquetFile(declared.path).num_row_groups == 3
    assert pq.read_table(declared.path).num_rows == 35_000
    assert beyond.columns == ("id", "more")


def test_a_spool_without_rows_is_a_part_with_the_declared_columns(tmp_path):
    (part,) = Spool(tmp_path / "spool", schema_of(SOURCES)).close()
    assert part.rows == 0
    assert pq.read_table(part.path).schema.equals(schema_of(SOURCES))
    assert isinstance(part.path, Path)


def test_large_rows_are_flushed_by_their_bytes(tmp_path):
    spool = Spool(tmp_path / "spool", pa.schema([("id", pa.string())]))
    for _ in range(4):
        spool.write(pa.table({"id": ["x" * (5 * 1024 * 1024)]}))
    (part,) = spool.close()
    assert pq.ParquetFile(part.path).num_row_groups == 2


def test_every_error_of_a_read_is_one_a_person_can_read(extractor, emulator):
    faults = zip(["500", "renamed-key", "null-key", "not-found"], FAST[1:], strict=True)
    emulator.faults.add(*(Fault(kind, name) for kind, name in faults))
    _, failures = extractor.extract_all(FIRST)
    assert [failure.endpoint.name for failure in failures] == [*FAST[1:], "segments"]
    for failure in failures:
        assert isinstance(failure.error, SegmentError)
        assert str(failure.error).splitlines() == [str(failure.error)]


@pytest.fixture
def small_pages(emulator, monkeypatch):
    """Sources in five pages. What a test does between two of them is done by `emulator.moments`."""
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", "9")
    with Extractor(resolve()) as extractor:
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
    with Extractor(resolve(page_size=200, concurrency=1)) as extractor:
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
    with Extractor(resolve(page_size=3, concurrency=1)) as extractor:
        assert extractor.extract(endpoint).unstable == 0
    assert ("changed while being read: it is read again" in caplog.text) is again


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
        settings = resolve(token="a-token-of-mine", base_url=api.url, layout=layout, page_size=200, concurrency=1)
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
