"""Runs of the script or of a job, each a process of its own, in one place; and what they leave there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from random import Random
from types import SimpleNamespace

from segment_dagster.emulator import Correction, Edit
from segment_dagster_tests.chaos.chaos_length import SEED
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.tables import AUDIT, DAYS, ENDPOINTS, after, found

SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
FILE = "segment.duckdb"
SCRIPTED = (str(SCRIPT), *ENDPOINTS, "--start", DAYS[0], "--end", DAYS[1])
CASES = {1: "failed", 0: "succeeded", -signal.SIGKILL: "killed"}


class Runs:
    """Runs that read the same workspace into the same file.

    Args:
        emulator: The workspace, as it was made; its clock stands still.
        place: A directory: the working directory `work`, the home, and TMPDIR are in it.
        seed: What all chance of it comes from, with that of the session.
        history: Whether every version is kept.
        names: The endpoints that are read, as far as it is known what their tables hold.
        command: What Python runs; the script, for all of them, by default.
    """

    def __init__(self, emulator, place, seed="", *, history=False, names=ENDPOINTS, command=SCRIPTED):
        self.emulator = emulator
        self.place = place
        self.seed = f"{SEED}/{seed}"
        self.random = Random(self.seed)
        self.history = history
        self.names, self.command = names, command
        self.now = NOW
        self.work, self.home, self.tmp = (place / name for name in ("work", "home", "tmp"))
        self.aside, self.dagster = (place / name for name in ("aside", "dagster"))
        for directory in (self.work, self.home, self.tmp, self.aside, self.dagster):
            directory.mkdir(parents=True, exist_ok=True)
        self.tables: dict[str, Counter[tuple]] = {}
        """What the tables hold, as far as no run has failed since."""

        self.read_at = None
        """When the workspace was read that they hold."""

        self._changes = 0

    @property
    def file(self):
        return self.work / FILE

    @property
    def pipeline(self):
        """dlt's working directory."""
        return self.home / ".dlt/pipelines/segment_pipeline"

    def forget(self):
        """Let the workspace be as it was made."""
        self.emulator.faults.clear()
        self.emulator.hooks.clear()
        self.emulator.edits.clear()
        self.emulator.corrections.clear()
        self.emulator.clock.set(self.now)

    def change(self):
        """Insert, change and delete rows of every table, and let an hour pass; what the tables are to hold then."""
        self._changes += 1
        self.now += timedelta(hours=1)
        emulator, random = self.emulator, self.random
        emulator.clock.set(self.now)
        for name in ("sources", "destinations", "users", "user_groups"):
            # the first user is who does it
            _, *records = emulator.records(name)
            doomed, changed = random.sample(records, 2)
            label = {"name": f"{name} {self.seed} {self._changes}"}
            emulator.edits.add(
                Edit(name, "modify", changed["id"], label),
                Edit(name, "delete", doomed["id"]),
                Edit(name, "create", f"made{self._changes}{name.replace('_', '')}", label),
            )
        group = emulator.records("user_groups")[0]["id"]
        members = {each["id"] for each in emulator.records("user_group_users", {"userGroupId": group})}
        outside = [each["id"] for each in emulator.records("users") if each["id"] not in members]
        emulator.edits.add(Edit("user_group_users", "create", random.choice(outside), values={"userGroupId": group}))
        for domain in ("volume", "delivery", "usage"):
            day = datetime.fromisoformat(f"2026-03-{random.choice((29, 30))}").date()
            emulator.corrections.add(Correction(domain, day, Fraction(random.randint(11, 30), 10)))
        new = self.after()
        assert [name for name in new if name in ENDPOINTS and new[name] == self.tables[name]] == []
        return new

    def after(self):
        """What the tables hold after a run that succeeds now."""
        return after(self.tables, self.emulator, self.names, history=self.history, read_at=self.read_at)

    def begin(self, *arguments, before=(), **settings):
        """Start a run.

        Args:
            arguments: What Python is to run, in the place of the command.
            before: What is to be run with this process as its arguments.
            settings: Environment variables, besides those that point at the emulator.
        """
        self.emulator.stats.clear()
        foreign = ("SEGMENT_", "DESTINATION__", "DLT_", "DAGSTER_")
        return subprocess.Popen(
            [*before, sys.executable, *(arguments or self.command)],
            cwd=self.work,
            env={name: value for name, value in os.environ.items() if not name.startswith(foreign)}
            | {
                "HOME": str(self.home),
                "DLT_DATA_DIR": str(self.home / ".dlt"),
                "TMPDIR": str(self.tmp),
                "PYTHONPATH": str(SCRIPT.parent),
                "DAGSTER_DISABLE_TELEMETRY": "1",
                "DAGSTER_HOME": str(self.dagster),
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.001",
                "RUNTIME__REQUEST_MAX_RETRY_DELAY": "0.05",
                "RUNTIME__REQUEST_MAX_ATTEMPTS": "3",
                "SEGMENT_BASE_URL": self.emulator.url,
                "SEGMENT_API_TOKEN": self.emulator.token,
                "SEGMENT_MINUTE_SECONDS": "0.05",
                "SEGMENT_NOW": self.now.isoformat(),
                "SEGMENT_INCLUDE_SECRETS": "true",
                "SEGMENT_HISTORY": str(self.history).lower(),
                "SEGMENT_LOCK_TIMEOUT": "30",
            }
            | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self, process):
        """Wait for a run."""
        stdout, stderr = process.communicate(timeout=110)
        FIGURES.runs[CASES.get(process.returncode, str(process.returncode))] += 1
        assert self.emulator.token not in stdout + stderr
        self._let_time_pass()
        return SimpleNamespace(code=process.returncode, stdout=stdout, stderr=stderr)

    def _let_time_pass(self):
        """Let the hour pass after which a file of dlt's in TMPDIR is nobody's, after a kill or a full disk."""
        old = time.time() - 7200
        for path in self.tmp.iterdir():
            if not path.name.startswith("segment_dagster_"):
                os.utime(path, (old, old))

    def run(self, *arguments, before=(), **settings):
        """Run to the end."""
        return self.end(self.begin(*arguments, before=before, **settings))

    def kill(self, process):
        """Kill a run; whether it was this that ended it."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return self.end(process).code == -signal.SIGKILL

    def harm(self, *faults):
        """Put these faults in force; what struck before is counted."""
        FIGURES.faults.update(self.emulator.faults.struck)
        self.emulator.faults.replace(faults)

    def judge(self, new, happened, *, only=None, names=None):
        """Compare every table with the old rows and the new ones.

        Args:
            new: The new ones; the old ones are those of the last run that succeeded.
            happened: What happened, for the message.
            only: `old` or `new` where it must be that.
            names: The tables; all by default.
        """
        held = found(self.file, self.aside)
        wrong, verdicts = [], Counter[str]()
        for name in names or new:
            rows = held.get(name, Counter())
            FIGURES.compared["tables"] += 1
            FIGURES.compared["rows"] += rows.total()
            FIGURES.compared["bytes"] += sum(len(repr(row)) for row in rows.elements())
            is_old, is_new = rows == self.tables.get(name, Counter()), rows == new[name]
            if not (is_new if only == "new" else is_old if only == "old" else is_old or is_new):
                wrong.append(self._loss(name, rows, new[name]))
            elif only is None:
                verdicts["new" if is_new else "old"] += 1
        wrong += [f"there is a table {name}" for name in set(held) - set(new) if self.command is SCRIPTED]
        FIGURES.compared.update(verdicts)
        FIGURES.losses += [f"{happened} (seed {self.seed}): {each}" for each in wrong]
        assert not wrong, f"{happened} (seed {self.seed}): {'; '.join(wrong)}"
        return verdicts

    def _loss(self, name, rows, new):
        old = self.tables.get(name, Counter())
        return (
            f"{name} holds {rows.total()} rows: {(old - rows).total()} of the old {old.total()} are missing and "
            f"{(rows - old).total()} others there; {(new - rows).total()} of the new {new.total()} are missing and "
            f"{(rows - new).total()} others there"
        )

    def repair(self, happened, *arguments, allowed="", **settings):
        """Run again, without help: all is new, nothing is left behind, and nothing is said.

        Args:
            happened: What happened, for the message.
            arguments: The command; the usual one by default.
            allowed: A pattern of the errors that a check may tell all the same.
            settings: Further settings.
        """
        new = self.after()
        ran = self.run(*arguments, **settings)
        lines = [line for line in ran.stderr.splitlines() if not (allowed and re.search(allowed, line))]
        code = ran.code if lines or not allowed else 0
        if code or any("error" in line for line in lines):
            FIGURES.losses.append(f"{happened} (seed {self.seed}): the next run said {ran.stderr}")
        assert code == 0, f"{happened}: {ran.stderr}"
        self.judge(new, f"{happened}, then repaired", only="new")
        if new.get(AUDIT) != self.tables.get(AUDIT):
            self.read_at = self.now
        self.tables = new
        left = self.left()
        FIGURES.losses += [f"{happened} (seed {self.seed}): left behind {left}"] if left else []
        assert left == [], happened
        return ran

    def left(self):
        """What is there that should not be."""
        left = [path.name for path in self.work.iterdir() if path.name != FILE]
        left += [path.name for path in self.tmp.iterdir() if "budgets" not in path.name]
        homes = self.home / ".dlt/pipelines"
        left += [path.name for path in homes.parent.iterdir() if path != homes]
        left += [path.name for path in homes.iterdir() if not path.name.startswith("segment_pipeline")]
        packages = [*self.pipeline.glob("normalize/*/*"), *self.pipeline.glob("load/*/*")]
        return left + [str(path.relative_to(homes)) for path in packages if path.parent.name != "loaded"]


def copied(base, emulator, place, seed="", *, history=False):
    """Runs that go on from where others stood: with a copy of their file and home."""
    for name in ("work", "home"):
        shutil.copytree(base.place / name, place / name)
    runs = Runs(emulator, place, seed, history=history)
    runs.forget()
    runs.tables, runs.read_at = base.tables, base.read_at
    return runs


def told(ran, *patterns):
    """That a run failed and said what happened: each pattern in a line of its own, and no line that is not one."""
    lines = ran.stderr.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert ran.code == 1, ran.stderr
    assert "Traceback" not in ran.stderr, ran.stderr
    assert errors, ran.stderr
    for pattern in patterns:
        assert any(re.search(pattern, line) for line in errors), (pattern, ran.stderr)
    return errors
