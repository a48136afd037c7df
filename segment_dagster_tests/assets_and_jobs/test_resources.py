"""The resources of the workspace and the destination, in Dagster and in plain Python."""

from typing import Any

import dagster as dg
import pytest

from segment_dagster.assets import DestinationResource, SegmentResource
from segment_dagster.errors import SettingError

TOKEN = "sgp_S3cr3tTokenOfMine"


def test_a_variable_is_read_in_plain_python_too(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    monkeypatch.setenv("MY_DATASET", "segment_mine")
    assert SegmentResource(token=dg.EnvVar("MY_TOKEN")).settings().token == TOKEN
    assert DestinationResource(dataset=dg.EnvVar("MY_DATASET")).settings().dataset == "segment_mine"


def test_a_variable_that_is_not_set_is_as_if_nothing_was_given(monkeypatch):
    monkeypatch.setenv("SEGMENT_API_TOKEN", "that-of-the-environment")
    assert SegmentResource(token=dg.EnvVar("MY_TOKEN")).settings().token == "that-of-the-environment"


def test_no_secret_is_in_the_text_of_a_resource():
    assert TOKEN not in repr(SegmentResource(token=TOKEN, fingerprint_key=TOKEN))


@pytest.mark.parametrize("field", ["region", "layout", "on_unavailable", "preview"])
def test_a_choice_that_is_none_is_refused(field):
    given: dict[str, Any] = {field: "mars"}
    with pytest.raises(SettingError, match=r" is 'mars'\. Legal values: "):
        SegmentResource(**given).settings()


def test_defaults_do_not_replace_what_is_set():
    resource = SegmentResource(region="eu").with_defaults(region="us", history=True)
    assert (resource.region, resource.history) == ("eu", True)
