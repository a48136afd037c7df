"""The `dagster` command line: what a person types, and what they read when a setting is wrong."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

NAMES = {"workspace", "sources", "destinations", "warehouses", "spaces", "segments"}
EXECUTE = ("job", "execute", "-m", "segment_dagster.definitions", "-j", "segment_sync")
MATERIALIZE = (
    *("asset", "materialize", "-m", "segment_dagster.definitions", "--select", 'key:"segment/workspace"'),
    # the project sets no executor, and Dagster's default starts a process for each step
    *("--config-json", '{"execution": {"config": {"in_process": {}}}}'),
)
"""Of one asset: Dagster writes down each of a job's 250 assets and checks before it begins, which takes seconds."""

LEGAL_FILE = (
    "Set it to a DuckDB file that can be written to, or to a path where one can be made; default segment.duckdb."
)

BAD: dict[str, tuple[dict[str, str | None], str]] = {
    "no token": (
        {"SEGMENT_API_TOKEN": None},
        "SEGMENT_API_TOKEN is not set. Make one in the Segment app under Settings > Workspace settings > "
        "Access Management > Tokens (a Public API token) and put it into SEGMENT_API_TOKEN.",
    ),
    "token with a line break": (
        {"SEGMENT_API_TOKEN": "half-a-token\n"},
        "SEGMENT_API_TOKEN holds a space, a line break or another character that no token has. "
        "Set it to the token alone: letters, digits and punctuation, without quotes or a line break.",
    ),
    "unknown destination": (
        {"SEGMENT_DESTINATION": "floppy"},
        "SEGMENT_DESTINATION is 'floppy', which is no destination. Legal values: ",
    ),
    "bad cron": (
        {"SEGMENT_SCHEDULE_CRON": "daily"},
        "SEGMENT_SCHEDULE_CRON is 'daily'. Set it to a cron expression such as 0 6 * * *.",
    ),
    "unknown region": (
        {"SEGMENT_REGION": "mars"},
        "SEGMENT_REGION is 'mars'. Legal values: us, eu.",
    ),
    "unknown layout": (
        {"SEGMENT_API_LAYOUT": "v9"},
        "SEGMENT_API_LAYOUT is 'v9'. Legal values: public, versioned.",
    ),
    "bad dataset": ({"SEGMENT_DATASET": "My Data"}, "SEGMENT_DATASET is 'My Data'. Legal values: "),
    "address without scheme": (
        {"SEGMENT_BASE_URL": "api.segmentapis.com"},
        "SEGMENT_BASE_URL is no address with a scheme and a host. Set it to a whole address such as https://api.segmentapis.com.",
    ),
    "page size 0": (
        {"SEGMENT_PAGE_SIZE": "0"},
        "SEGMENT_PAGE_SIZE is '0'. Legal values: a whole number from 1 to 1000.",
    ),
    "page size 10000": (
        {"SEGMENT_PAGE_SIZE": "10000"},
        "SEGMENT_PAGE_SIZE is '10000'. Legal values: a whole number from 1 to 1000.",
    ),
    "file named like the dataset": (
        {"DESTINATION__DUCKDB__CREDENTIALS": "segment_data.duckdb"},
        "DESTINATION__DUCKDB__CREDENTIALS names the file segment_data.duckdb, "
        "whose name is that of the dataset 'segment_data'. Name the file otherwise, or set SEGMENT_DATASET.",
    ),
    "file in no directory": (
        {"DESTINATION__DUCKDB__CREDENTIALS": "/no/such/place/x.duckdb"},
        "DESTINATION__DUCKDB__CREDENTIALS names /no/such/place/x.duckdb, "
        f"whose directory is missing or cannot be written to. {LEGAL_FILE}",
    ),
    "bad owner": (
        {"SEGMENT_OWNERS": "me"},
        "SEGMENT_OWNERS holds 'me'. "
        "Legal values: e-mail addresses and `team:` followed by a name, separated by commas.",
    ),
}
"""The first four are run by `make test`: a command takes seconds."""


def run(directory, settings, *arguments):
    """The `dagster` command as a user runs it: its exit status and all that it prints.

    Dagster keeps what a step prints in files, which it mirrors to the console; of a short step it may lose the end.
    """
    with TemporaryDirectory() as home:
        ended = subprocess.run(
            [Path(sys.executable).with_name("dagster"), *arguments],
            cwd=directory,
            env={"DAGSTER_HOME": home, **{key: value for key, value in settings.items() if value is not None}},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        kept = [path.read_text() for path in Path(home).rglob("*.err")]
    return ended.returncode, "".join([ended.stdout, *kept])


@pytest.fixture
def command():
    """Run `dagster` with arguments in the working directory, with settings added to the environment."""
    return lambda *arguments, **settings: run(Path.cwd(), {**os.environ, **settings}, *arguments)


@pytest.mark.parametrize("case", often(BAD, 4))
def test_a_bad_setting_is_told_in_a_line_and_nothing_is_written(emulator, tmp_path, case):
    settings, said = BAD[case]
    home = tmp_path / "fresh_home"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DLT_DATA_DIR": str(home / ".dlt"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "SEGMENT_BASE_URL": emulator.url,
        "SEGMENT_API_TOKEN": emulator.token,
    }
    status, output = run(Path.cwd(), environment | settings, *(EXECUTE if case == "no token" else MATERIALIZE))
    assert status == 1, output
    assert any(said in line for line in output.splitlines())
    assert "half-a-token" not in output
    assert list(Path.cwd().iterdir()) == []
    assert not (home / ".dlt" / "pipelines").exists()
    assert emulator.stats.total == 0


def test_a_file_that_is_not_duckdb_is_left_alone(emulator, command):
    notes = Path("segment.duckdb").absolute()
    notes.write_text("these are somebody's notes and no database")
    status, output = command(*EXECUTE)
    assert status == 1
    said = f"DESTINATION__DUCKDB__CREDENTIALS names {notes}, which is not a DuckDB file. {LEGAL_FILE}"
    assert any(said in line for line in output.splitlines())
    assert notes.read_text() == "these are somebody's notes and no database"
    assert list(Path.cwd().iterdir()) == [notes]
    assert emulator.stats.total == 0


@pytest.mark.long
def test_a_read_only_file_is_left_alone(old_tables, emulator, command):
    before = old_tables.read_bytes()
    old_tables.chmod(0o444)
    status, output = command(*MATERIALIZE)
    assert status == 1
    said = f"DESTINATION__DUCKDB__CREDENTIALS names {old_tables}, which is read-only. {LEGAL_FILE}"
    assert any(said in line for line in output.splitlines())
    assert old_tables.read_bytes() == before
    assert list(Path.cwd().iterdir()) == [old_tables]
    assert emulator.stats.total == 0


@pytest.mark.long
def test_a_directory_in_the_files_place_is_told(emulator, command):
    Path("segment.duckdb").mkdir()
    status, output = command(*MATERIALIZE)
    assert status == 1
    assert f"names {Path('segment.duckdb').absolute()}, which is no file." in output


@pytest.mark.long
def test_a_wrong_token_fails_the_command(emulator, command):
    status, output = command(*EXECUTE, SEGMENT_API_TOKEN="wrong-token-4711")
    assert status == 1
    assert any("workspace: GET / was refused: the token is not valid (401)." in line for line in output.splitlines())
    assert "wrong-token-4711" not in output


@pytest.mark.long
def test_materializing_one_asset_in_an_empty_directory(emulator, dagster, duck, tmp_path):
    home = tmp_path / "fresh_home"
    home.mkdir()
    select = ("--select", 'key:"segment/segments"')
    done = dagster("asset", "materialize", "-m", "segment_dagster.definitions", *select, DAGSTER_HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert duck.tables() == {"segments"}
    assert duck.query("SELECT count(*) FROM segment_data.segments") == [(2400,)]
    assert {path.name for path in Path.cwd().iterdir()} == {"segment.duckdb"}
    assert emulator.stats.by_endpoint == {"workspace": 1, "spaces": 1, "segments": 14}


def test_listing_the_assets_needs_no_token(command):
    status, output = command("asset", "list", "-m", "segment_dagster.definitions")
    assert status == 0, output
    assert {line.strip() for line in output.splitlines()} >= {f"segment/{name}" for name in NAMES}
    assert list(Path.cwd().iterdir()) == []


def test_the_definitions_validate(command):
    status, output = command("definitions", "validate", "-m", "segment_dagster.definitions")
    assert status == 0, output
