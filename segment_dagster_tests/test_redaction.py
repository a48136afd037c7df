"""Redaction: no secret leaves, and nothing else is lost."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.endpoints import CATALOGUE, Column, Endpoint, Secrecy
from segment_dagster.redaction import REDACTED, is_secret_name, redactor
from segment_dagster.settings import Settings

PLAIN = Settings(token="t", base_url="https://api.segmentapis.com")
MARKER = "m4rk3r-0f-a-s3cr3t"
ENDPOINT = Endpoint(
    name="things",
    domain="things",
    description="Things.",
    documentation="",
    path="/things",
    selector=("data", "things"),
    media_type="application/json",
    primary_key=("id",),
    columns=(
        Column(field="id", type="text", description="Id."),
        Column(field="metadata", type="json", description="Metadata."),
        Column(field="keys", type="json", description="Keys.", secrecy=Secrecy.ALL),
        Column(field="settings", type="json", description="Settings.", secrecy=Secrecy.SETTINGS),
    ),
)
SECRET_NAMES = [
    "apiKey",
    "api_key",
    "APIKey",
    "API_KEY",
    "api-key",
    "x-api-key",
    "secret",
    "clientSecret",
    "client secret",
    "Client Secret",
    "accessToken",
    "access_token_2",
    "password",
    "Password1",
    "dbPassword",
    "passwd",
    "pwd",
    "pass",
    "smtp_pass",
    "passphrase",
    "credentials",
    "private_key_id",
    "Authorization",
    "oauth",
    "basicAuth",
    "signature",
    "signingSecret",
    "bearer",
    "sessionCookie",
    "webhookUrl",
    "webhook",
    "connectionString",
    "connection_string",
    "dsn",
    "sentryDsn",
    "pat",
    "sas",
    "sasUrl",
    "certificate",
    "client_cert",
    "salt",
    "accessKeyId",
]
HARMLESS_NAMES = [
    "region",
    "note",
    "host",
    "port",
    "username",
    "path",
    "passive",
    "compass",
    "endpoint",
    "name",
    "sast",
]


def redacted(record, endpoint=ENDPOINT, **settings):
    return redactor(endpoint, replace(PLAIN, **settings))(record)


def settings_of(settings, metadata=None, **kept):
    return redacted({"id": "1", "metadata": metadata, "settings": settings}, **kept)["settings"]


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, held in value.items():
            yield from leaves(held, (*path, name))
    elif isinstance(value, list):
        for place, held in enumerate(value):
            yield from leaves(held, (*path, place))
    else:
        yield path, value


@pytest.mark.parametrize("key", [None, "a key"], ids=["redacted", "fingerprint"])
@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_no_secret_of_the_workspace_is_left(endpoint, key, world):
    redact = redactor(endpoint, replace(PLAIN, fingerprint_key=key))
    text = json.dumps([redact(record) for record in world.records(endpoint.name)])
    assert not [secret for secret in world.secrets if secret in text]


def test_the_workspace_has_secrets_to_lose(world):
    raw = json.dumps([world.records(endpoint.name) for endpoint in CATALOGUE if world.has(endpoint.name)])
    assert len([secret for secret in world.secrets if secret in raw]) == len(world.secrets) > 100


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_what_is_no_secret_stays(endpoint, world):
    redact = redactor(endpoint, PLAIN)
    changed = 0
    for record in world.records(endpoint.name):
        before, after = dict(leaves(record)), dict(leaves(redact(record)))
        assert before.keys() == after.keys()
        for path, value in before.items():
            if after[path] != value or type(after[path]) is not type(value):
                changed += 1
                assert after[path] == REDACTED
                # all that is below a secret name is secret, the type of `credentials` as well
                below = any(isinstance(name, str) and is_secret_name(name) for name in path)
                assert below or value.removeprefix("Bearer ") in world.secrets, path
    assert bool(changed) is any(column.secrecy is not Secrecy.NONE for column in endpoint.columns)


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_the_record_given_stays_as_it_is(endpoint, world):
    record = world.records(endpoint.name)[0]
    before = copy.deepcopy(record)
    redactor(endpoint, PLAIN)(record)["added"] = 1
    assert record == before


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_secrets_stay_where_they_are_asked_for(endpoint, world):
    redact = redactor(endpoint, replace(PLAIN, include_secrets=True, fingerprint_key="key"))
    records = world.records(endpoint.name)
    assert [redact(record) for record in records] == records


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_setting_of_a_secret_name_is_redacted(name):
    assert is_secret_name(name)
    assert settings_of({name: MARKER, "note": "n"}) == {name: REDACTED, "note": "n"}


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_setting_of_a_harmless_name_stays(name):
    assert not is_secret_name(name)
    assert settings_of({name: "value"}) == {name: "value"}


@pytest.mark.parametrize("value", [0, 1, -2.5, 10**15, True, False, None, "", [], {}], ids=repr)
def test_numbers_booleans_null_and_empty_texts_stay_under_any_name(value):
    after = settings_of({"apiSecret": value, "nested": {"password": [value]}})
    assert after == {"apiSecret": value, "nested": {"password": [value]}}
    assert type(after["apiSecret"]) is type(value)


def test_what_is_below_a_secret_name_is_secret_at_any_depth():
    after = settings_of({"credentials": {"type": "x", "list": ["a", {"deep": ["b", 1, True, None]}]}, "host": "h"})
    stands = REDACTED
    assert after == {
        "credentials": {"type": stands, "list": [stands, {"deep": [stands, 1, True, None]}]},
        "host": "h",
    }


def test_secret_names_are_found_in_lists_and_maps_of_harmless_names():
    after = settings_of({"hooks": [{"url": "u", "sharedSecret": MARKER}], "map": {"staging": {"apiKey": MARKER}}})
    assert after == {"hooks": [{"url": "u", "sharedSecret": REDACTED}], "map": {"staging": {"apiKey": REDACTED}}}


def test_an_option_typed_password_is_secret_whatever_its_name():
    metadata = {"options": [{"name": "ciphertext", "type": "password"}, {"name": "note", "type": "string"}]}
    after = settings_of({"ciphertext": MARKER, "note": "n", "nested": [{"ciphertext": MARKER}]}, metadata)
    assert after == {"ciphertext": REDACTED, "note": "n", "nested": [{"ciphertext": REDACTED}]}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        "text",
        [],
        {},
        {"options": None},
        {"options": "text"},
        {"options": {"name": "note"}},
        {"options": ["note", None]},
        {"options": [{"type": "password"}]},
        {"options": [{"type": "password", "name": 7}]},
        {"options": [{"type": "string", "name": "note"}]},
    ],
    ids=str,
)
def test_metadata_of_any_shape_is_read(metadata):
    assert settings_of({"note": "n", "apiKey": MARKER}, metadata) == {"note": "n", "apiKey": REDACTED}


@pytest.mark.parametrize(
    "value",
    [
        f"-----BEGIN RSA PRIVATE KEY-----\n{MARKER}\n-----END RSA PRIVATE KEY-----",
        f"postgres://me:{MARKER}@db.example.com:5432/x",
        f"https://:{MARKER}@example.com",
        f"mongodb+srv://me:{MARKER}@db",
        f"Bearer {MARKER}",
        f"basic {MARKER}",
    ],
    ids=["private key", "postgres", "no user", "mongodb", "bearer", "basic"],
)
def test_a_text_that_is_a_secret_by_its_look_is_redacted_under_any_name(value):
    assert settings_of({"note": value, "list": [value]}) == {"note": REDACTED, "list": [REDACTED]}


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/in",
        "https://example.com:8080/x@y",
        "me@example.com",
        "basic",
        "Bearer",
        "a:b@c",
        "// x:y@z",
    ],
)
def test_a_text_that_only_resembles_a_secret_stays(value):
    assert settings_of({"note": value}) == {"note": value}


def test_every_text_of_a_wholly_secret_field_is_redacted():
    record = {"id": "1", "keys": ["a", {"name": "b", "n": 1}, [["c"]], "", None, True]}
    assert redacted(record)["keys"] == [REDACTED, {"name": REDACTED, "n": 1}, [[REDACTED]], "", None, True]


def test_a_header_is_redacted_where_it_is_written_as_name_and_value():
    after = settings_of({"headers": [{"key": "X-Api-Key", "value": MARKER}, {"name": "password", "value": MARKER}]})
    assert MARKER not in json.dumps(after)


def test_a_secret_in_a_field_that_the_catalogue_does_not_declare_does_not_leave():
    after = redacted({"id": "1", "signingSecret": MARKER, "newSettings": {"apiKey": MARKER, "host": "h"}})
    assert MARKER not in json.dumps(after)
    assert after["newSettings"]["host"] == "h"


def test_a_missing_field_stays_missing():
    assert redacted({"id": "1"}) == {"id": "1"}


@pytest.mark.parametrize("value", [MARKER, [MARKER], {"a": MARKER}], ids=["text", "list", "map"])
def test_a_wholly_secret_field_of_any_type_is_redacted(value):
    assert MARKER not in json.dumps(redacted({"id": "1", "keys": value}))


@pytest.mark.parametrize("value", ["plain", ["plain", {"apiKey": MARKER}], 7, None], ids=repr)
def test_settings_of_any_type_are_looked_through(value):
    assert MARKER not in json.dumps(settings_of(value))


def test_fingerprints_tell_equal_secrets_from_others():
    after = settings_of({"apiKey": "a", "secret": "a", "token": "b", "n": {"keys": ["a"]}}, fingerprint_key="key")
    assert after["apiKey"] == after["secret"] == after["n"]["keys"][0]
    assert after["token"] != after["apiKey"]
    assert after["apiKey"].startswith("hmac:")
    assert len(after["apiKey"]) == len("hmac:") + 32
    assert int(after["apiKey"].removeprefix("hmac:"), 16)


def test_fingerprints_of_another_key_differ_and_those_of_one_key_last():
    first, again, other = (settings_of({"apiKey": "a"}, fingerprint_key=key) for key in ("one", "one", "two"))
    assert first == again != other


def test_a_fingerprint_is_the_hmac_of_the_secret():
    import hashlib
    import hmac

    expected = hmac.new(b"k\xc3\xa9y", "sécret".encode(), hashlib.sha256).hexdigest()[:32]
    assert settings_of({"apiKey": "sécret"}, fingerprint_key="kéy") == {"apiKey": f"hmac:{expected}"}


def test_half_a_surrogate_pair_has_a_fingerprint():
    assert settings_of({"apiKey": "\ud800"}, fingerprint_key="key")["apiKey"].startswith("hmac:")


names = st.one_of(st.sampled_from(HARMLESS_NAMES), st.text(max_size=8))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12))
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def settings_with_a_secret(draw):
    """Settings with the marker somewhere below a secret name, itself at any depth."""
    held = MARKER + draw(st.text(max_size=5))
    for _ in range(draw(st.integers(0, 4))):
        held = draw(st.sampled_from([[1, held], {draw(names): held}, [{"x": 2.5}, [held]]]))
    whole = {**draw(st.dictionaries(names, nested, max_size=3)), draw(st.sampled_from(SECRET_NAMES)): held}
    for _ in range(draw(st.integers(0, 4))):
        whole = {
            **draw(st.dictionaries(names, nested, max_size=3)),
            draw(names): draw(st.sampled_from([whole, [whole]])),
        }
    return whole


@property_settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(settings_with_a_secret(), st.sampled_from([None, "key"]))
def test_a_secret_under_a_secret_name_survives_at_no_depth(settings, key):
    before = copy.deepcopy(settings)
    after = settings_of(settings, fingerprint_key=key)
    assert MARKER in json.dumps(settings)
    assert MARKER not in json.dumps(after)
    assert settings == before


@property_settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(st.dictionaries(st.one_of(names, st.sampled_from(SECRET_NAMES)), nested, max_size=5))
def test_numbers_and_booleans_always_survive_in_their_places(settings):
    before, after = dict(leaves(settings)), dict(leaves(settings_of(settings)))
    assert before.keys() == after.keys()
    for path, value in before.items():
        if not isinstance(value, str):
            assert after[path] == value
            assert type(after[path]) is type(value)
