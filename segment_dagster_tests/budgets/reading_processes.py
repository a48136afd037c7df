"""Processes that read the emulator at once, with one token."""

import os
import subprocess
import sys
from dataclasses import dataclass

from segment_dagster.emulator import Emulator

READ = """
import sys
from concurrent.futures import ThreadPoolExecutor
from segment_dagster.client import SegmentClient
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE

rows = {row.name: row for row in CATALOGUE}
names = sys.argv[2].split(",")
with SegmentClient(ApiSettings()) as client, ThreadPoolExecutor(8) as threads:
    print("reads", flush=True)
    for pages in threads.map(lambda n: list(client.pages(rows[names[n % len(names)]])), range(int(sys.argv[1]))):
        print("read", flush=True)
"""


@dataclass(frozen=True)
class Limited:
    """What the emulator allows, and where processes share the counts."""

    emulator: Emulator
    minute: float
    requests_per_minute: int
    budget_url: str

    def start(self, requests: int, names: str = "workspace") -> "subprocess.Popen[str]":
        """Start a process that sends so many requests. It says `reads`, and `read` after each."""
        settings = {
            "SEGMENT_BASE_URL": self.emulator.url,
            "SEGMENT_API_TOKEN": self.emulator.token,
            "SEGMENT_MINUTE_SECONDS": str(self.minute),
            "SEGMENT_REQUESTS_PER_MINUTE": str(self.requests_per_minute),
            "SEGMENT_BUDGET_URL": self.budget_url,
        }
        return subprocess.Popen(
            [sys.executable, "-c", READ, str(requests), names],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            text=True,
        )
