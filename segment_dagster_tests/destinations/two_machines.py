"""Two machines into one dataset of PostgreSQL: each has its home, and its own view of the same workspace."""

import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import psycopg2

from segment_dagster.emulator import Edit, running
from segment_dagster.extract.columns import column_name
from segment_dagster_tests.chaos.tables import HISTORY, ROWS, after
from segment_dagster_tests.comparable_rows import plain

SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"
DAGSTER = Path(sys.executable).with_name("dagster")
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
DATASET = "segment_data"
CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"
PATIENCE = 200
"""Seconds that a machine may take to come to its last request, and to its end."""


def script(*arguments):
    """The script's command for some endpoints."""
    return [sys.executable, str(SCRIPT), *arguments]


def job(name):
    """Dagster's command for a job."""
    return [str(DAGSTER), "job", "execute", "-m", "segment_dagster.definitions", "-j", name]


class Machine:
    """A home of its own.

    Args:
        emulator: The workspace as this machine sees it.
        place: An empty directory.
        settings: Environment variables of all its runs.
    """

    def __init__(self, emulator, place, settings):
        self.emulator = emulator
        self.work, self.tmp, self.dagster = (place / name for name in ("work", "tmp", "dagster"))
        for directory in (self.work, self.tmp, self.dagster):
            directory.mkdir(parents=True)
        self._environment = {
            **os.environ,
            "HOME": str(place),
            "DLT_DATA_DIR": str(place / ".dlt"),
            "DAGSTER_HOME": str(self.dagster),
            "TMPDIR": str(self.tmp),
            "PYTHONPATH": str(SCRIPT.parent),
            "SEGMENT_BASE_URL": emulator.url,
            "SEGMENT_API_TOKEN": emulator.token,
            "SEGMENT_NOW": NOW.isoformat(),
            "SEGMENT_INCLUDE_SECRETS": "true",
            "SEGMENT_LOCK_TIMEOUT": str(PATIENCE),
            **settings,
        }

    def begin(self, command, **settings):
        """Start a run."""
        return subprocess.Popen(
            command,
            cwd=self.work,
            env=self._environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def run(self, command, **settings):
        """Run to the end; the number of its requests."""
        self.emulator.stats.clear()
        code, said = ended(self.begin(command, **settings))
        assert code == 0, said
        return self.emulator.stats.total


def ended(process):
    """The status of a run, and what it said."""
    said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said


@contextmanager
def two_machines(world, address, place):
    """Two machines that load into one database."""
    settings = {"SEGMENT_DESTINATION": "postgres", CREDENTIALS: address}
    with ExitStack() as stack:
        machines = []
        for name in ("one", "other"):
            emulator = stack.enter_context(running(world=world, minute=0.05))
            emulator.clock.set(NOW)
            machines.append(Machine(emulator, place / name, settings))
        yield machines


def at_once(machines, commands, requests, **settings):
    """Run a command on each machine. Both get their last answer, and so begin to load, in the same moment.

    Args:
        machines: The machines.
        commands: What each runs.
        requests: The number of requests of each, the last of which is held back until both have come to it.
        settings: Further settings of the runs.

    Returns:
        The status of each and what it said.
    """
    barrier = Barrier(len(machines))
    for machine, number in zip(machines, requests, strict=True):
        machine.emulator.hooks.clear()
        machine.emulator.hooks.at(number, lambda: barrier.wait(PATIENCE))
    begun = [machine.begin(command, **settings) for machine, command in zip(machines, commands, strict=True)]
    ran = [ended(process) for process in begun]
    assert barrier.n_waiting == 0 and not barrier.broken, ran
    return [SimpleNamespace(code=code, said=said) for code, said in ran]


def change(machines, world):
    """Change, add and delete a record each, as both machines see it."""
    source, label = world.records("sources")[0]["id"], {"name": "renamed"}
    _, user, doomed, *_ = world.records("users")
    for machine in machines:
        machine.emulator.edits.add(
            Edit("sources", "modify", source, label, at=NOW),
            Edit("users", "create", "a-new-user", {"email": "somebody.new@example.com"}, at=NOW),
            Edit("users", "modify", user["id"], {"name": "Somebody Else"}, at=NOW),
            Edit("users", "delete", doomed["id"], at=NOW),
        )


def drop_dataset(address):
    """Let the next run be the first."""
    with closing(psycopg2.connect(address)) as connection, connection, connection.cursor() as cursor:
        for schema in (DATASET, f"{DATASET}_staging"):
            cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def held(address, names):
    """What tables hold: a count of each row, by the table; a history's with whether the version is current."""
    tables = {}
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [DATASET])
        there = {name for (name,) in cursor.fetchall()}
        for table in there & {each for name in names for each in (name, name + HISTORY)}:
            is_history = table.endswith(HISTORY)
            row = ROWS[table.removesuffix(HISTORY)]
            columns = [column for column in row.columns if not (is_history and column.volatile)]
            selected = [f'"{column_name(column.field)}"' for column in columns] + ["valid_to IS NULL"] * is_history
            cursor.execute(f"SELECT {', '.join(selected)} FROM {DATASET}.{table}")
            tables[table] = Counter[tuple]()
            for each in cursor.fetchall():
                values = tuple(plain(column, value) for column, value in zip(columns, each, strict=False))
                tables[table][(values, each[-1]) if is_history else values] += 1
    return tables


def wrong(address, wanted, ran):
    """What is not as it should be after runs: a line for each run that failed, and for each table."""
    lines = [f"a run failed: {_errors(each.said)}" for each in ran if each.code]
    names = [name for name in wanted if not name.endswith(HISTORY)]
    tables = held(address, names)
    for name, rows in wanted.items():
        there = tables.get(name, Counter())
        if there != rows:
            twice = sum(count - 1 for count in there.values() if count > 1)
            lines.append(
                f"{name}: {there.total()} rows in place of {rows.total()}: {twice} of them twice, "
                f"{(rows - there).total()} missing"
            )
    return lines


def expected(machine, names, before=None, *, history=False):
    """What the tables are to hold after a run."""
    tables = after(before or {}, machine.emulator, names, history=history)
    return {name: rows for name, rows in tables.items() if not name.endswith(HISTORY) or _keeps_history(name)}


def _keeps_history(table):
    return ROWS[table.removesuffix(HISTORY)].keeps_history


def _errors(said):
    lines = [line for line in said.splitlines() if "rror" in line]
    return " | ".join(lines or said.splitlines())[-400:]
