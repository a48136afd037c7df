"""What is said where a destination whose driver `make test-destinations` installs lacks its settings or its server."""

import pytest

from segment_dagster_tests.destinations.engines import free_port

BUCKET = "DESTINATION__FILESYSTEM__BUCKET_URL"
OF_BUCKET = "DESTINATION__FILESYSTEM__CREDENTIALS__"
PASSWORD = "the-password-of-mine"
AZURE = {
    "SEGMENT_DESTINATION": "filesystem",
    BUCKET: "az://lake/x",
    f"{OF_BUCKET}AZURE_STORAGE_ACCOUNT_NAME": "segment",
    f"{OF_BUCKET}AZURE_STORAGE_ACCOUNT_KEY": "aHVzaA==",
}


@pytest.fixture
def said(script, emulator):
    """What the script said, which is one line. Nothing is asked of Segment."""

    def run(**settings):
        status, said = script(**settings)
        assert (status, len(said.splitlines()), emulator.stats.total) == (1, 1, 0), said
        assert PASSWORD not in said
        return said

    return run


@pytest.mark.parametrize(
    ("destination", "missing"),
    [
        ("bigquery", ("PROJECT_ID", "PRIVATE_KEY", "CLIENT_EMAIL")),
        ("snowflake", ("DATABASE", "HOST")),
        ("databricks", ("CATALOG",)),
    ],
)
def test_missing_credentials_are_named(said, destination, missing):
    names = ", ".join(f"DESTINATION__{destination.upper()}__CREDENTIALS__{name}" for name in missing)
    are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    assert said(SEGMENT_DESTINATION=destination) == (
        f"error: {names} {are} missing. Set {them}, or the same in dlt's secrets.toml.\n"
    )


@pytest.mark.parametrize(
    ("protocol", "missing"), [("gs", "PRIVATE_KEY"), ("az", "AZURE_STORAGE_ACCOUNT_NAME")], ids=["gs", "az"]
)
def test_missing_credentials_of_a_bucket_are_named(said, protocol, missing):
    line = said(SEGMENT_DESTINATION="filesystem", **{BUCKET: f"{protocol}://lake/x"})
    assert f"{OF_BUCKET}{missing}" in line and line.endswith(
        "are missing. Set them, or the same in dlt's secrets.toml.\n"
    )


def test_a_dead_server_is_told_before_anything_is_read(said):
    address = f"me:{PASSWORD}@account/warehouse?host=127.0.0.1&port={free_port()}&protocol=http"
    line = said(SEGMENT_DESTINATION="snowflake", DESTINATION__SNOWFLAKE__CREDENTIALS=f"snowflake://{address}")
    assert line.startswith("error: snowflake cannot be reached, or lets nobody in (ConnectionError): ")
    assert line.endswith("See whether it is up, and what DESTINATION__SNOWFLAKE__CREDENTIALS and its like say.\n")


def test_a_host_that_the_driver_cannot_use_is_told(said):
    line = said(**AZURE, **{f"{OF_BUCKET}AZURE_ACCOUNT_HOST": "nowhere.invalid"})
    assert line.startswith("error: filesystem cannot be reached, or lets nobody in (ValueError): Unable to ")
