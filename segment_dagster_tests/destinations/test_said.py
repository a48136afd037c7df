"""What is said where a destination lacks its extra, its settings, its server or the right password: a line each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.errors import SettingError
from segment_dagster.load import LoadError, preflight, resolve_destination
from segment_dagster.load.capabilities import DESTINATIONS, TABLE_FORMATS
from segment_dagster.load.errors import format_load_error
from segment_dagster.load.unsupported import check_history
from segment_dagster_tests.destinations.engines import extensions, free_port, postgres, s3
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.server, pytest.mark.slow]

SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"
POSTGRES = "DESTINATION__POSTGRES__CREDENTIALS"
BUCKET = "DESTINATION__FILESYSTEM__BUCKET_URL"
NOT_HERE = {"bigquery": "google.cloud.bigquery", "snowflake": "snowflake.connector", "databricks": "databricks.sql"}
"""What the suite does not install."""


def resolved():
    return resolve_destination(DestinationSettings())


def said_by(step):
    with pytest.raises((SettingError, LoadError)) as caught:
        step()
    text = str(caught.value)
    assert text.splitlines() == [text]
    return text


@pytest.mark.parametrize(
    ("destination", "module", "extra"),
    [("postgres", "psycopg2", "postgres"), ("redshift", "psycopg2", "redshift")],
)
def test_a_missing_extra_is_named(script, destination, module, extra):
    said = (
        f"error: SEGMENT_DESTINATION is {destination!r}, which needs {module}: not installed. "
        f"Install it: pip install 'segment_dagster[{extra}]'.\n"
    )
    assert script(module, SEGMENT_DESTINATION=destination) == (1, said)


@pytest.mark.parametrize(("destination", "module"), NOT_HERE.items())
def test_a_missing_extra_is_named_where_its_package_is_within_one_that_is_not_there(monkeypatch, destination, module):
    monkeypatch.setenv("SEGMENT_DESTINATION", destination)
    assert said_by(resolved) == (
        f"SEGMENT_DESTINATION is {destination!r}, which needs {module}: not installed. "
        f"Install it: pip install 'segment_dagster[{destination}]'."
    )


@pytest.mark.parametrize("table_format", TABLE_FORMATS)
def test_the_extra_of_a_table_format_is_named(script, tmp_path, table_format):
    driver = TABLE_FORMATS[table_format].driver
    settings = {"SEGMENT_DESTINATION": "filesystem", "SEGMENT_TABLE_FORMAT": table_format, BUCKET: str(tmp_path)}
    said = (
        f"error: SEGMENT_TABLE_FORMAT is {table_format!r}, which needs {driver.modules[0]}: not installed. "
        f"Install it: pip install 'segment_dagster[{driver.extra}]'.\n"
    )
    assert script(*driver.modules, **settings) == (1, said)


def test_the_extra_of_a_bucket_is_named(script):
    prefix = "DESTINATION__FILESYSTEM__CREDENTIALS__"
    keys = {prefix + name: "x" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    said = (
        f"error: {BUCKET} is 's3://...', which needs s3fs: not installed. "
        "Install it: pip install 'segment_dagster[s3]'.\n"
    )
    assert script("s3fs", SEGMENT_DESTINATION="filesystem", **{BUCKET: "s3://lake/x"}, **keys) == (1, said)


@pytest.mark.parametrize(("protocol", "needed"), [("gs", "gcsfs"), ("az", "dlt[az]")])
def test_what_other_buckets_need_is_named(monkeypatch, protocol, needed):
    monkeypatch.setenv("SEGMENT_DESTINATION", "filesystem")
    monkeypatch.setenv(BUCKET, f"{protocol}://lake/x")
    azure = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY")
    for name in ("PROJECT_ID", "PRIVATE_KEY", "CLIENT_EMAIL", *azure):
        monkeypatch.setenv(f"DESTINATION__FILESYSTEM__CREDENTIALS__{name}", "eA==")
    said = said_by(resolved)
    assert said.endswith(f"needs {needed}: not installed. Install it: pip install 'segment_dagster[{protocol}]'.")


@pytest.mark.parametrize(
    ("destination", "missing"),
    [
        ("postgres", [f"{POSTGRES}__{name}" for name in ("DATABASE", "PASSWORD", "USERNAME", "HOST")]),
        ("redshift", ["DESTINATION__REDSHIFT__CREDENTIALS__PASSWORD"]),
        ("motherduck", ["DESTINATION__MOTHERDUCK__CREDENTIALS__PASSWORD is missing. Set it"]),
        ("filesystem", [f"{BUCKET} is missing. Set it, or the same in dlt's secrets.toml."]),
    ],
)
def test_missing_credentials_are_named(monkeypatch, destination, missing):
    monkeypatch.setenv("SEGMENT_DESTINATION", destination)
    said = said_by(resolved)
    assert all(name in said for name in missing), said


def test_missing_credentials_of_a_bucket_are_named(monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "filesystem")
    monkeypatch.setenv(BUCKET, "s3://lake/x")
    assert "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY" in said_by(resolved)


def test_credentials_that_cannot_be_used_are_not_shown(monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
    monkeypatch.setenv(POSTGRES, "no-address-but-secret")
    said = said_by(resolved)
    assert said.startswith(f"{POSTGRES} cannot be used (InvalidNativeValue).") and "secret" not in said


def test_no_secret_of_a_destinations_settings_is_in_what_is_said(monkeypatch):
    password = "the-password-of-mine"
    monkeypatch.setenv("SEGMENT_DESTINATION", "postgres")
    monkeypatch.setenv(POSTGRES, f"postgresql://me:{password}@127.0.0.1:5432/warehouse")
    destination = resolve_destination(DestinationSettings())
    assert destination.secrets == {password} and password not in repr(destination)
    for step in ("read", "load"):
        said = format_load_error(OSError(f"cannot open postgresql://me:{password}@127.0.0.1"), step, destination)
        assert "postgresql://me:***@127.0.0.1" in said and password not in said


def test_a_dead_server_is_told_before_anything_is_read(script, emulator):
    password, port = "the-password-of-mine", free_port()
    status, said = script(
        SEGMENT_DESTINATION="postgres", **{POSTGRES: f"postgresql://me:{password}@127.0.0.1:{port}/warehouse"}
    )
    assert status == 1
    assert said.startswith("error: postgres cannot be reached, or lets nobody in (OperationalError): ")
    assert "Connection refused" in said and f"what {POSTGRES} and its like say." in said
    assert len(said.splitlines()) == 1 and password not in said
    assert emulator.stats.total == 0


def test_a_wrong_password_is_told_and_not_shown(script, emulator, tmp_path):
    directory = tmp_path / "engine"
    directory.mkdir()
    with postgres(directory) as settings:
        right = settings[POSTGRES]
        password = "the-password-of-mine"
        wrong = f"{right.partition('loader:')[0]}loader:{password}@{right.partition('@')[2]}"
        status, said = script(**(settings | {POSTGRES: wrong}))
    assert status == 1
    assert 'password authentication failed for user "loader"' in said
    assert len(said.splitlines()) == 1 and password not in said and right not in said
    assert emulator.stats.total == 0


@pytest.mark.long
def test_a_bucket_that_cannot_be_reached_is_told(monkeypatch, tmp_path):
    extensions("httpfs")
    with s3(tmp_path) as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        preflight(resolve_destination(DestinationSettings()), (), now=utc_now())
    # moto has ended
    assert said_by(lambda: preflight(resolve_destination(DestinationSettings()), (), now=utc_now())).startswith(
        "filesystem cannot be reached, or lets nobody in ("
    )


def test_an_address_that_is_none_is_told(script, emulator):
    prefix = "DESTINATION__FILESYSTEM__CREDENTIALS__"
    keys = {prefix + name: "x" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    bucket = {"SEGMENT_DESTINATION": "filesystem", BUCKET: "s3://lake/x", f"{prefix}ENDPOINT_URL": "nowhere"}
    said = (
        "error: filesystem cannot be reached, or lets nobody in (ValueError): Invalid endpoint: nowhere. "
        "See whether it is up, and what DESTINATION__FILESYSTEM__CREDENTIALS and its like say.\n"
    )
    assert script(**bucket, **keys) == (1, said)
    assert emulator.stats.total == 0


def test_history_in_files_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGMENT_DESTINATION", "filesystem")
    monkeypatch.setenv(BUCKET, str(tmp_path))
    assert said_by(lambda: check_history(resolved(), history=True)).startswith(
        "SEGMENT_HISTORY is set, and dlt keeps no versions of rows in files."
    )


def test_a_table_format_is_for_files_alone(monkeypatch):
    monkeypatch.setenv("SEGMENT_TABLE_FORMAT", "delta")
    assert said_by(resolved) == (
        "SEGMENT_TABLE_FORMAT is 'delta', which is for files. Unset it, or set SEGMENT_DESTINATION=filesystem."
    )


def test_an_unknown_table_format_is_told_with_the_legal_ones(monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "filesystem")
    monkeypatch.setenv("SEGMENT_TABLE_FORMAT", "hudi")
    assert said_by(resolved) == "SEGMENT_TABLE_FORMAT is 'hudi', which is no format. Legal values: delta, iceberg."


def test_every_destination_names_its_extra():
    assert {
        name
        for name, capabilities in DESTINATIONS.items()
        if capabilities.driver.modules and not capabilities.driver.extra
    } == set()


@pytest.mark.parametrize("asked", often([[], ["audit_events"]], 1))
def test_plain_files_refuse_what_would_have_to_be_merged(emulator, tmp_path, asked):
    settings = {"SEGMENT_DESTINATION": "filesystem", BUCKET: str(tmp_path / "lake")}
    command = [sys.executable, str(SCRIPT), *(asked or ["labels", "audit_events", "events_volume"])]
    reason = "its table keeps rows of earlier runs, and to plain files dlt can only append"

    def run(**more):
        environment = os.environ | settings | more
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)

    skipped, failed = run(), run(SEGMENT_ON_UNAVAILABLE="fail")
    assert (skipped.returncode, failed.returncode) == (0, 1)
    assert f"audit_events: skipped, because {reason}" in skipped.stdout
    assert f"error: audit_events: refused, because {reason}" in failed.stderr
    assert "Set SEGMENT_TABLE_FORMAT to delta or iceberg, or SEGMENT_DESTINATION to a database" in failed.stderr
    assert not (tmp_path / "lake" / "segment_data" / "audit_events").exists()
