"""Settings: which counts, and what is said about one that cannot be used."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segment_dagster.client import SegmentClient
from segment_dagster.config import (
    MAX_PAGE_SIZE,
    ApiSettings,
    DestinationSettings,
    TokenMissingError,
)
from segment_dagster.config.clock import utc_now
from segment_dagster.errors import SettingError
from segment_dagster.load import resolve_destination

pytestmark = pytest.mark.slow

TOKEN = "sgp_S3cr3tTokenOfMine"
DLT_TOKEN = "SOURCES__SEGMENT_SOURCE__API_KEY"


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("SEGMENT_API_TOKEN", TOKEN)
    return TOKEN


def refused(setting, *parts, **arguments):
    """One line that names the setting and holds these parts, and not the token."""
    with pytest.raises(SettingError) as caught:
        ApiSettings(**arguments)
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith(f"{setting} ")
    assert caught.value.setting == setting
    for part in parts:
        assert part in text
    assert TOKEN not in text
    assert "S3cr3t" not in text
    return text


def test_without_any_setting_but_the_token_the_defaults_hold(token, monkeypatch):
    monkeypatch.delenv("SEGMENT_MINUTE_SECONDS")
    monkeypatch.delenv("RUNTIME__REQUEST_MAX_ATTEMPTS")
    now = utc_now()
    assert ApiSettings(now=now) == ApiSettings(token=TOKEN, base_url="https://api.segmentapis.com", now=now)
    assert ApiSettings().base_url == "https://api.segmentapis.com"
    assert (ApiSettings().layout, ApiSettings().page_size, ApiSettings().concurrency) == ("public", MAX_PAGE_SIZE, 16)
    assert ApiSettings().include_secrets is False
    assert ApiSettings().fingerprint_key is None
    assert (ApiSettings().requests_per_minute, ApiSettings().minute, ApiSettings().on_unavailable) == (
        600,
        60.0,
        "skip",
    )


@pytest.mark.parametrize("setting", ["SEGMENT_MINUTE_SECONDS", "SEGMENT_PROGRESS_SECONDS", "SEGMENT_RETRY_SECONDS"])
@pytest.mark.parametrize("value", ["0", "-1", "1e3", "3601", "soon", "nan", " 5"])
def test_bad_seconds_are_refused_in_one_line(setting, value, token, monkeypatch):
    monkeypatch.setenv(setting, value)
    refused(setting, f"is {value!r}", "Legal values: seconds, more than 0 and up to 3600.")


@pytest.mark.parametrize("value", ["0", "-1", "3601", "soon", "nan"])
def test_a_bad_wait_for_the_destination_is_refused_with_it(value, monkeypatch):
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", value)
    with pytest.raises(SettingError) as caught:
        resolve_destination(DestinationSettings())
    assert str(caught.value) == (
        f"SEGMENT_LOCK_TIMEOUT is {value!r}. Legal values: seconds, more than 0 and up to 3600."
    )


def test_the_wait_for_the_destination_is_ten_minutes_or_what_is_set(monkeypatch):
    assert resolve_destination(DestinationSettings()).lock_timeout == 600.0
    monkeypatch.setenv("SEGMENT_LOCK_TIMEOUT", "0.5")
    assert resolve_destination(DestinationSettings()).lock_timeout == 0.5


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "1000001", "many"])
def test_a_bad_budget_is_refused_in_one_line(value, token, monkeypatch):
    monkeypatch.setenv("SEGMENT_REQUESTS_PER_MINUTE", value)
    refused("SEGMENT_REQUESTS_PER_MINUTE", f"is {value!r}", "a whole number from 1 to 1000000")


def test_what_becomes_of_the_unavailable_is_one_of_two(token, monkeypatch):
    monkeypatch.setenv("SEGMENT_ON_UNAVAILABLE", "fail")
    assert ApiSettings().on_unavailable == "fail"
    monkeypatch.setenv("SEGMENT_ON_UNAVAILABLE", "ignore")
    refused("SEGMENT_ON_UNAVAILABLE", "is 'ignore'", "Legal values: skip, fail.")


@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_a_missing_token_tells_where_to_make_one(value, monkeypatch):
    if value is not None:
        monkeypatch.setenv("SEGMENT_API_TOKEN", value)
    with pytest.raises(TokenMissingError) as caught:
        SegmentClient(ApiSettings())
    text = str(caught.value)
    assert text.splitlines() == [text]
    assert text.startswith("SEGMENT_API_TOKEN is not set. ")
    assert "Settings > Workspace settings > Access Management > Tokens" in text
    assert "put it into SEGMENT_API_TOKEN" in text


@pytest.mark.parametrize(
    "value",
    [
        f"{TOKEN}\n",
        f" {TOKEN}",
        f"{TOKEN} {TOKEN}",
        f"{TOKEN}\r\n",
        f"{TOKEN}\t",
        f"{TOKEN}é",
        f"{TOKEN}\u2028",
        f"{TOKEN}\x7f",
        f"\ufeff{TOKEN}",
        f"{TOKEN}\x1b[0m",
    ],
    ids=["newline", "space", "two", "crlf", "tab", "accent", "line separator", "delete", "bom", "escape"],
)
@pytest.mark.parametrize("way", ["argument", "environment", "dlt"])
def test_a_token_with_a_character_that_no_token_has_is_not_shown(value, way, monkeypatch):
    if way != "argument":
        monkeypatch.setenv("SEGMENT_API_TOKEN" if way == "environment" else DLT_TOKEN, value)
    text = refused(
        "SEGMENT_API_TOKEN", "the token alone", "without quotes", **({"token": value} if way == "argument" else {})
    )
    assert value.strip() not in text


BAD = [
    ("SEGMENT_REGION", "mars", "is 'mars'", "us, eu"),
    ("SEGMENT_REGION", "US", "is 'US'", "us, eu"),
    ("SEGMENT_API_LAYOUT", "v1", "is 'v1'", "public, versioned"),
    ("SEGMENT_BASE_URL", "api.segmentapis.com", "scheme and a host", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "localhost:8000", "scheme and a host", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "ftp://api.segmentapis.com", "scheme and a host", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://", "scheme and a host", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https:///sources", "scheme and a host", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "http://api.segmentapis.com", "in the clear", "https://"),
    ("SEGMENT_BASE_URL", "http://127.0.0.1.example.com", "in the clear", "https://"),
    ("SEGMENT_BASE_URL", "http://localhost.example.com:80", "in the clear", "https://"),
    ("SEGMENT_BASE_URL", "http://10.0.0.1", "in the clear", "https://"),
    ("SEGMENT_BASE_URL", f"https://me:{TOKEN}@api.segmentapis.com", "holds a user", "scheme, host, port and path"),
    ("SEGMENT_BASE_URL", f"https://{TOKEN}@api.segmentapis.com", "holds a user", "scheme, host, port and path"),
    ("SEGMENT_BASE_URL", "http://127.0.0.1@example.com", "holds a user", "scheme, host, port and path"),
    ("SEGMENT_BASE_URL", f"https://api.segmentapis.com?key={TOKEN}", "a query", "scheme, host, port and path"),
    ("SEGMENT_BASE_URL", "https://api.segmentapis.com#top", "a fragment", "scheme, host, port and path"),
    ("SEGMENT_BASE_URL", "https://api.segmentapis.com:port", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://api.segmentapis.com:99999", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://[::1", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://api.segmentapis.com\n", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://api. segmentapis.com", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://a..b", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://-a.example", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://api.segmentapis.com:0", "", "https://api.segmentapis.com"),
    ("SEGMENT_BASE_URL", "https://api,segmentapis.com", "", "https://api.segmentapis.com"),
    ("SEGMENT_PAGE_SIZE", "1_000", "is '1_000'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "\u0667", "is '\u0667'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "9" * 5000, "", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "0", "is '0'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "-1", "is '-1'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "1001", "is '1001'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "10000", "is '10000'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "many", "is 'many'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "1.5", "is '1.5'", "from 1 to 1000"),
    ("SEGMENT_PAGE_SIZE", "1\n2", "is '1\\n2'", "from 1 to 1000"),
    ("SEGMENT_CONCURRENCY", "0", "is '0'", "from 1 to 64"),
    ("SEGMENT_CONCURRENCY", "65", "is '65'", "from 1 to 64"),
    ("SEGMENT_CONCURRENCY", "all", "is 'all'", "from 1 to 64"),
    ("SEGMENT_INCLUDE_SECRETS", "maybe", "is 'maybe'", "true, false"),
    ("SEGMENT_INCLUDE_SECRETS", "2", "is '2'", "true, false"),
    ("SEGMENT_HISTORY", "always", "is 'always'", "true, false"),
]


@pytest.mark.parametrize(
    ("setting", "value", "problem", "legal"), BAD, ids=[f"{row[0]}={row[1]!a}"[:60] for row in BAD]
)
def test_a_setting_that_cannot_be_used_names_the_legal_values(setting, value, problem, legal, token, monkeypatch):
    monkeypatch.setenv(setting, value)
    refused(setting, problem, legal)


@pytest.mark.parametrize(
    ("setting", "argument", "value"),
    [
        ("SEGMENT_REGION", "region", "mars"),
        ("SEGMENT_REGION", "region", ""),
        ("SEGMENT_API_LAYOUT", "layout", "v1"),
        ("SEGMENT_API_LAYOUT", "layout", ""),
        ("SEGMENT_BASE_URL", "base_url", "api.segmentapis.com"),
        ("SEGMENT_BASE_URL", "base_url", ""),
        ("SEGMENT_PAGE_SIZE", "page_size", 0),
        ("SEGMENT_PAGE_SIZE", "page_size", MAX_PAGE_SIZE + 1),
        ("SEGMENT_CONCURRENCY", "concurrency", 0),
        ("SEGMENT_CONCURRENCY", "concurrency", 65),
    ],
)
def test_an_argument_is_checked_like_the_environment(setting, argument, value, token):
    refused(setting, **{argument: value})


def test_a_region_is_checked_though_a_base_url_is_set(token):
    refused("SEGMENT_REGION", "mars", region="mars", base_url="https://example.com")


@pytest.mark.parametrize(
    ("setting", "value", "field", "expected"),
    [
        ("SEGMENT_REGION", "us", "base_url", "https://api.segmentapis.com"),
        ("SEGMENT_REGION", "eu", "base_url", "https://eu1.api.segmentapis.com"),
        ("SEGMENT_REGION", "", "base_url", "https://api.segmentapis.com"),
        ("SEGMENT_BASE_URL", "https://example.com/segment//", "base_url", "https://example.com/segment"),
        ("SEGMENT_BASE_URL", "http://127.0.0.1:8000/", "base_url", "http://127.0.0.1:8000"),
        ("SEGMENT_BASE_URL", "http://localhost", "base_url", "http://localhost"),
        ("SEGMENT_BASE_URL", "http://LOCALHOST:1", "base_url", "http://LOCALHOST:1"),
        ("SEGMENT_BASE_URL", "http://[::1]:9", "base_url", "http://[::1]:9"),
        ("SEGMENT_BASE_URL", "", "base_url", "https://api.segmentapis.com"),
        ("SEGMENT_API_LAYOUT", "public", "layout", "public"),
        ("SEGMENT_API_LAYOUT", "versioned", "layout", "versioned"),
        ("SEGMENT_API_LAYOUT", "", "layout", "public"),
        ("SEGMENT_PAGE_SIZE", "1", "page_size", 1),
        ("SEGMENT_PAGE_SIZE", "1000", "page_size", 1000),
        ("SEGMENT_PAGE_SIZE", "", "page_size", 1000),
        ("SEGMENT_CONCURRENCY", "1", "concurrency", 1),
        ("SEGMENT_CONCURRENCY", "64", "concurrency", 64),
        ("SEGMENT_INCLUDE_SECRETS", "true", "include_secrets", True),
        ("SEGMENT_INCLUDE_SECRETS", "TRUE", "include_secrets", True),
        ("SEGMENT_INCLUDE_SECRETS", "1", "include_secrets", True),
        ("SEGMENT_INCLUDE_SECRETS", "yes", "include_secrets", True),
        ("SEGMENT_INCLUDE_SECRETS", "false", "include_secrets", False),
        ("SEGMENT_INCLUDE_SECRETS", "0", "include_secrets", False),
        ("SEGMENT_INCLUDE_SECRETS", "No", "include_secrets", False),
        ("SEGMENT_INCLUDE_SECRETS", "", "include_secrets", False),
        ("SEGMENT_HISTORY", "true", "history", True),
        ("SEGMENT_HISTORY", "no", "history", False),
        ("SEGMENT_HISTORY", "", "history", False),
        ("SEGMENT_FINGERPRINT_KEY", "key of mine", "fingerprint_key", "key of mine"),
        ("SEGMENT_FINGERPRINT_KEY", "", "fingerprint_key", None),
    ],
)
def test_a_legal_value_is_taken(setting, value, field, expected, token, monkeypatch):
    monkeypatch.setenv(setting, value)
    assert getattr(ApiSettings(), field) == expected


@pytest.mark.parametrize(
    ("setting", "value", "argument", "field", "expected"),
    [
        ("SEGMENT_REGION", "us", {"region": "eu"}, "base_url", "https://eu1.api.segmentapis.com"),
        ("SEGMENT_BASE_URL", "https://a.example", {"base_url": "https://b.example"}, "base_url", "https://b.example"),
        ("SEGMENT_API_LAYOUT", "public", {"layout": "versioned"}, "layout", "versioned"),
        ("SEGMENT_PAGE_SIZE", "100", {"page_size": 7}, "page_size", 7),
        ("SEGMENT_CONCURRENCY", "2", {"concurrency": 3}, "concurrency", 3),
        ("SEGMENT_INCLUDE_SECRETS", "true", {"include_secrets": False}, "include_secrets", False),
        ("SEGMENT_INCLUDE_SECRETS", "false", {"include_secrets": True}, "include_secrets", True),
        ("SEGMENT_HISTORY", "true", {"history": False}, "history", False),
        ("SEGMENT_HISTORY", "false", {"history": True}, "history", True),
        ("SEGMENT_API_TOKEN", "theirs", {"token": "mine"}, "token", "mine"),
    ],
)
def test_an_argument_counts_before_the_environment(setting, value, argument, field, expected, token, monkeypatch):
    monkeypatch.setenv(setting, value)
    assert getattr(ApiSettings(**argument), field) == expected


@pytest.mark.parametrize("value", ["mars", "many"])
def test_an_argument_counts_before_an_environment_that_cannot_be_used(value, token, monkeypatch):
    monkeypatch.setenv("SEGMENT_REGION", value)
    monkeypatch.setenv("SEGMENT_PAGE_SIZE", value)
    assert ApiSettings(region="eu", page_size=3).page_size == 3


def test_a_base_url_counts_before_the_region(token):
    assert ApiSettings(region="eu", base_url="https://example.com").base_url == "https://example.com"


def test_dlts_setting_of_the_token_counts_where_no_other_is_set(monkeypatch):
    monkeypatch.setenv(DLT_TOKEN, "dlts")
    assert ApiSettings().token == "dlts"
    monkeypatch.setenv("SEGMENT_API_TOKEN", "")
    assert ApiSettings().token == "dlts"
    monkeypatch.setenv("SEGMENT_API_TOKEN", "the environments")
    with pytest.raises(SettingError):
        ApiSettings()
    monkeypatch.setenv("SEGMENT_API_TOKEN", "environments")
    assert ApiSettings().token == "environments"
    assert ApiSettings(token="arguments").token == "arguments"


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("", False)])
def test_whether_unchanged_tables_are_loaded_is_a_setting_of_the_destination(value, expected, monkeypatch):
    monkeypatch.setenv("SEGMENT_ALWAYS_LOAD", value)
    assert resolve_destination(DestinationSettings()).always_load is expected


def in_directory(code, directory, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


PRINT_TOKEN = """
from segment_dagster.errors import SegmentError
from segment_dagster.config import ApiSettings
try:
    print(ApiSettings().token)
except SegmentError as error:
    print(f"refused: {error}")
"""


def test_dlts_secrets_file_in_the_working_directory_is_read():
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text('[sources.segment_source]\napi_key = "from-the-file"\n')
    assert in_directory(PRINT_TOKEN, Path.cwd()).stdout == "from-the-file\n"
    assert in_directory(PRINT_TOKEN, Path.cwd(), SEGMENT_API_TOKEN="environments").stdout == "environments\n"
    assert in_directory(PRINT_TOKEN, Path.cwd(), **{DLT_TOKEN: "dlts-environment"}).stdout == "dlts-environment\n"


def test_a_secrets_file_with_a_line_break_in_the_token_does_not_show_it():
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(f'[sources.segment_source]\napi_key = """{TOKEN}\n"""\n')
    ran = in_directory(PRINT_TOKEN, Path.cwd())
    assert ran.stdout.startswith("refused: SEGMENT_API_TOKEN holds a space, a line break")
    assert TOKEN not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        (
            "RUNTIME__REQUEST_TIMEOUT",
            "abc",
            "RUNTIME__REQUEST_TIMEOUT has a value of the wrong type. Set it to a float.",
        ),
        ("RUNTIME__REQUEST_TIMEOUT", "-1", "RUNTIME__REQUEST_TIMEOUT is -1.0. Legal values: 0.001 and more."),
        ("RUNTIME__REQUEST_TIMEOUT", "nan", "RUNTIME__REQUEST_TIMEOUT is nan. Legal values: 0.001 and more."),
        ("RUNTIME__REQUEST_BACKOFF_FACTOR", "-1", "RUNTIME__REQUEST_BACKOFF_FACTOR is -1.0. Legal values: 0 and more."),
        ("RUNTIME__REQUEST_MAX_ATTEMPTS", "0", "RUNTIME__REQUEST_MAX_ATTEMPTS is 0. Legal values: 1 and more."),
        (
            "RUNTIME__REQUEST_MAX_RETRY_DELAY",
            "-2",
            "RUNTIME__REQUEST_MAX_RETRY_DELAY is -2.0. Legal values: 0 and more.",
        ),
    ],
)
def test_dlts_settings_of_requests_are_checked_under_their_own_names(setting, value, said, monkeypatch, token):
    monkeypatch.setenv(setting, value)
    for settled in (ApiSettings, lambda: resolve_destination(DestinationSettings())):
        with pytest.raises(SettingError) as caught:
            settled()
        assert str(caught.value) == said


def test_a_secrets_file_that_is_no_toml_is_one_line():
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(f"[sources.segment_source]\napi_key = {TOKEN}\n")
    ran = in_directory(PRINT_TOKEN, Path.cwd())
    assert ran.stderr == ""
    assert ran.stdout.startswith("refused: ")
    assert ran.stdout.count("\n") == 1
    assert TOKEN not in ran.stdout


def test_neither_the_token_nor_the_fingerprint_key_is_printed(token, monkeypatch):
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", "fingerprint-key-of-mine")
    settings = ApiSettings()
    for text in (repr(settings), str(settings), f"{settings}"):
        assert TOKEN not in text
        assert "fingerprint-key-of-mine" not in text
        assert "base_url='https://api.segmentapis.com'" in text


def test_importing_the_settings_reads_no_file_of_dlts():
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text("no toml at all [")
    ran = in_directory("import sys, segment_dagster.config; print('dlt' in sys.modules)", Path.cwd())
    assert (ran.stdout, ran.stderr) == ("False\n", "")


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "0001-01-01",
        "9999-12-31T12:00:00Z",
        "1999-12-31T23:59:59Z",
        "2000-01-01T00:00:00+01:00",
        "2101-01-01",
    ],
)
def test_a_time_that_nothing_can_be_counted_from_is_told(text, monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", text)
    with pytest.raises(SettingError) as caught:
        ApiSettings()
    assert str(caught.value) == (
        f"SEGMENT_NOW is '{text}'. Set it to a time of the years 2000 to 2100, such as 2026-03-01T12:00:00Z."
    )


@pytest.mark.parametrize("text", ["2000-01-01", "2100-12-31T23:59:59+00:00", "2026-03-01T12:00:00-11:00"])
def test_a_time_of_this_century_is_taken(text, monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", text)
    ApiSettings()


@pytest.mark.parametrize(
    "variable",
    ["SEGMENT_TOKEN", "SEGMENT_LAYOUT", "SEGMENT_MINUTE", "SEGMENT_TYPE", "segment_region", "SEGMENT_NETWORK"],
)
def test_a_variable_of_another_name_is_not_read(variable, token, monkeypatch):
    before = (ApiSettings(now=utc_now()).model_dump(exclude={"now"}), DestinationSettings())
    monkeypatch.setenv(variable, "eu")
    assert (ApiSettings(now=utc_now()).model_dump(exclude={"now"}), DestinationSettings()) == before


def test_a_mapping_that_is_given_replaces_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("SEGMENT_VOLUME_GRANULARITY", "HOUR")
    assert ApiSettings().granularity == {"volume": "HOUR"}
    assert ApiSettings(granularity={}).granularity == {}
    assert ApiSettings(granularity={"delivery": "MINUTE"}).granularity == {"delivery": "MINUTE"}


@pytest.mark.parametrize("setting", ["granularity", "group_by"])
def test_a_domain_without_time_series_is_refused(setting):
    with pytest.raises(SettingError, match=r"names the domain 'Volume'.* Legal values: volume, delivery\."):
        ApiSettings.check({setting: {"Volume": "DAY"}})


@pytest.mark.parametrize("variable", ["SEGMENT_API_TOKEN", DLT_TOKEN])
def test_the_log_of_pydantic_settings_does_not_show_the_token(variable, monkeypatch, caplog):
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    monkeypatch.setenv(variable, TOKEN)
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", "a-key-of-mine")
    with caplog.at_level("DEBUG", logger="pydantic_settings"):
        settings = ApiSettings()
    assert (settings.token, settings.fingerprint_key) == (TOKEN, "a-key-of-mine")
    assert "S3cr3t" not in caplog.text and "a-key-of-mine" not in caplog.text


@pytest.mark.parametrize("name", ["token", "fingerprint_key"])
def test_an_empty_secret_that_is_given_is_none(name, monkeypatch):
    monkeypatch.setenv("SEGMENT_API_TOKEN", "theirs")
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", "theirs")
    given: dict[str, Any] = {name: ""}
    assert getattr(ApiSettings(**given), name) == "theirs"


def test_values_are_checked_without_the_environment(monkeypatch):
    monkeypatch.setenv("SEGMENT_REGION", "mars")
    ApiSettings.check({"token": TOKEN, "layout": "versioned"})
    with pytest.raises(SettingError, match=r"^SEGMENT_REGION is 'venus'\."):
        ApiSettings.check({"region": "venus"})
