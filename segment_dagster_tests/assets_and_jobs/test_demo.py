"""`make demo` and `make dev`, without make."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from segment_dagster.emulator.server import DEFAULT_TOKEN
from segment_dagster_tests.process_arguments import recorded_arguments, recording_arguments

pytestmark = [pytest.mark.server, pytest.mark.slow]

FAKE_DAGSTER = """#!{python}
import os, sys, urllib.request
request = urllib.request.Request(os.environ.get("SEGMENT_BASE_URL", "") + "/")
request.add_header("Authorization", "Bearer " + os.environ.get("SEGMENT_API_TOKEN", ""))
print("arguments", sys.argv[1:])
print("home", os.environ.get("DAGSTER_HOME"))
print("file", os.environ.get("DESTINATION__DUCKDB__CREDENTIALS"), os.environ.get("SEGMENT_DATASET"))
print("dlt", os.environ.get("DLT_DATA_DIR"))
print("answer", urllib.request.urlopen(request, timeout=10).read().decode())
sys.exit(7)
"""


def refuses_connections(address):
    parts = urlsplit(address)
    with socket.socket() as connection:
        return connection.connect_ex((parts.hostname, parts.port)) != 0


@pytest.fixture
def beside(tmp_path):
    """A Python like this one beside which another `dagster` stands: it asks for the workspace and ends with 7."""
    place = tmp_path / "beside"
    (place / "bin").mkdir(parents=True)
    (place / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    (place / "lib").symlink_to(Path(sys.prefix) / "lib")
    python = place / "bin" / "python"
    python.symlink_to(Path(sys.executable).resolve())
    dagster = place / "bin" / "dagster"
    dagster.write_text(FAKE_DAGSTER.format(python=sys.executable))
    dagster.chmod(0o755)
    return str(python)


def no_token_among_arguments(started, *tokens):
    assert "segment_dagster.demo" in started and "segment_dagster.emulator" in started
    assert not [token for token in (DEFAULT_TOKEN, *tokens) if token in started]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo that was run once, in a directory of its own, by somebody with settings of a workspace of their own."""
    place = tmp_path_factory.mktemp("demo")
    work, started = place / "work", place / "started"
    work.mkdir()
    started.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place / "home"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "SEGMENT_REGION": "eu",
        "SEGMENT_API_LAYOUT": "versioned",
        "SEGMENT_API_TOKEN": "token of the user",
        "SEGMENT_BASE_URL": "http://127.0.0.1:1",
        "SEGMENT_DESTINATION": "snowflake",
        "SEGMENT_DATASET": "precious",
        "SEGMENT_TABLE_FORMAT": "delta",
        "SEGMENT_PAGE_SIZE": "50",
        "DESTINATION__DUCKDB__CREDENTIALS": str(place / "precious.duckdb"),
        "DAGSTER_HOME": str(place / "precious_home"),
        "DLT_DATA_DIR": str(place / "precious_dlt"),
        **recording_arguments(started),
    }

    def run():
        command = [sys.executable, "-m", "segment_dagster.demo"]
        return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=100)

    return SimpleNamespace(done=run(), again=run, place=place, work=work, started=lambda: recorded_arguments(started))


def test_the_demo_loads_shows_and_leaves_nothing_running(demo):
    # settings of a user's own account do not reach the demo
    done = demo.done
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (address,) = re.findall(r"http://127\.0\.0\.1:\d+", lines[0])
    assert "made-up" in lines[0] and "segment_sync" in lines[0]
    table = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("segment/")}
    assert len(table) == 50
    assert {name: table[f"segment/{name}"] for name in ("workspace", "sources", "spaces", "segments")} == {
        "workspace": ["1", "3", "of", "3"],
        "sources": ["40", "4", "of", "4"],
        "spaces": ["2", "4", "of", "4"],
        "segments": ["2,400", "5", "of", "5"],
    }
    assert all(passed == checks for _, passed, _, checks in table.values())
    assert list(table)[:2] == ["segment/workspace", "segment/sources"]
    head = next(number for number, line in enumerate(lines) if line.split() == ["source", "type", "destinations"])
    assert any(line.startswith("SELECT s.name AS source") for line in lines[:head])
    shown = lines[head + 2 : head + 7]
    counts = [int(line.split()[-1]) for line in shown]
    assert len(counts) == 5 and counts == sorted(counts, reverse=True)
    assert f"The tables are in {demo.work / '.demo' / 'segment.duckdb'}." in done.stdout
    assert refuses_connections(address)
    # nothing of the demo is where a real workspace's tables, runs and state would be
    assert not list(demo.place.glob("precious*"))
    assert {path.name for path in demo.work.iterdir()} == {".demo"}
    assert {path.name for path in (demo.work / ".demo").iterdir()} >= {"segment.duckdb", "dagster", "dlt"}
    # a first look is no place for warnings and traces
    assert "Warning" not in done.stderr and "Traceback" not in done.stderr
    assert "elemetry" not in done.stderr + done.stdout
    no_token_among_arguments(demo.started(), "token of the user")


@pytest.mark.long
@pytest.mark.timeout(300)  # it runs the demo twice
def test_the_demo_shows_the_same_when_nothing_has_changed(demo):
    runs = [demo.done, demo.again()]
    assert [run.returncode for run in runs] == [0, 0], [run.stderr for run in runs]
    first, second = ([line for line in run.stdout.splitlines() if line.startswith("segment/")] for run in runs)
    assert len(first) == 50
    # the trail goes on
    assert [line for line in second if "audit" not in line] == [line for line in first if "audit" not in line]


def test_the_ui_with_a_bad_token_says_so(python):
    done = python("-m", "segment_dagster.demo", "--ui", SEGMENT_API_TOKEN="two words")
    assert done.returncode == 1
    assert done.stderr.startswith("error: SEGMENT_API_TOKEN holds a space, a line break or another character")
    assert len(done.stderr.splitlines()) == 1
    assert "two words" not in done.stderr + done.stdout


def test_the_ui_without_a_token_has_a_made_up_workspace_for_as_long_as_it_runs(beside, started):
    mine = {"DAGSTER_HOME": "/mine", "SEGMENT_DATASET": "mine", "DESTINATION__DUCKDB__CREDENTIALS": "/mine.duckdb"}
    done = subprocess.run(
        [beside, "-m", "segment_dagster.demo", "--ui"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **mine},
    )
    assert done.returncode == 7, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith(
        "SEGMENT_API_TOKEN is not set: the UI's runs read a made-up workspace at http://127.0.0.1:"
    )
    assert said[1] == "arguments ['dev', '-w', 'workspace.yaml']"
    demo = Path.cwd() / ".demo"
    assert said[2:5] == [f"home {demo / 'dagster'}", f"file {demo / 'segment.duckdb'} None", f"dlt {demo / 'dlt'}"]
    assert "acme-outdoors" in said[5]
    no_token_among_arguments(started())
    assert refuses_connections(re.findall(r"http://127\.0\.0\.1:\d+", said[0])[0])


def test_the_ui_with_a_token_reads_that_workspace(beside, emulator):
    settings = {**os.environ, "DAGSTER_HOME": str(Path.cwd()), "DLT_DATA_DIR": "/mine"}
    done = subprocess.run(
        [beside, "-m", "segment_dagster.demo", "--ui"], capture_output=True, text=True, timeout=60, env=settings
    )
    assert done.returncode == 7, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == f"SEGMENT_API_TOKEN is set: the UI's runs read the workspace at {emulator.url}."
    assert said[2:5] == [f"home {Path.cwd()}", "file None None", "dlt /mine"]
    assert not Path(".demo").exists()
    assert emulator.stats.by_endpoint == {"workspace": 1}


@pytest.mark.long
def test_the_ui_with_a_token_has_a_home_beside_the_demos(beside, emulator):
    done = subprocess.run(
        [beside, "-m", "segment_dagster.demo", "--ui"], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
    assert f"home {Path.cwd() / '.dagster'}" in done.stdout.splitlines()
    assert "file None None" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("files", "settings", "shown"),
    [
        ([], {}, "none"),
        ([".demo/segment.duckdb"], {}, ".demo/segment.duckdb"),
        ([".demo/segment.duckdb", "segment.duckdb"], {}, "none"),
        ([".demo/segment.duckdb"], {"DESTINATION__DUCKDB__CREDENTIALS": "mine.duckdb"}, "mine.duckdb"),
        ([".demo/segment.duckdb"], {"SEGMENT_DESTINATION": "postgres"}, "none"),
    ],
)
def test_the_notebook_shows_the_demo_where_nothing_else_was_loaded(files, settings, shown):
    marimo = Path("venv/bin/marimo")
    marimo.parent.mkdir(parents=True)
    marimo.write_text("#!/bin/sh\necho file ${DESTINATION__DUCKDB__CREDENTIALS:-none}\n")
    marimo.chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt", "venv/.installed", *files):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    makefile = Path(__file__).parents[2] / "Makefile"
    done = subprocess.run(
        [str(shutil.which("make")), "-s", "-f", str(makefile), "notebook", "VENV=venv"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **settings},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"file {shown}"


def test_a_demo_that_has_no_place_is_told_in_a_line(python):
    Path(".demo").write_text("somebody's notes")
    done = python("-m", "segment_dagster.demo")
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert said == f"error: {Path.cwd()}/.demo/dagster cannot be used (Not a directory)."


@pytest.mark.long
def test_a_demo_that_fails_ends_with_1(python):
    Path(".demo").mkdir()
    Path(".demo/segment.duckdb").write_text("this is not a DuckDB file, but somebody's notes")
    done = python("-m", "segment_dagster.demo")
    assert done.returncode == 1
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "segment.duckdb, which is not a DuckDB file" in said
    (address,) = re.findall(r"answers at (http://127\.0\.0\.1:\d+)", done.stdout)
    assert refuses_connections(address)


@pytest.mark.long
def test_the_ui_that_is_told_to_stop_ends_what_it_started(beside):
    waiting = Path(beside).with_name("dagster")
    waiting.write_text(
        f"#!{sys.executable}\nimport os, signal\nprint('pid', os.getpid(), flush=True)\nsignal.pause()\n"
    )
    with subprocess.Popen([beside, "-m", "segment_dagster.demo", "--ui"], stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+", demo.stdout.readline())
        child = int(demo.stdout.readline().removeprefix("pid "))
        assert not refuses_connections(address)
        demo.terminate()
        assert demo.wait(30) == 128 + signal.SIGTERM
    assert refuses_connections(address)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
