"""The emulator of a benchmark, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dlt.sources.helpers import requests

from bench.workload import AUDIT_A_DAY, MINUTE, NOW, REQUESTS_PER_MINUTE
from segment_dagster.emulator import Edit
from segment_dagster.emulator.server import DEFAULT_TOKEN


@dataclass(frozen=True)
class Emulated:
    """A running emulator."""

    url: str

    def environment(self) -> dict[str, str]:
        """The environment of a process that is to read it."""
        foreign = ("SEGMENT_", "DESTINATION__", "SOURCES__", "DAGSTER_", "DLT_", "RUNTIME__", "NORMALIZE__", "LOAD__")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | {
            "SEGMENT_BASE_URL": self.url,
            "SEGMENT_API_TOKEN": DEFAULT_TOKEN,
            "SEGMENT_NOW": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
            "SEGMENT_MINUTE_SECONDS": str(MINUTE),
            "SEGMENT_REQUESTS_PER_MINUTE": str(REQUESTS_PER_MINUTE),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            # its lists are made when they are first asked for, which takes a minute at the largest size
            "RUNTIME__REQUEST_TIMEOUT": "600",
        }

    def latency(self, seconds: float) -> None:
        """Let every answer take so long."""
        requests.put(f"{self.url}/_emulator/latency", json={"seconds": seconds})

    def clear(self) -> None:
        """Count from zero."""
        requests.delete(f"{self.url}/_emulator/stats")

    def stats(self) -> dict[str, Any]:
        """What was asked since: `total`, `most_open`, `by_endpoint`, `by_status`."""
        found: dict[str, Any] = requests.get(f"{self.url}/_emulator/stats").json()
        return found

    def set_clock(self, now: datetime) -> None:
        """Let it be another time."""
        requests.put(f"{self.url}/_emulator/clock", json={"now": now.isoformat()}).raise_for_status()

    def edit(self, *edits: Edit) -> None:
        """Change the workspace."""
        given = [edit.to_json() for edit in edits]
        requests.post(f"{self.url}/_emulator/edits", json=given).raise_for_status()

    def make_trail(self, start: str) -> None:
        """Let the audit trail from a time on be made, so that the first who asks for it need not wait."""
        headers = {"Authorization": f"Bearer {DEFAULT_TOKEN}"}
        query: dict[str, str | int] = {"startTime": start, "pagination.count": 200}
        requests.get(f"{self.url}/audit-events", params=query, headers=headers).raise_for_status()


@contextmanager
def emulated(scale: int, *, quiet_audit: bool = False) -> Iterator[Emulated]:
    """Run an emulator.

    Args:
        scale: Size of its workspace, 1 for 2,400 audiences.
        quiet_audit: Whether its audit trail tells of edits alone.
    """
    command = [sys.executable, "-m", "segment_dagster.emulator", "--scale", str(scale), "--keep"]
    command += ["--now", NOW.isoformat(), "--audit-a-day", str(AUDIT_A_DAY)]
    command += ["--quiet-audit"] if quiet_audit else []
    # as short as the client's: what the answers say of the limits would hold it back otherwise
    command += ["--minute", str(MINUTE), "--token-limit", str(REQUESTS_PER_MINUTE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # one line once it listens: `... listening on http://127.0.0.1:PORT`
            url = process.stdout.readline().rpartition(" ")[2].strip()
            if not url:
                raise RuntimeError(f"the emulator ended with status {process.wait()}")
            yield Emulated(url)
        finally:
            process.terminate()
