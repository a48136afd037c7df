"""Redaction: no secret leaves, and nothing else is lost."""

import base64
import copy
import json
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE, Column, Endpoint, Months, Secrecy
from segment_dagster.redaction import REDACTED, is_secret_name, redactor

PLAIN = ApiSettings(token="t", base_url="https://api.segmentapis.com")
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
    "creds",
    "gcpCreds",
    "cred",
    "jwt",
    "userJwt",
    "dbpass",
    "DBPass",
    "smtppass2",
    "otp",
    "otpSeed",
    "totp2",
    "p12",
    "P-12",
    "p8File",
    "pfx",
    "client_pem",
    "clientpem",
    "tls.crt",
    "sslcert",
    "CERTFile",
    "jks",
    "pkcs12",
    "session",
    "sessionId",
    "PHPSESSID",
    "mnemonic",
    "mnemonicPhrase",
    "seed",
    "pin",
    "PIN",
    "cardPin",
    "PINCode",
    "pin_2",
    "sig",
    "hmac",
    "kubeconfig",
    "connStr",
    "accessCode",
    "PINReset",
    "pincode",
    "passcode",
    "clientcertificate",
    "certfile",
    "cacerts",
    "private",
    "cookies",
    "mysessionid",
    "signingAlgorithm",
    "saltedHash",
    "usersalt",
    "sentrydsn",
    "jwk",
    "ppkFile",
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
    "pinned",
    "shipping",
    "mapping",
    "spin",
    "opinion",
    "sessions",
    "obsession",
    "bypass",
    "bypass2",
    "concert",
    "basalt",
    "encompass",
    "trespass",
    "fieldsName",
    "universalTime",
    "hotpink",
    "robotParts",
    "template",
    "signal",
    "credit",
    "accredited",
    "seedling",
    "pattern",
    "p13",
    "ciphertext",
]


def redacted(record, endpoint=ENDPOINT, **settings):
    return redactor(endpoint, PLAIN.model_copy(update=settings))(record)


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


NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)
WITHOUT_SECRETS = {"source_schema_settings", "audience_supported_destinations"}
"""Their settings are looked through, but those of the workspace hold no secret."""


@pytest.fixture(scope="session")
def records_of(world):
    """The records of an endpoint: all of them, or a few lists of a day where it is asked for a time."""

    def found(row):
        if not world.is_timed(row.name):
            return world.records(row.name)
        query = {parameter.name: parameter.values for parameter in row.parameters if not parameter.fan_out}
        if isinstance(row.time, Months):
            query["period"] = ("2024-03-01",)
        else:
            query |= {"startTime": ((NOW - timedelta(days=1)).isoformat(),), "endTime": (NOW.isoformat(),)}
            query["granularity"] = (row.time.granularity or "DAY",)
        return [record for values in world.lists(row.name)[:3] for record in world.timed(row.name, values, query, NOW)]

    return found


def secrets_in(text, world):
    # a look at each place of the text is faster than one for each of the many secrets
    return world.secrets.intersection(re.findall(r"(?=([A-Za-z0-9]{32}))", text))


def hides(row):
    return any(column.secrecy in (Secrecy.ALL, Secrecy.SETTINGS) for column in row.columns)


@pytest.mark.parametrize("key", [None, "a key"], ids=["redacted", "fingerprint"])
@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_no_secret_of_the_workspace_is_left(endpoint, key, world, records_of):
    redact = redactor(endpoint, PLAIN.model_copy(update=dict(fingerprint_key=key)))
    text = json.dumps([redact(record) for record in records_of(endpoint)])
    assert not secrets_in(text, world)


def test_the_workspace_has_secrets_to_lose(world, records_of):
    texts = {endpoint.name: json.dumps(records_of(endpoint)) for endpoint in CATALOGUE}
    found = {name: secrets_in(text, world) for name, text in texts.items()}
    assert frozenset().union(*found.values()) == world.secrets
    assert len(world.secrets) > 100
    # a column that may hold a secret does, and no other
    assert {name for name in found if found[name]} == {row.name for row in CATALOGUE if hides(row)} - WITHOUT_SECRETS


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_what_is_no_secret_stays(endpoint, world, records_of):
    redact = redactor(endpoint, PLAIN)
    whole = {column.field for column in endpoint.columns if column.type == "text" and column.secrecy is Secrecy.ALL}
    changed = 0
    for record in records_of(endpoint):
        before, after = dict(leaves(record)), dict(leaves(redact(record)))
        assert before.keys() == after.keys()
        for path, value in before.items():
            if after[path] != value or type(after[path]) is not type(value):
                changed += 1
                assert after[path] == REDACTED
                # all that is below a secret name is secret, the type of `credentials` as well
                below = any(isinstance(name, str) and is_secret_name(name) for name in path)
                # a script goes whole, whatever it says beside its secret
                scripted = path[0] in whole and secrets_in(value, world)
                assert below or scripted or value.removeprefix("Bearer ") in world.secrets, path
    assert hides(endpoint) or not changed
    assert changed or not hides(endpoint) or endpoint.name in WITHOUT_SECRETS


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_the_record_given_stays_as_it_is(endpoint, records_of):
    record = records_of(endpoint)[0]
    before = copy.deepcopy(record)
    redactor(endpoint, PLAIN)(record)["added"] = 1
    assert record == before


@pytest.mark.parametrize("endpoint", CATALOGUE, ids=lambda endpoint: endpoint.name)
def test_secrets_stay_where_they_are_asked_for(endpoint, records_of):
    redact = redactor(endpoint, PLAIN.model_copy(update=dict(include_secrets=True, fingerprint_key="key")))
    records = records_of(endpoint)
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


@pytest.mark.parametrize("type", ["password", "PASSWORD"])
def test_an_option_typed_password_is_secret_whatever_its_name(type):
    metadata = {"options": [{"name": "ciphertext", "type": type}, {"name": "note", "type": "string"}]}
    after = settings_of({"ciphertext": MARKER, "note": "n", "nested": [{"ciphertext": MARKER}]}, metadata)
    assert after == {"ciphertext": REDACTED, "note": "n", "nested": [{"ciphertext": REDACTED}]}


def test_an_option_typed_password_is_secret_in_pairs_and_in_texts_as_well():
    metadata = {"options": [{"name": "ciphertext", "type": "password"}]}
    held = [{"name": "ciphertext", "value": MARKER}, json.dumps({"ciphertext": MARKER}), f"?ciphertext={MARKER}"]
    after = settings_of({"list": held}, metadata)
    assert after == {"list": [{"name": "ciphertext", "value": REDACTED}, REDACTED, REDACTED]}


def test_metadata_inside_a_field_tells_of_the_settings_beside_it():
    metadata = {"options": [{"name": "ciphertext", "type": "password"}]}
    after = redacted({"id": "1", "destination": {"metadata": metadata, "settings": {"ciphertext": MARKER}}})
    assert after["destination"] == {"metadata": metadata, "settings": {"ciphertext": REDACTED}}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        "text",
        [],
        {},
        {"options": None},
        {"options": "text"},
        {"options": 7},
        {"options": {"name": "note"}},
        {"options": ["note", None]},
        {"options": [{"type": "password"}]},
        {"options": [{"type": "password", "name": 7}]},
        {"options": [{"type": 7, "name": "note"}]},
        {"options": [{"type": ["password"], "name": "note"}]},
        {"options": [{"type": "string", "name": "note"}]},
    ],
    ids=str,
)
def test_metadata_of_any_shape_is_read(metadata):
    assert settings_of({"note": "n", "apiKey": MARKER}, metadata) == {"note": "n", "apiKey": REDACTED}


LONG = "0123456789abcdef" * 4
SECRET_TEXTS = {
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{MARKER}\n-----END RSA PRIVATE KEY-----",
    "private key in base64": base64.b64encode(b"-----BEGIN PRIVATE KEY-----").decode(),
    "postgres": f"postgres://me:{MARKER}@db.example.com:5432/x",
    "no user": f"https://:{MARKER}@example.com",
    "mongodb": f"mongodb+srv://me:{MARKER}@db",
    "jdbc": f"jdbc:postgresql://me:{MARKER}@db",
    "user with an @": f"smtp://me@example.com:{MARKER}@mail.example.com",
    "password with a slash": f"postgres://me:{MARKER}/x@db",
    "address in a sentence": f"see https://me:{MARKER}@example.com for more",
    "bearer": f"Bearer {MARKER}",
    "basic": f" basic  {MARKER}",
    "token in the query": f"https://hooks.example.com/x?token={MARKER}",
    "token in the fragment": f"https://example.com/#access_token={MARKER}&state=1",
    "sig": f"https://example.com/x?sv=1&sig={MARKER}",
    "api_key": f"https://example.com/x?a=1&api_key={MARKER}&b=2",
    "bracketed": f"https://example.com/x?user[password]={MARKER}",
    "relative address": f"/in?token={MARKER}",
    "azure function": f"https://x.azurewebsites.net/api/in?code={LONG}",
    "slack webhook": f"https://hooks.slack.com/services/{LONG}",
    "discord webhook": f"https://discord.com/api/webhooks/1/{LONG}",
    "connection string": f"Server=db;User ID=me;Password={MARKER};",
    "libpq": f"host=db user=me password='{MARKER}'",
    "dotenv": f"REGION=eu\nAPI_KEY = {MARKER}",
    "yaml": f"region: eu\npassword: {MARKER}",
    "header line": f"X-Api-Key: {MARKER}",
    "JSON": json.dumps({"region": "eu", "private_key": MARKER}),
    "JSON with spaces around": f'\n {{"deep": [{{"password": "{MARKER}"}}]}} ',
    "JSON with a map of credentials": json.dumps([{"credentials": {"type": MARKER}}]),
    "JSON with name and value": json.dumps([{"name": "Authorization", "value": MARKER}]),
    "JSON in JSON": json.dumps(json.dumps({"inner": json.dumps({"apiKey": MARKER})})),
    "JSON that was cut": f'{{"apiKey":"{MARKER}", "reg',
    "JSON too deep to read": "[" * 100_000 + f'"{MARKER}"',
    "JSON in base64": base64.b64encode(json.dumps({"type": MARKER}).encode()).decode(),
    "indented JSON in base64": base64.b64encode(json.dumps({"type": MARKER}, indent=2).encode()).decode(),
    "JSON Web Token": "use ey" + f"J{LONG}.ey" + f"J{LONG}.{LONG}",
    # split, so that they look like nobody's secret
    "AWS": "AK" + "IA" + "X" * 16,
    "AWS for a while": "AS" + "IA" + "X" * 16,
    "Databricks": "da" + f"pi{LONG[:32]}",
    "GitHub": "gh" + f"p_{LONG[:36]}",
    "GitHub, fine-grained": "github" + f"_pat_{LONG}",
    "GitLab": "gl" + f"pat-{LONG[:20]}",
    "Google": "AI" + f"za{LONG[:35]}",
    "OpenAI": "s" + f"k-{LONG[:48]}",
    "Segment": "sg" + f"p_{LONG}",
    "SendGrid": "S" + f"G.{LONG[:22]}.{LONG[:43]}",
    "Slack": "xo" + f"xb-{LONG[:24]}",
    "Stripe": "prod_s" + f"k_live_{LONG[:24]}",
    "Stripe, restricted": "r" + f"k_test_{LONG[:24]}",
    "Stripe's webhook": "wh" + f"sec_{LONG[:32]}",
}


@pytest.mark.parametrize("value", SECRET_TEXTS.values(), ids=SECRET_TEXTS)
def test_a_text_that_is_a_secret_by_its_look_is_redacted_under_any_name(value):
    assert settings_of({"note": value, "list": [value]}) == {"note": REDACTED, "list": [REDACTED]}


@pytest.mark.parametrize("value", SECRET_TEXTS.values(), ids=SECRET_TEXTS)
def test_a_key_that_is_a_secret_by_its_look_is_redacted(value):
    after = settings_of({"map": {"first": 1, value: 2, "last": 3}})
    assert list(after["map"]) == ["first", REDACTED, "last"]


HARMLESS_TEXTS = [
    "https://example.com/in",
    "https://example.com:8080/x@y",
    "https://user@example.com:8080/x@y",
    "https://auth.example.com:8443/keys/token",
    "https://example.com/x?page=2&sort=name#top",
    "https://example.com/x?token=&page=2",
    "https://example.com/x?code=US",
    "me@example.com",
    "basic",
    "Bearer",
    "a:b@c",
    "// x:y@z",
    "key",
    "token",
    "the key = ",
    "API keys: ",
    "region=eu;host=db",
    "arn:aws:secretsmanager:eu-west-1:1:secret:name",
    "12:30",
    "YQ==",
    "[password]",
    '{"region": "eu", "list": [1, null, "x"]}',
    '{"maxKeys": 5, "password": null, "token": ""}',
    '"text"',
    "[1, 2",
    "{",
    "[" + "9" * 5000 + "]",
    "{{ properties.total }}",
    "$.properties.email",
    "pk_live_" + LONG,
    "task-lists-and-more-things-to-do-tomorrow",
    "sk-short-slug",
    "SG.Region",
    "eyJ",
    "登録完了",
    "\ud800",
]


@pytest.mark.parametrize("value", HARMLESS_TEXTS, ids=lambda value: ascii(value[:30]))
def test_a_text_that_only_resembles_a_secret_stays(value):
    assert settings_of({"note": value, "map": {value: 1}}) == {"note": value, "map": {value: 1}}


NAMING_NOTHING = [text for text in HARMLESS_TEXTS if "/" in text or not is_secret_name(text)]
"""Texts that make nothing of what stands beside them: after `token`, in a list of two, a secret comes."""


def test_keys_that_are_redacted_stay_as_many():
    before = {f"Bearer {MARKER}": 1, REDACTED: 2, "host": 3, f"Basic {MARKER}": 4}
    after = settings_of({"map": before})["map"]
    assert after == {f"{REDACTED} 2": 1, REDACTED: 2, "host": 3, f"{REDACTED} 3": 4}
    assert list(after.values()) == [1, 2, 3, 4]


def test_a_key_has_the_fingerprint_of_the_same_text_elsewhere():
    secret = f"Bearer {MARKER}"
    after = settings_of({"map": {secret: 1}, "note": secret}, fingerprint_key="key")
    assert list(after["map"]) == [after["note"]]


def test_a_long_text_is_looked_through_in_time():
    long = ["a" * 10**6 + "=", "a=" * 10**5, "://" * 10**4, "a " * 10**5 + ":", "a" + " " * 10**5]
    assert settings_of({"list": long}) == {"list": long}


def test_every_text_of_a_wholly_secret_field_is_redacted():
    record = {"id": "1", "keys": ["a", {"name": "b", "n": 1}, [["c"]], "", None, True]}
    assert redacted(record)["keys"] == [REDACTED, {"name": REDACTED, "n": 1}, [[REDACTED]], "", None, True]


@pytest.mark.parametrize("name", ["name", "Name", "key", "header", "field", "parameter"])
@pytest.mark.parametrize("value", ["value", "Value", "values"])
def test_a_secret_is_redacted_where_it_is_written_as_name_and_value(name, value):
    after = settings_of({"headers": [{name: "X-Api-Key", value: MARKER, "on": True}, {name: "Accept", value: "*/*"}]})
    assert after["headers"][0][value] == REDACTED
    assert after["headers"][0]["on"] is True
    assert after["headers"][1][value] == "*/*"


def test_the_name_beside_a_secret_value_stays():
    pair = {"name": "password", "value": [MARKER, {"deep": MARKER}]}
    assert settings_of({"list": [pair]}) == {"list": [{"name": "password", "value": [REDACTED, {"deep": REDACTED}]}]}


def test_a_harmless_name_does_not_hide_the_secret_one_beside_it():
    after = settings_of({"list": [{"name": "first", "field": "apiKey", "value": MARKER}]})
    assert after["list"][0]["value"] == REDACTED


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


PASSWORD_OPTION = "ciphertext"
METADATA = {"options": [{"name": PASSWORD_OPTION, "type": "password"}, {"name": "note", "type": "string"}]}
PART = 8
# none of them is in a fingerprint, and none in what is drawn around a secret
SECRET_CHARACTERS = 'GHJKLMNPQRSTUVWXYZ"\\\n {}=:&/@ÄЖ登😀'
DRAWN = property_settings(derandomize=True, database=None, deadline=None, max_examples=200)

secrets = st.text(SECRET_CHARACTERS, min_size=PART, max_size=40)
others = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False))
keys = st.one_of(
    st.sampled_from([*HARMLESS_NAMES, *SECRET_NAMES]),
    st.text(st.characters(exclude_characters=SECRET_CHARACTERS), max_size=8),
)
texts = st.one_of(
    st.sampled_from(HARMLESS_TEXTS),
    st.text(st.characters(exclude_characters=SECRET_CHARACTERS), max_size=12),
)
harmless_keys = st.one_of(
    st.sampled_from([name for name in HARMLESS_NAMES if name != PASSWORD_OPTION]),
    # letters that are no Latin ones, signs and digits
    st.text(st.characters(categories=["Lo", "So", "Nd"]), max_size=8).filter(lambda name: not is_secret_name(name)),
)


def maps(names, held):
    inner = st.recursive(
        st.one_of(others, held),
        lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(names, below, max_size=4)),
        max_leaves=12,
    )
    return st.dictionaries(names, inner, max_size=4)


@st.composite
def planted(draw):
    """A secret and settings that hold it, each of the two at any depth."""
    secret = draw(secrets)
    held = secret
    for _ in range(draw(st.integers(0, 4))):
        held = draw(st.sampled_from([[1, held], {draw(keys): held}, [{"x": 2.5}, [held]]]))
    named = draw(st.sampled_from([*SECRET_NAMES, PASSWORD_OPTION]))
    plant = draw(
        st.sampled_from(
            [
                {named: held},
                {"name": named, "value": held},
                {"note": json.dumps({named: held})},
                {"note": json.dumps([json.dumps({"name": named, "value": held})], ensure_ascii=False)},
                {"note": f"https://example.com/in?page=1&token={quote(secret)}"},
                {f"Bearer {secret.strip()}x": 1},
            ]
        )
    )
    whole = {**draw(maps(keys, texts)), **plant}
    for _ in range(draw(st.integers(0, 4))):
        whole = {**draw(maps(keys, texts)), draw(keys): draw(st.sampled_from([whole, [whole], [[], whole]]))}
    return secret, whole


def texts_of(value):
    if isinstance(value, dict):
        yield from value
        for held in value.values():
            yield from texts_of(held)
    elif isinstance(value, list):
        for held in value:
            yield from texts_of(held)
    elif isinstance(value, str):
        yield value


def shape(value):
    if isinstance(value, dict):
        return [(name, shape(held)) for name, held in value.items()]
    if isinstance(value, list):
        return [shape(held) for held in value]
    return bool(value) if isinstance(value, str) else (type(value), value)


@pytest.mark.slow
@DRAWN
@given(planted(), st.sampled_from([None, "key"]))
def test_no_part_of_a_secret_is_left_at_any_depth(planted, key):
    secret, settings = planted
    after = settings_of(settings, METADATA, fingerprint_key=key)
    left = [*texts_of(after), json.dumps(after), json.dumps(after, ensure_ascii=False)]
    parts = {secret[start : start + PART] for start in range(len(secret) - PART + 1)}
    assert not [part for part in parts | {quote(part) for part in parts} if any(part in text for text in left)]


@pytest.mark.slow
@DRAWN
@given(planted(), st.sampled_from([None, "key"]))
def test_settings_given_stay_as_they_are_and_always_give_the_same(planted, key):
    _, settings = planted
    before = copy.deepcopy(settings)
    after = settings_of(settings, METADATA, fingerprint_key=key)
    assert settings == before
    assert after == settings_of(before, METADATA, fingerprint_key=key)
    assert settings_of(settings, METADATA, fingerprint_key=key, include_secrets=True) == before


@pytest.mark.slow
@DRAWN
@given(
    maps(harmless_keys, st.one_of(st.sampled_from(NAMING_NOTHING), st.text(st.characters(exclude_categories=["P"]))))
)
def test_harmless_settings_stay_at_every_depth(settings):
    after = settings_of(settings, METADATA)
    assert shape(after) == shape(settings)
    assert after == settings


@DRAWN
@given(maps(keys, texts), st.sampled_from([None, "key"]))
def test_nothing_but_texts_ever_changes(settings, key):
    assert shape(settings_of(settings, METADATA, fingerprint_key=key)) == shape(settings)


@DRAWN
@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from([*SECRET_NAMES, PASSWORD_OPTION]))
def test_fingerprints_are_equal_where_the_secrets_are(one, other, name):
    first = settings_of({"password": one, "list": [{name: other}]}, METADATA, fingerprint_key="key")
    second = settings_of({name: {"deep": [one]}}, METADATA, fingerprint_key="key")
    assert first["password"] == second[name]["deep"][0]
    assert (first["password"] == first["list"][0][name]) is (one == other)


@pytest.mark.slow
@DRAWN
@given(
    st.sampled_from(CATALOGUE),
    st.data(),
    st.sampled_from([None, "key"]),
)
def test_any_record_of_any_endpoint_keeps_its_form(endpoint, data, key):
    anything = maps(st.text(max_size=8) | keys, st.text(max_size=20) | texts)
    fields = [*(column.field for column in endpoint.columns), "metadata", "settings", "name", "value", "extra"]
    record = data.draw(st.dictionaries(st.sampled_from(fields), st.lists(anything, max_size=2) | anything, max_size=4))
    before = copy.deepcopy(record)
    after = redacted(record, endpoint, fingerprint_key=key)
    assert record == before
    assert form(after) == form(record)
    assert all(after[field] == value for field, value in record.items() if field in endpoint.identifying)


def form(value):
    """What no redaction changes: everything but the texts, and the names of a map, of which there are as many."""
    if isinstance(value, dict):
        return [form(held) for held in value.values()]
    if isinstance(value, list):
        return [form(held) for held in value]
    return bool(value) if isinstance(value, str) else (type(value), value)


KNOWN = ["metadata", "options", "option", "type", "name", "key", "Header", "value", "Values", "settings", "password"]
"""Keys of which the redaction makes something, if what they hold is what it should be."""


@pytest.mark.slow
@DRAWN
@given(
    st.sampled_from(CATALOGUE),
    st.data(),
    st.sampled_from([None, "key"]),
)
def test_anything_at_all_where_names_values_and_options_are_expected_keeps_its_form(endpoint, data, key):
    known = st.sampled_from(KNOWN)
    anything = st.recursive(
        others | known | st.text(max_size=20) | texts | st.sampled_from([*SECRET_TEXTS.values()]),
        lambda below: st.lists(below, max_size=4) | st.dictionaries(known | keys, below, max_size=4),
        max_leaves=15,
    )
    fields = st.sampled_from([*(column.field for column in endpoint.columns), *KNOWN])
    option = st.fixed_dictionaries({}, optional={"type": st.just("password") | anything, "name": keys | anything})
    metadata = st.fixed_dictionaries({"options": st.lists(option | anything, max_size=3) | anything})
    record = data.draw(st.dictionaries(fields, anything, max_size=4))
    if data.draw(st.booleans()):
        record["metadata"] = data.draw(metadata)
    before = copy.deepcopy(record)
    after = redacted(record, endpoint, fingerprint_key=key)
    assert record == before
    assert form(after) == form(record)
