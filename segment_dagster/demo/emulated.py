"""Run the emulator in a separate process, with environment variables that point to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from segment_dagster.emulator.server import DEFAULT_TOKEN

ENVIRONMENT = os.environ  # noqa: TID251 - a command sets it for what it starts

MINUTE = "1"
"""Seconds that stand for a minute of the rate limits, so that the demo does not wait for them."""


@contextmanager
def emulated_workspace() -> Iterator[str]:
    """Run the emulator and point the API settings to it, in this process and its children.

    Yields:
        The address of the emulator.

    Raises:
        RuntimeError: The emulator did not start.
    """
    command = [sys.executable, "-m", "segment_dagster.emulator", "--minute", MINUTE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # the emulator prints one line once it listens: `... listening on http://127.0.0.1:PORT`
            address = process.stdout.readline().rpartition(" ")[2].strip()
            if not address:
                raise RuntimeError(f"the emulator ended with status {process.wait()}")
            ENVIRONMENT["SEGMENT_BASE_URL"] = address
            ENVIRONMENT["SEGMENT_API_TOKEN"] = DEFAULT_TOKEN
            ENVIRONMENT["SEGMENT_MINUTE_SECONDS"] = MINUTE
            for setting in ("SEGMENT_REGION", "SEGMENT_API_LAYOUT"):
                ENVIRONMENT.pop(setting, None)
            yield address
        finally:
            process.terminate()
