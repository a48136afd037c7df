"""Personal data as it is shown."""

import re
from dataclasses import replace

import pytest

from segment_dagster.assets.preview import shown_rows
from segment_dagster.config import ApiSettings, Preview
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.errors import SettingError
from segment_dagster.extract.errors import ValueTypeError
from segment_dagster.extract.people import shown_id, shown_key, shown_person
from segment_dagster.redaction.masks import mask, mask_people


def text_of(rows, fields, personal, shown):
    value = shown_rows(rows, fields, personal, shown)
    assert value is not None
    return value.value


ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
ANN = "ann.smith@example.com"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ANN, "a***@e***"),
        ("Ann Smith", "A***"),
        ("x", "***"),
        ("x@y", "***@***"),
        ("安", "***"),
        ("user_123", "u***"),
        (4711, "4***"),
        ("", ""),
        (None, None),
        (True, True),
        ([ANN, {"id": ["user_123"], "on": True}], ["a***@e***", {"id": ["u***"], "on": True}]),
    ],
    ids=repr,
)
def test_a_personal_value_is_masked(value, shown):
    assert mask(value) == shown


def test_masked_values_differ_where_they_do_and_are_equal_where_they_are():
    shown = [mask(value, distinct=True) for value in (ANN, "ann.jones@example.org", ANN)]
    assert shown[0] == shown[2] != shown[1]
    assert all(each.startswith("a***@e*** #") and len(each) == 19 for each in shown)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"invited {ANN} yesterday", "invited a***@e*** yesterday"),
        (f'{{"to": "{ANN}"}}', '{"to": "a***@e***"}'),
        ({"to": [f"<{ANN}>", 1]}, {"to": ["<a***@e***>", 1]}),
        ("from 203.0.113.9 on", "from 2*** on"),
        ("from 2001:db8:0:0:0:0:2:1 on", "from 2*** on"),
        ("1.2.3", "1.2.3"),
        ("Order Completed", "Order Completed"),
        ("12:30:45", "12:30:45"),
        (7, 7),
    ],
    ids=repr,
)
def test_addresses_of_people_are_masked_in_any_text(value, shown):
    assert mask_people(value) == shown


ENDPOINTS_OF_PEOPLE = {
    "users": {"id", "name", "email"},
    "user_user_groups": {"userId"},
    "user_group_users": {"id", "name", "email"},
    "user_group_invites": {"email"},
    "invites": {"email"},
    "audit_events": {"actor", "actorEmail", "resourceName"},
    "regulations": {"subjects"},
    "source_regulations": {"subjects"},
    "suppressions": {"subjectId"},
    "functions": {"createdBy"},
    "function_versions": {"author"},
    "source_live_plugins": {"createdBy"},
    "segments": {"createdBy", "updatedBy"},
    "audience_references": {"createdBy", "updatedBy"},
    "computed_traits": {"createdBy", "updatedBy"},
    "catalog_destinations": {"contacts"},
    "space_entity_properties": {"samples"},
    "space_event_properties": {"samples"},
    "space_traits": {"samples"},
}


def test_the_catalogue_says_which_columns_are_about_people():
    assert {row.name: set(row.personal) for row in CATALOGUE if row.personal} == ENDPOINTS_OF_PEOPLE


def test_no_text_of_the_workspace_with_an_address_is_shown(world):
    """Whatever the column: what was not thought of is masked by its look."""
    seen = 0
    for endpoint in CATALOGUE:
        if world.is_timed(endpoint.name):
            continue
        rows = world.records(endpoint.name)[:5]
        fields = [column.field for column in endpoint.columns]
        plain = text_of(rows, fields, endpoint.personal, Preview.ON)
        seen += bool(re.search(r"\w@\w+\.", plain))
        assert not re.search(r"\w@\w+\.", text_of(rows, fields, endpoint.personal, Preview.MASKED))
    assert seen > 2


@pytest.mark.parametrize(
    ("setting", "shown"), [(None, Preview.MASKED), ("off", "off"), ("MASKED", Preview.MASKED), ("on", "on")]
)
def test_the_preview_is_set(setting, shown, monkeypatch):
    if setting:
        monkeypatch.setenv("SEGMENT_PREVIEW", setting)
    assert ApiSettings().preview == shown


def test_a_setting_that_cannot_be_used_is_told(monkeypatch):
    monkeypatch.setenv("SEGMENT_PREVIEW", "some")
    with pytest.raises(SettingError, match=r"SEGMENT_PREVIEW is 'some'. Legal values: off, masked, on."):
        ApiSettings()


def test_a_preview_shows_people_as_it_is_set():
    rows, fields = [{"id": "u1", "name": "Ann Smith", "email": ANN}], ["id", "name", "email"]
    personal = ROWS["users"].personal
    assert shown_rows(rows, fields, personal, Preview.OFF) is None
    assert text_of(rows, fields, personal, Preview.MASKED).splitlines()[-1] == (
        r"| u\*\*\* | A\*\*\* | a\*\*\*@e\*\*\* |"
    )
    assert ANN in text_of(rows, fields, personal, Preview.ON)


@pytest.mark.parametrize("preview", Preview)
def test_a_check_shows_keys_masked(preview):
    found = shown_key(ROWS["user_group_invites"], ["user_group_id", "email"], ["grp_1", ANN], preview)
    # what is no column of the endpoint's is looked through for addresses
    series = shown_key(ROWS["events_volume"], ["event_name"], [f"invited {ANN}"], preview)
    if preview is Preview.ON:
        assert (found, series) == (f"grp_1, {ANN}", f"invited {ANN}")
        assert shown_person(ANN, preview) == shown_id(ANN, preview) == ANN
    else:
        assert found == f"grp_1, {mask(ANN, distinct=True)}"
        assert series == f"invited {mask(ANN, distinct=True)}"
        assert ANN not in found + series + shown_person(ANN, preview) + shown_id(ANN, preview)
        assert shown_person("usr_1", preview).startswith("u*** #") and shown_id("src_1", preview) == "src_1"


def test_an_error_about_a_row_names_its_key_masked():
    error = ValueTypeError(ROWS["suppressions"], {"subjectType": "user", "subjectId": ANN}, "subject_id", "is wrong")
    assert ANN not in str(error)
    assert "subjectType='user', subjectId='a***@e*** #" in str(error)
    error = ValueTypeError(ROWS["sources"], {"id": "src_1"}, "name", "is wrong")
    assert "id='src_1'" in str(error)


def test_a_made_up_endpoint_says_itself_what_is_about_people():
    row = replace(ROWS["sources"], columns=tuple(replace(each, personal=True) for each in ROWS["sources"].columns))
    assert row.personal == {column.field for column in row.columns}
