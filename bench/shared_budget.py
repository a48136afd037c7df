"""Five kinds of runs at once with one token: `python -m bench.shared_budget`. What was refused, and how much was used.

The emulator enforces the limits, with 600 requests a minute for the token and a minute of 5 s. Each kind is begun again
whenever it has ended: the sensor beside a daily sync, a slow sync, a backfill of the delivery, and a second instance.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import ROOT, empty_place
from bench.workload import NOW
from segment_dagster.emulator import Emulator, running

MINUTE = 5.0
"""Seconds of the minute of the limits."""

REQUESTS_PER_MINUTE = 600

SCALE = 3
"""Size of the workspace: no kind of run ends before the others have begun."""

START, END = "2026-02-01", "2026-02-20"
"""Days of the backfill."""

LEAST_USED = 0.9
"""Part of the allowed requests that are to be sent."""

JOB = ("-m", "dagster", "job", "execute", "-m")
RANGE = f'{{"dagster/asset_partition_range_start": "{START}", "dagster/asset_partition_range_end": "{END}"}}'
KINDS: Mapping[str, Sequence[str]] = {
    "sensor": ("-m", "bench.sensor_ticks"),
    "daily sync": (*JOB, "segment_dagster.definitions", "-j", "segment_sync"),
    "slow sync": (*JOB, "segment_dagster.definitions", "-j", "segment_slow_sync"),
    "delivery backfill": (*JOB, "segment_dagster.definitions", "-j", "segment_delivery_sync", "--tags", RANGE),
    "second instance": (*JOB, "bench.second_instance", "-j", "second_sync"),
}

EACH_ASKS = {
    "audit_events": "sensor",
    "sources": "daily sync",
    "audience_schedules": "slow sync",
    "delivery_overview_failed_delivery": "delivery backfill",
}
"""Endpoints that one of them asks first: all are on their way once each has been asked."""


class Kind:
    """One kind of run, in processes one after the other.

    Args:
        command: What Python runs.
        environment: Its environment, without the directories.
        place: Its directories.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], place: Path) -> None:
        home = place / "home"
        own = {"DAGSTER_HOME": str(home), "DLT_DATA_DIR": str(home / "dlt"), "PYTHONPATH": str(ROOT)}
        self._command = [sys.executable, *command]
        self._environment = {**environment, **own}
        self._place = place
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self.begun = 0
        self.failed = 0
        self.lines: list[str] = []
        """What it printed."""

    def repeat(self) -> None:
        """Run it again and again, until it is stopped."""
        while not self._stopped.is_set():
            self.begun += 1
            with (self._place / "said").open("w") as said:
                self._process = subprocess.Popen(
                    self._command,
                    cwd=self._place / "work",
                    env=self._environment,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                )
                assert self._process.stdout is not None
                self.lines += self._process.stdout.read().splitlines()
                self.failed += bool(self._process.wait()) and not self._stopped.is_set()

    def stop(self) -> None:
        """End the run that is going on."""
        self._stopped.set()
        if self._process:
            self._process.kill()


def main() -> int:
    """Measure.

    Returns:
        The exit status: 1 if a request was refused, or less than 90 % of the allowed ones were sent.
    """
    parser = argparse.ArgumentParser("bench.shared_budget", description="Run five kinds of runs with one token.")
    parser.add_argument("--minutes", type=int, default=16, help="minutes to measure (default 16, of 5 s each)")
    parser.add_argument("--budget-url", help="SEGMENT_BUDGET_URL of the runs; without it, the files of the machine")
    given = parser.parse_args()
    limits: dict[str, Any] = {"limits": True, "minute": MINUTE, "token_limit": REQUESTS_PER_MINUTE}
    with running(scale=SCALE, now=NOW, **limits) as emulator, ExitStack() as places:
        environment = _environment(emulator, given.budget_url)
        kinds = {
            name: Kind(command, environment, places.enter_context(empty_place())) for name, command in KINDS.items()
        }
        threads = [threading.Thread(target=kind.repeat) for kind in kinds.values()]
        for thread in threads:
            thread.start()
        try:
            _wait_for_all(emulator)
            started = time.monotonic()
            time.sleep(given.minutes * MINUTE)
        finally:
            for kind in kinds.values():
                kind.stop()
            for thread in threads:
                thread.join()
    sent = [seen for seen in emulator.stats.requests if seen.status != 429]
    used = sum(started <= seen.at < started + given.minutes * MINUTE for seen in sent)
    part = used / (REQUESTS_PER_MINUTE * given.minutes)
    refused = emulator.stats.by_status.get(429, 0)
    # the first one imports what it needs
    ticks = sorted(float(line) / MINUTE for line in kinds["sensor"].lines[1:]) or [0.0]
    print(
        f"{emulator.stats.total} requests, {refused} refused; in {given.minutes} minutes {part:.1%} of the allowed ones"
    )
    print(f"sensor: {len(ticks)} ticks, of {median(ticks):.3f} minutes, {ticks[-1]:.2f} at most")
    print("runs: " + ", ".join(f"{name} {kind.begun} ({kind.failed} failed)" for name, kind in kinds.items()))
    return 0 if not refused and part >= LEAST_USED else 1


def _wait_for_all(emulator: Emulator) -> None:
    """Wait until every kind has sent a request."""
    while not all(emulator.stats.by_endpoint.get(endpoint) for endpoint in EACH_ASKS):
        time.sleep(0.1)


def _environment(emulator: Emulator, budget_url: str | None) -> dict[str, str]:
    foreign = ("SEGMENT_", "DESTINATION__", "SOURCES__", "DAGSTER_", "DLT_", "RUNTIME__", "NORMALIZE__", "LOAD__")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "SEGMENT_BASE_URL": emulator.url,
        "SEGMENT_API_TOKEN": emulator.token,
        "SEGMENT_NOW": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
        "SEGMENT_MINUTE_SECONDS": str(MINUTE),
        "SEGMENT_REQUESTS_PER_MINUTE": str(REQUESTS_PER_MINUTE),
        "SEGMENT_BUDGET_URL": budget_url or "",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


if __name__ == "__main__":
    sys.exit(main())
