"""Errors of a read: one line each, a remedy once."""

import tempfile

import pytest

from segment_dagster.client.errors import NotFoundError, TokenError
from segment_dagster.config import ApiSettings, Layout
from segment_dagster.emulator import Fault
from segment_dagster.errors import SegmentError
from segment_dagster.extract import errors
from segment_dagster.extract.errors import ParentError, SpoolError, ValueTypeError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.failures import Failure, format_failures
from segment_dagster_tests.extract.extracted import FAST, FIRST, ROWS, SEGMENTS, SOURCES

pytestmark = pytest.mark.usefixtures("spools")


def test_an_error_that_nobody_expected_costs_no_other_endpoint(emulator, spools):
    from dlt.common.runtime.collector import NullCollector

    class Broken(NullCollector):
        def update(self, name, *args, **kwargs):
            if name == "sources":
                raise ZeroDivisionError("a value")

    with Extractor(ApiSettings(), collector=Broken()) as extractor:
        extracts, failures = extractor.extract_all([SOURCES, ROWS["warehouses"]])
    assert [extract.endpoint.name for extract in extracts] == ["warehouses"]
    text = str(failures[0].error)
    assert text.startswith("sources: reading it failed with ZeroDivisionError at test_extract_errors.py:")
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
    other = NotFoundError("warehouses", "/warehouses", Layout.PUBLIC, "")
    child = ParentError(SEGMENTS, "spaces", second)
    lines = told(("sources", first), ("spaces", second), ("warehouses", other), ("segments", child))
    assert lines == [
        str(first),
        "spaces: GET /spaces was refused: the token is not valid (401).",
        str(other),
        "segments: not read, because it takes one request per record of spaces, which failed.",
    ]


def test_a_child_whose_parent_was_not_asked_for_tells_all():
    child = ParentError(SEGMENTS, "spaces", TokenError("spaces", "/spaces", ""))
    value = ValueTypeError(SOURCES, {"id": "1"}, "id", "is odd")
    assert told(("segments", child), ("sources", value)) == [str(child), str(value)]
    assert told() == []


def test_every_error_of_a_read_is_one_a_person_can_read(extractor, emulator):
    faults = zip(["500", "renamed-key", "null-key", "not-found"], FAST[1:], strict=True)
    emulator.faults.add(*(Fault(kind, name) for kind, name in faults))
    _, failures = extractor.extract_all(FIRST)
    assert [failure.endpoint.name for failure in failures] == [*FAST[1:], "segments"]
    for failure in failures:
        assert isinstance(failure.error, SegmentError)
        assert str(failure.error).splitlines() == [str(failure.error)]


def test_the_tree_at_the_top_of_the_file_is_that_of_the_classes():
    drawn, above = {}, ["SegmentError"]
    for line in (errors.__doc__ or "").split("```")[1].strip().splitlines()[1:]:
        name = line.strip("│└├─ ").split()[0]
        depth = line.index(name) // 4
        above[depth:] = [name]
        drawn[name] = above[depth - 1]
    classes = {each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__}
    assert drawn == {each.__name__: each.__bases__[0].__name__ for each in classes}
