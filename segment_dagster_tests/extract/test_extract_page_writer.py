"""A page becomes rows on disk: typed, redacted, or refused."""

import json
from pathlib import Path

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import CATALOGUE, Secrecy
from segment_dagster.errors import SegmentError
from segment_dagster.extract.errors import ValueTypeError
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.undeclared import UNDECLARED
from segment_dagster.redaction import REDACTED
from segment_dagster_tests.extract.extracted import (
    AUDIENCE_BY_AUDIENCE,
    ROWS,
    SEGMENTS,
    SOURCES,
    expected_ids,
    rows,
)
from segment_dagster_tests.text_finder import TextFinder

pytestmark = pytest.mark.usefixtures("spools")


def test_a_page_that_cannot_become_rows_fails_the_endpoint_and_leaves_nothing(extractor, emulator):
    emulator.faults.add(Fault("wrong-type", "segments", after=2, value="enabled"))
    with pytest.raises(SegmentError, match=r"segments: column enabled of the row with id="):
        extractor.extract(SEGMENTS)
    assert extractor.extract(SOURCES).rows == 40
    assert sorted(path.name for path in Path(extractor._spools._path).iterdir() if path.is_dir()) == [
        "sources",
        "spaces",
    ]


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


@pytest.mark.parametrize("after", [0, 1], ids=["first page", "later page"])
def test_undeclared_fields_of_some_pages_are_a_part_of_their_own(after, emulator):
    emulator.faults.add(Fault("extra-field", "sources", after=after, times=1))
    with Extractor(ApiSettings(page_size=15)) as extractor:
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
    with Extractor(ApiSettings()) as extractor:
        extract = extractor.extract(SOURCES)
        found = {row["id"]: row for row in rows(extract)}
        assert found[first["id"]]["name"] == "a\\u0000b"
        assert json.loads(found[second["id"]]["settings"]) == {"a\\u0000": "\\u0000"}
    assert extract.replaced == "U+0000 by \\u0000 (3 times)"
    assert f"sources: replaced {extract.replaced}, which not every destination takes" in caplog.messages


@pytest.mark.slow
def test_no_secret_reaches_the_disk_or_the_preview(extractor, emulator, spools):
    guarded = [row for row in CATALOGUE if any(column.secrecy is not Secrecy.NONE for column in row.columns)]
    extracts, _ = extractor.extract_all([row for row in guarded if row.name not in AUDIENCE_BY_AUDIENCE])
    assert len(extracts) > 15
    text = json.dumps([rows(extract) for extract in extracts] + [extract.preview for extract in extracts], default=str)
    assert TextFinder(emulator.world.secrets).found(text) == set()


def test_the_preview_has_no_secret_though_the_rows_do(emulator):
    with Extractor(ApiSettings(include_secrets=True)) as extractor:
        extract = extractor.extract(SOURCES)
        finder = TextFinder(emulator.world.secrets)
        assert finder.found(json.dumps(rows(extract)))
        assert finder.found(json.dumps(extract.preview)) == set()
        assert REDACTED in json.dumps(extract.preview)
        assert [record["id"] for record in extract.preview] == expected_ids(emulator, "sources")[:5]


def test_the_preview_is_as_long_as_there_are_rows(extractor):
    assert len(extractor.extract(ROWS["warehouses"]).preview) == 3
    assert len(extractor.extract(SEGMENTS).preview) == 5
