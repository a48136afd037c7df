"""What parents give to the requests of their children, and what becomes of these when a parent fails."""

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Fault
from segment_dagster.extract.errors import ParentError
from segment_dagster.extract.extractor import Extractor
from segment_dagster_tests.extract.extracted import ROWS, SEGMENTS, asked

pytestmark = pytest.mark.usefixtures("spools")


@pytest.mark.parametrize("selection", [["segments"], ["spaces", "segments"], ["segments", "spaces"]], ids="+".join)
def test_a_parent_is_asked_for_once(selection, extractor, emulator):
    extracts, failures = extractor.extract_all([ROWS[name] for name in selection])
    assert [extract.endpoint.name for extract in extracts] == selection
    assert failures == []
    assert emulator.stats.by_endpoint["spaces"] == 1


@pytest.mark.parametrize("selection", [["segments"], ["spaces", "segments"]], ids="+".join)
def test_a_child_tells_why_its_parent_failed(selection, extractor, emulator):
    emulator.faults.add(Fault("forbidden", "spaces"))
    extracts, failures = extractor.extract_all([ROWS[name] for name in selection])
    assert extracts == []
    errors = {failure.endpoint.name: failure.error for failure in failures}
    assert isinstance(errors["segments"], ParentError)
    text = str(errors["segments"])
    assert text.startswith(
        "segments: not read, because it takes one request per record of spaces, which failed: spaces: GET /"
    )
    assert "The token lacks the permission" in text
    assert "\n" not in text
    assert "segments" not in asked(emulator)
    assert emulator.stats.by_endpoint["spaces"] == 1


def test_a_parent_outside_the_catalogue_is_told(emulator):
    with Extractor(ApiSettings(), catalogue=[SEGMENTS]) as extractor, pytest.raises(ParentError) as caught:
        extractor.extract(SEGMENTS)
    assert "segments: not read, because it takes one request per record of spaces" in str(caught.value)
