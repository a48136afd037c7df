"""A load of the audit trail that is killed at any moment, and then run again, leaves exactly the workspace's events."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from types import SimpleNamespace

import duckdb
import pytest

from segment_dagster.emulator import Fault, running
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"
AUDIT = "audit_events"
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
FIRST = datetime(2025, 12, 31, tzinfo=timezone.utc)
"""Where the trail begins that is read first: 90 days before."""

LATER = timedelta(days=5)
"""How much later the trail is read again: five pieces are asked for then, and 16 the first time, beside the token's."""

SCRIPTED = [str(SCRIPT), AUDIT]
DAGSTER = ["-m", "dagster", "job", "execute", "-m", "segment_dagster.definitions", "-j", "segment_audit_sync"]


@pytest.fixture(scope="module")
def emulator():
    with running(now=NOW, minute=0.05) as emulator:
        yield emulator


class Loads:
    """Loads of the trail, each a process of its own, in one directory.

    Args:
        emulator: Whose trail it is.
        directory: Where they run; made.
    """

    def __init__(self, emulator, directory):
        self.emulator = emulator
        self.place = directory
        self.spools = directory / "spools"
        self.spools.mkdir(parents=True)
        self.now = NOW
        emulator.clock.set(NOW)

    def go_on(self):
        """Let some days pass."""
        self.now += LATER
        self.emulator.clock.set(self.now)

    def begin(self, arguments):
        self.emulator.stats.clear()
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.place,
            env=os.environ
            | {
                "SEGMENT_BASE_URL": self.emulator.url,
                "SEGMENT_API_TOKEN": self.emulator.token,
                "SEGMENT_NOW": self.now.isoformat(),
                "DLT_DATA_DIR": str(self.place / ".dlt"),
                "TMPDIR": str(self.spools),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self, arguments=SCRIPTED):
        """Run to the end."""
        _, said = self.begin(arguments).communicate(timeout=100)
        return said

    def until_asked(self, process, requests):
        """Wait until so many requests were answered and one is under way or all are; whether the process still runs."""
        stats = self.emulator.stats
        while stats.total < requests or not stats.most_open:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.002)
                return False
        return True

    def kill(self, process):
        """Whether it was this that ended the process."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def kill_while_reading(self, arguments, requests):
        """Kill it once so many requests were answered; the others are held."""
        # the first request asks whose token it is
        self.emulator.faults.add(Fault("slow", AUDIT, after=max(0, requests - 1), value=300))
        try:
            process = self.begin(arguments)
            self.until_asked(process, requests)
            return self.kill(process)
        finally:
            self.emulator.faults.clear()

    def kill_while_loading(self, arguments, requests, seconds):
        """Kill it so many seconds after its last request was answered."""
        process = self.begin(arguments)
        self.until_asked(process, requests)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return self.kill(process)

    def events(self):
        """The rows of the table, in order."""
        with duckdb.connect(str(self.place / "segment.duckdb"), read_only=True) as connection:
            return connection.execute(
                "SELECT id, epoch_us(timestamp), type, actor, actor_email, resource_id, resource_type, resource_name "
                "FROM segment_data.audit_events ORDER BY id"
            ).fetchall()

    def expected(self):
        """What the emulator's trail holds since it was read first."""
        return sorted(
            (
                event["id"],
                round(datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).timestamp() * 1_000_000),
                *(event.get(field) for field in ("type", "actor", "actorEmail")),
                *(event[field] for field in ("resourceId", "resourceType", "resourceName")),
            )
            for event in self.emulator.audit_events(start=FIRST)
        )

    def left(self):
        """What processes left of what they had read."""
        return sorted(path.name for path in self.spools.glob("segment_dagster_*"))


@pytest.fixture(scope="module")
def undisturbed(emulator, tmp_path_factory):
    """How many requests a load makes, and how many seconds it takes from its last one on: the first and a later one."""
    loads = Loads(emulator, tmp_path_factory.mktemp("undisturbed"))

    def measured(arguments, requests):
        process = loads.begin(arguments)
        assert loads.until_asked(process, requests)
        begun = time.monotonic()
        process.communicate(timeout=100)
        assert (process.returncode, emulator.stats.total) == (0, requests)
        return SimpleNamespace(requests=requests, seconds=time.monotonic() - begun)

    first = measured(SCRIPTED, 1 + 16)
    loads.go_on()
    later = measured(SCRIPTED, 1 + 5)
    loads.go_on()
    assert loads.left() == []
    return SimpleNamespace(first=first, later=later, dagster=measured(DAGSTER, 1 + 5))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", often(range(6), 1))
def test_a_script_that_is_killed_and_run_again_leaves_exactly_the_events(emulator, undisturbed, tmp_path, seed):
    random, loads = Random(seed), Loads(emulator, tmp_path / "killed")
    # two of the three while it loads: most of what could go wrong is there
    stages = random.sample(["reading", "loading", "loading"], 3)
    for number, stage in enumerate(stages):
        usual = undisturbed.later if number else undisturbed.first
        share = random.random()
        moment = f"seed {seed}, kill {number}: {stage}, {share:.3f} of it"
        print(moment)
        if stage == "reading":
            killed = loads.kill_while_reading(SCRIPTED, int(share * usual.requests))
        else:
            # a machine may be faster now than it was: then it is killed earlier
            killed = any(
                loads.kill_while_loading(
                    SCRIPTED, usual.requests if not attempt else 0, usual.seconds * share / 2**attempt
                )
                for attempt in range(4)
            )
        assert killed, moment
        assert loads.end() == "", moment
        assert loads.events() == loads.expected(), moment
        # nor does what the killed process had put on disk for a while stay there
        assert loads.left() == [], moment
        loads.go_on()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", ["reading", "loading"])
def test_a_job_that_is_killed_and_run_again_leaves_exactly_the_events(emulator, undisturbed, tmp_path, stage):
    random, loads = Random(stage), Loads(emulator, tmp_path / "killed")
    assert loads.end() == ""
    loads.go_on()
    share = random.random()
    print(f"{stage}, {share:.3f} of it")
    if stage == "reading":
        assert loads.kill_while_reading(DAGSTER, int(share * undisturbed.dagster.requests))
    else:
        usual = undisturbed.dagster
        assert loads.kill_while_loading(DAGSTER, usual.requests, usual.seconds * share)
    assert loads.end() == ""
    assert loads.events() == loads.expected()
