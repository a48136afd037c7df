"""An engine that a machine cannot have is reported, in the table too; one that does not start fails its test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segment_dagster_tests.destinations.engines import free_port
from segment_dagster_tests.destinations.processes import listening

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
CONFORMANCE = Path(__file__).with_name("test_conformance.py")


@pytest.fixture
def install(tmp_path):
    """Install engines on a machine that has nothing."""

    def run(*engines):
        return subprocess.run(
            [sys.executable, "-m", "segment_dagster_tests.destinations.install", str(tmp_path / "engines"), *engines],
            env={"PATH": "", "HOME": str(tmp_path)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        ("azurite", "azurite needs npm, which is not here"),
        ("local-bigquery", "local-bigquery needs Python 3.13 with venv, which is not here"),
        ("fakesnow", "fakesnow needs Python 3.13 or 3.12 or 3.11 with venv, which is not here"),
    ],
)
def test_what_an_engine_lacks_is_told_and_kept(install, tmp_path, engine, reason):
    ran = install(engine)
    assert (ran.returncode, ran.stderr) == (0, f"{engine}: not installed: {reason}\n")
    assert (tmp_path / "engines" / engine / "not-installed.txt").read_text() == f"{reason}\n"


def test_what_is_no_engine_is_refused(install, tmp_path):
    ran = install("sqlite")
    said = "error: no engine: sqlite. Legal values: local-bigquery, azurite, fakesnow.\n"
    assert (ran.returncode, ran.stderr) == (1, said)
    assert not (tmp_path / "engines").exists()


def test_what_is_installed_is_not_installed_again(install, tmp_path):
    place = tmp_path / "engines" / "azurite"
    place.mkdir(parents=True)
    (place / "installed.txt").touch()
    ran = install("azurite")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [file.name for file in place.iterdir()] == ["installed.txt"]


@pytest.mark.parametrize(
    ("program", "said"),
    [("import sys; print('first', file=sys.stderr); sys.exit('no room')", "no room"), ("pass", "it says nothing")],
)
def test_a_server_that_ends_is_told_with_what_it_said_last(tmp_path, program, said):
    command = [sys.executable, "-c", program]
    with (
        pytest.raises(RuntimeError, match=f"python[0-9.]*: {said}$"),
        listening(command, free_port(), tmp_path / "log", {}),
    ):
        pytest.fail("it listens")


@pytest.fixture
def conformance(tmp_path):
    """Run the test of Snowflake with what is installed there; its status, its line of the table, all that it said."""

    def run():
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "snowflake", str(CONFORMANCE)],
            env={**os.environ, "FURTHER_ENGINES": os.path.relpath(tmp_path / "engines", ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        (line,) = (line for line in ran.stdout.splitlines() if line.startswith("snowflake "))
        return ran.returncode, line.split(maxsplit=1)[1], ran.stdout

    return run


@pytest.mark.long
def test_an_engine_that_a_machine_cannot_have_is_a_line_of_the_table(conformance, tmp_path):
    place = tmp_path / "engines" / "fakesnow"
    place.mkdir(parents=True)
    (place / "not-installed.txt").write_text("fakesnow needs a rest\n")
    status, line, said = conformance()
    assert (status, "1 xfailed" in said) == (0, True), said
    assert line == "Snowflake's SQL on DuckDB, by fakesnow cannot start here: fakesnow needs a rest"


def test_an_engine_that_nobody_tried_to_install_fails(conformance):
    status, line, said = conformance()
    assert (status, line) == (1, "FAILED: see above"), said
    assert "FileNotFoundError: fakesnow is not installed: run make test-destinations" in said
