"""What a load leaves on this machine: no rows, no secrets, and nothing that others may read."""

import logging
import stat
from pathlib import Path

import duckdb
import pytest
from dlt.common.pipeline import get_dlt_pipelines_dir

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Edit
from segment_dagster.extract import Extractor
from segment_dagster.load import load_extracts, resolve_destination
from segment_dagster.load.pipeline import locked_pipeline
from segment_dagster.load.sql_clients import clean_error, without_values

pytestmark = pytest.mark.slow

PLANTED = "a" + "-planted-" * 2 + "secret"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")


@pytest.fixture
def planted(emulator, world):
    """A workspace in which a source has a secret for its name."""
    emulator.edits.add(Edit("sources", "modify", world.records("sources")[0]["id"], {"name": PLANTED}))


def read(*names, **settings):
    with Extractor(ApiSettings(**settings)) as extractor:
        extracts, failures = extractor.extract_all([extractor.endpoint(name) for name in names])
        assert failures == []
        files = [part.path for extract in extracts for part in extract.parts]
        modes = {stat.S_IMODE(path.stat().st_mode) for path in files}
        return load_extracts(
            extracts, resolve_destination(DestinationSettings(always_load=True)), **settings, now=utc_now()
        ), modes


def holding(text, *directories):
    """The files in which a text is."""
    files = [path for directory in directories for path in Path(directory).rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


def files_of_rows(directory):
    """The files that dlt takes rows from, which may be compressed."""
    return [path for ending in ("parquet", "gz", "jsonl", "insert_values") for path in directory.rglob(f"*.{ending}")]


def modes(directory):
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (directory, *directory.rglob("*"))}


@pytest.mark.parametrize("history", [False, True])
def test_a_load_leaves_no_rows_in_dlts_files(planted, tmp_path, history):
    loaded, spooled = read("sources", "warehouses", history=history)
    assert loaded.failures == [] and spooled == {0o600}
    assert holding(PLANTED, tmp_path) == [tmp_path / "work" / "segment.duckdb"]
    assert files_of_rows(tmp_path) == []


def test_what_dlts_own_setting_says_of_finished_jobs_counts(planted, tmp_path, monkeypatch):
    monkeypatch.setenv("LOAD__DELETE_COMPLETED_JOBS", "false")
    read("sources")
    kept, *_ = [path for path in files_of_rows(tmp_path) if path.name.startswith("sources.")]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_nobody_else_may_read_dlts_files_nor_the_new_file(planted):
    with locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()) as pipeline:
        # as `dagster_dlt` does
        pipeline.drop()
        assert modes(Path(pipeline.working_dir)) == {(True, 0o700), (False, 0o600)}
    read("sources")
    assert modes(Path(get_dlt_pipelines_dir(), "segment_pipeline")) == {(True, 0o700), (False, 0o600)}
    assert stat.S_IMODE(Path("segment.duckdb").stat().st_mode) == 0o600


def test_a_file_that_is_there_keeps_its_mode(emulator):
    read("warehouses")
    Path("segment.duckdb").chmod(0o640)
    read("warehouses")
    assert stat.S_IMODE(Path("segment.duckdb").stat().st_mode) == 0o640


def test_what_the_destination_says_of_a_row_is_nowhere(planted, tmp_path, caplog, capfd):
    read("sources")
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute("DELETE FROM segment_data.sources")
        connection.execute("ALTER TABLE segment_data.sources ALTER name TYPE INTEGER USING 1")
    with caplog.at_level(logging.DEBUG):
        loaded, _ = read("sources", "warehouses")
    (failure,) = loaded.failures
    assert "Could not convert string '***' to INT32" in str(failure.error)
    assert PLANTED not in caplog.text and PLANTED not in "".join(capfd.readouterr())
    home = Path(get_dlt_pipelines_dir(), "segment_pipeline")
    assert PLANTED.encode() not in (home / "trace.pickle").read_bytes()
    assert holding(PLANTED, tmp_path) in ([], [tmp_path / "work" / "segment.duckdb"])


SAID = {
    "invalid input syntax for type integer: \"abc\"\nLINE 1: VALUES ('abc')\n  ^": (
        'invalid input syntax for type integer: "***"'
    ),
    'null value in column "c" of relation "t" violates not-null constraint\nDETAIL:  Failing row contains (abc).': (
        'null value in column "c" of relation "t" violates not-null constraint'
    ),
    'duplicate key value violates unique constraint "mine"\nDETAIL:  Key (name)=(abc) already exists.': (
        'duplicate key value violates unique constraint "mine"'
    ),
    "date/time field value out of range: \"abc\"\nCONTEXT:  unnamed portal parameter $1 = 'abc'": (
        'date/time field value out of range: "***"'
    ),
    "Conversion Error: Could not convert string 'it's abc' to INT32 when casting from source column name": (
        "Conversion Error: Could not convert string '***' to INT32 when casting from source column name"
    ),
    "Could not convert string 'abc\n\nLINE 3: abc' to INT32": "Could not convert string '***'",
    'Constraint Error: Duplicate key "id: abc" violates unique constraint.': (
        'Constraint Error: Duplicate key "***" violates unique constraint.'
    ),
    "Type VARCHAR with value abc can't be cast to the destination type INT32": (
        "Type VARCHAR with value *** can't be cast to the destination type INT32"
    ),
    'Binder Error: Table "sources" does not have a column named "id"': (
        'Binder Error: Table "sources" does not have a column named "id"'
    ),
    "permission denied for table sources": "permission denied for table sources",
    'connection to server at "127.0.0.1", port 1 failed: FATAL:  password authentication failed for user "me"': (
        'connection to server at "127.0.0.1", port 1 failed: FATAL:  password authentication failed for user "me"'
    ),
}


@pytest.mark.parametrize("said", SAID)
def test_values_that_a_database_quotes_are_hidden_and_names_are_not(said):
    assert without_values(said) == SAID[said]


class GoogleError(Exception):
    """As those of Google's client are: what dlt goes by is in `errors`."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.errors = [{"message": message, "reason": reason}]

    def __str__(self) -> str:
        return f"404 {self.message}"


def test_the_error_that_bigquerys_holds_stays_without_values():
    error = Exception(GoogleError("Not found: no value 'abc'", "notFound"))
    clean_error(error)
    (held,) = error.args
    assert isinstance(held, GoogleError)
    assert held.errors == [{"message": "Not found: no value '***'", "reason": "notFound"}]
    assert str(error) == "404 Not found: no value '***'"
