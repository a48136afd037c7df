"""Secrets that landed while they were let in: they do not go into `changes`, and a command takes them out."""

import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.definitions import defs
from segment_dagster.emulator import Edit
from segment_dagster.endpoints import TABLES
from segment_dagster.errors import SettingError
from segment_dagster.load import resolve_destination
from segment_dagster.marts.purge import main, purge
from segment_dagster_tests.text_finder import TextFinder

pytestmark = pytest.mark.slow

NAMES = ("workspace", "sources", "changes")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"


@pytest.fixture
def run(emulator, one_instance, outcome_of, monkeypatch):
    """Run the part of the main job that is named, with history on."""
    monkeypatch.setenv("SEGMENT_HISTORY", "true")
    job = defs().resolve_job_def("segment_sync")

    def run(*names):
        keys = [dg.AssetKey(["segment", name]) for name in names]
        outcome = outcome_of(job.execute_in_process(instance=one_instance, asset_selection=keys, raise_on_error=False))
        assert outcome.success and not outcome.failed_checks
        return outcome

    return run


@pytest.fixture
def leaks(world):
    """How many of the sources' secrets are in a text, or in the bytes of a file."""
    records = str(world.records("sources"))
    finder = TextFinder(secret.decode() for secret in TextFinder(world.secrets).found(records))

    def leaks(held):
        content = held.read_bytes() if isinstance(held, Path) else held.encode()
        return len(finder.found(content))

    return leaks


def text_of(duck, *schemas):
    tables = [(schema, name) for schema in schemas for name in duck.tables(schema)]
    return str([duck.query(f"SELECT columns(*)::VARCHAR FROM {schema}.{name}") for schema, name in tables])


def test_secrets_that_landed_are_no_change_and_can_be_taken_out(run, emulator, world, duck, leaks, monkeypatch, capsys):
    ids = [record["id"] for record in world.records("sources")]
    monkeypatch.setenv("SEGMENT_INCLUDE_SECRETS", "true")
    run(*NAMES)
    assert leaks(text_of(duck, "segment_data")) > 50
    assert main([]) == 1
    assert "SEGMENT_INCLUDE_SECRETS is true. Turn it off first" in capsys.readouterr().err

    monkeypatch.delenv("SEGMENT_INCLUDE_SECRETS")
    emulator.edits.add(Edit("sources", "delete", ids[0]), Edit("sources", "modify", ids[1], {"name": "New"}))
    outcome = run(*NAMES)
    assert leaks(str(duck.query("SELECT columns(*)::VARCHAR FROM segment_data.changes"))) == 0
    assert leaks(outcome.materialized["changes"].metadata["segment/preview"].value) == 0
    changes = duck.query("SELECT record_key, field, change FROM segment_data.changes ORDER BY 3")
    assert changes == [(ids[1], "name", "changed"), (ids[0], None, "removed")]
    # the history and the staging dataset have them still
    assert leaks(text_of(duck, "segment_data")) > 50

    assert main([]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^sources_history: \d+ rows$", said, re.MULTILINE), said
    assert leaks(text_of(duck, "segment_data", "segment_data_staging")) == 0
    assert duck.query("SELECT record_key, field, change FROM segment_data.changes ORDER BY 3") == changes
    assert main([]) == 0 and capsys.readouterr().out == ""

    (code,) = re.findall(r"python -c \"(import duckdb[^\"]*COPY FROM DATABASE[^\"]*)\"", PAGE.read_text())
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    Path("new.duckdb").replace("segment.duckdb")
    assert leaks(Path("segment.duckdb")) == 0
    # the next run proves each table and history, and tells the same
    run(*NAMES)
    assert duck.query("SELECT record_key, field, change FROM segment_data.changes ORDER BY 3") == changes


def test_there_may_be_nothing_to_take_out():
    assert list(purge(resolve_destination(DestinationSettings()), TABLES, ApiSettings())) == []
    assert not Path("segment.duckdb").exists()


def test_files_are_replaced_and_not_changed(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGMENT_DESTINATION", "filesystem")
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "files"))
    with pytest.raises(SettingError, match=r"SEGMENT_DESTINATION is 'filesystem', where no rows can be changed"):
        list(purge(resolve_destination(DestinationSettings()), TABLES, ApiSettings()))
