"""What a history holds since secrets were let in does not go on into the changes."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE, Secrecy
from segment_dagster.endpoints.columns import nested, text
from segment_dagster.marts.records import record_changes
from segment_dagster.marts.redacted import history_redactor
from segment_dagster.redaction import redactor

ROW = replace(
    CATALOGUE[0],
    primary_key=("id",),
    columns=(
        text("id", "x."),
        text("name", "x."),
        text("query", "x."),
        nested("settings", "x.", secrecy=Secrecy.SETTINGS),
        nested("writeKeys", "x.", secrecy=Secrecy.ALL),
    ),
)
LOADS = [datetime(2024, 3, day, 6, tzinfo=timezone.utc) for day in range(1, 10)]
SECRET = "m4rk3r-0f-a-s3cr3t"
KEY = "a key"
ON = ApiSettings(include_secrets=True)
OFF = ApiSettings()
FINGERPRINT = ApiSettings(fingerprint_key=KEY)
RECORD: dict[str, Any] = {
    "id": "a",
    "name": "x",
    "query": f"postgres://me:{SECRET}@db/x",
    "settings": {"apiKey": SECRET, "region": "eu", "list": [{"token": SECRET}], "note": f"Bearer {SECRET}"},
    "writeKeys": [SECRET],
}


def stored(record, start, end, secrets):
    """A version of the record as it landed under some settings."""
    landed = redactor(ROW, secrets)(record)
    row = {("write_keys" if name == "writeKeys" else name): value for name, value in landed.items()}
    return {**row, "row_version": "any", "valid_from": LOADS[start], "valid_to": None if end is None else LOADS[end]}


def changes(*versions, now=OFF):
    redact = history_redactor(ROW, now)
    found = record_changes(ROW, versions, LOADS[0] + timedelta(minutes=1), redact=redact)
    return [(each.name, each.difference.field, each.difference.old, each.difference.new) for each in found]


@pytest.mark.parametrize("now", [OFF, FINGERPRINT], ids=["redacted", "fingerprint"])
@pytest.mark.parametrize("first", [ON, OFF, FINGERPRINT], ids=["secret", "redacted", "fingerprint"])
def test_a_secret_that_is_kept_otherwise_is_no_change(first, now):
    assert changes(stored(RECORD, 0, 2, first), stored(RECORD, 2, None, now), now=now) == []


def test_what_changed_besides_is_told_without_the_secret():
    changed = {**RECORD, "name": "y", "settings": {**RECORD["settings"], "region": "us"}}
    found = changes(stored(RECORD, 0, 2, ON), stored(changed, 2, None, OFF))
    assert found == [("y", "name", "x", "y"), ("y", "settings.region", "eu", "us")]


@pytest.mark.parametrize("now", [OFF, FINGERPRINT], ids=["redacted", "fingerprint"])
def test_a_record_that_was_removed_or_added_is_told_without_its_secrets(now):
    removed = changes(stored(RECORD, 0, 2, ON), now=now)
    added = changes(stored(RECORD, 2, None, ON), now=now)
    assert [len(found) for found in (removed, added)] == [1, 1]
    assert SECRET not in str(removed) + str(added)
    assert "eu" in str(removed)


def test_a_name_that_holds_a_secret_is_told_without_it():
    record = {**RECORD, "name": f"https://me:{SECRET}@example.com"}
    ((name, *_),) = changes(stored(record, 2, None, ON))
    assert name == "https://me:[redacted]@example.com"


def test_another_secret_is_a_change_where_fingerprints_tell_it():
    other = {**RECORD, "writeKeys": ["another"]}
    ((_, field, old, new),) = changes(stored(RECORD, 0, 2, ON), stored(other, 2, None, FINGERPRINT), now=FINGERPRINT)
    assert field == "write_keys" and old != new
    assert SECRET not in str(old)


def test_a_secret_that_is_gone_is_a_change():
    without = {**RECORD, "settings": {**RECORD["settings"], "apiKey": ""}}
    ((_, field, old, new),) = changes(stored(RECORD, 0, 2, ON), stored(without, 2, None, OFF))
    assert (field, old, new) == ("settings.apiKey", "[redacted]", "")


def test_secrets_are_told_where_they_are_asked_for():
    other = {**RECORD, "writeKeys": ["another"]}
    found = changes(stored(RECORD, 0, 2, ON), stored(other, 2, None, ON), now=ON)
    assert found == [("x", "write_keys", [SECRET], ["another"])]


def test_the_settings_are_those_of_the_environment(monkeypatch):
    assert not ApiSettings().include_secrets and ApiSettings().fingerprint_key is None
    monkeypatch.setenv("SEGMENT_INCLUDE_SECRETS", "true")
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", KEY)
    assert ApiSettings().include_secrets and ApiSettings().fingerprint_key == KEY
    assert not ApiSettings(include_secrets=False).include_secrets
