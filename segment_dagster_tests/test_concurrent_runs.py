"""Two runs at once on one DuckDB file, in processes of their own: both succeed, and every table is right."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from segment_dagster.emulator import Edit
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent.parent / "segment_pipeline.py"
DAGSTER = str(Path(sys.executable).with_name("dagster"))
SOME, OTHERS = ("workspace", "sources", "warehouses"), ("roles", "labels", "spaces")

ROUNDS = [
    # how each run is started, what each loads, whether they share a home, whether the file is there
    ("script", "script", SOME, SOME, True, False),
    ("script", "script", SOME, SOME, True, True),
    ("script", "script", SOME, SOME, False, False),
    ("script", "script", SOME, OTHERS, False, True),
    ("script", "script", SOME, OTHERS, True, False),
    ("script", "dagster", SOME, SOME, False, True),
    ("dagster", "script", SOME, OTHERS, True, False),
    ("dagster", "dagster", SOME, SOME, True, True),
    ("dagster", "dagster", SOME, OTHERS, False, False),
    ("dagster", "dagster", SOME, OTHERS, True, True),
]


def command(kind, names):
    if kind == "script":
        return [sys.executable, str(SCRIPT), *names]
    selection = ",".join(f"segment/{name}" for name in names)
    return [DAGSTER, "asset", "materialize", "-m", "segment_dagster.definitions", "--select", selection]


def start(kind, names, home, **settings):
    """Start a run in the working directory. It loads what it reads, whether the tables hold it or not."""
    own = {**os.environ, "DLT_DATA_DIR": str(home), "SEGMENT_ALWAYS_LOAD": "true", **settings}
    # Dagster imports the code location from here
    own["PYTHONPATH"] = os.pathsep.join([str(SCRIPT.parent), own.get("PYTHONPATH", "")])
    return subprocess.Popen(
        command(kind, names), env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )


def rows(table):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(f"SELECT * FROM segment_data.{table} ORDER BY ALL").fetchall()


def ids(table):
    key = "key, value" if table == "labels" else "id"
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(f"SELECT {key} FROM segment_data.{table} ORDER BY ALL").fetchall()


def expected_ids(world, table):
    fields = ("key", "value") if table == "labels" else ("id",)
    return sorted(tuple(record[field] for field in fields) for record in world.records(table))


@pytest.mark.parametrize("number", often(range(1, len(ROUNDS) + 1), 2))
def test_two_runs_at_once_both_succeed(number, emulator, world, tmp_path):
    one, other, of_one, of_other, together, there = ROUNDS[number - 1]
    homes = [tmp_path / "home", tmp_path / ("home" if together else "another home")]
    if there:
        emulator.edits.add(Edit("sources", "modify", world.records("sources")[0]["id"], fields={"name": "Old"}))
        assert start("script", SOME, homes[0]).wait(100) == 0
        emulator.edits.clear()
    runs = [start(one, of_one, homes[0]), start(other, of_other, homes[1])]
    said = [run.communicate(timeout=110) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    for table in {*of_one, *of_other}:
        assert ids(table) == expected_ids(world, table)
    assert "Old" not in {row[1] for row in rows("sources")}
    assert [path.name for path in Path.cwd().iterdir()] == ["segment.duckdb"]


def test_a_run_waits_for_a_notebook_and_says_for_which(emulator, world, tmp_path):
    assert start("script", SOME, tmp_path / "home").wait(100) == 0
    notebook = duckdb.connect("segment.duckdb")
    run = start("script", OTHERS, tmp_path / "home")
    assert run.stderr
    line = run.stderr.readline()
    assert line.startswith(f"{Path.cwd()}/segment.duckdb is in use by ")
    assert f"(process {os.getpid()}): waiting for it, up to 600 s" in line
    notebook.close()
    run.communicate(timeout=100)
    assert run.returncode == 0
    assert ids("roles") == expected_ids(world, "roles")


@pytest.mark.long
def test_a_run_of_dagster_gives_up_in_time_and_names_the_notebook(emulator, tmp_path):
    assert start("script", SOME, tmp_path / "home").wait(100) == 0
    emulator.stats.clear()
    with duckdb.connect("segment.duckdb", read_only=False):
        run = start("dagster", SOME, tmp_path / "home", SEGMENT_LOCK_TIMEOUT="0.3")
        _, said = run.communicate(timeout=110)
    assert run.returncode == 1
    assert f"(process {os.getpid()}): waiting for it, up to 0.3 s" in said
    assert "segment.duckdb is locked by " in said
    assert f"(process {os.getpid()}), and was for 0.3 s" in said
    assert emulator.stats.requests == []


def test_what_was_loaded_last_is_found_by_the_pipelines_name(emulator, tmp_path):
    runs = [start("script", names, tmp_path / "home") for names in (SOME, OTHERS)]
    for run in runs:
        run.communicate(timeout=100)
        assert run.returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    find = (
        "import dlt; dataset = dlt.pipeline('segment_pipeline').dataset(); "
        "print(len(dataset['sources'].fetchall()), len(dataset['roles'].fetchall()))"
    )
    own = {**os.environ, "DLT_DATA_DIR": str(tmp_path / "home")}
    found = subprocess.run(
        [sys.executable, "-c", find], env=own, cwd=elsewhere, capture_output=True, text=True, timeout=60
    )
    assert found.stdout == f"40 {len(emulator.world.records('roles'))}\n", found.stderr
