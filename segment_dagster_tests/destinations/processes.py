"""Engines that are programs of their own: where they are installed, and how a test has one running."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from segment_dagster_tests.destinations.engines import FURTHER, CannotStartError, listens

NOT_INSTALLED = "not-installed.txt"
"""The file in an engine's directory that says why it is not there."""

PATIENCE = 60.0
"""Seconds that a program has to listen."""


def installed(engine: str, program: str) -> Path:
    """A program of an engine that `make test-destinations` has installed.

    Raises:
        CannotStartError: It could not be.
        FileNotFoundError: Nobody has tried to.
    """
    directory = (FURTHER or Path("engines")) / engine
    reason = directory / NOT_INSTALLED
    if reason.exists():
        raise CannotStartError(reason.read_text().strip())
    if not (directory / program).exists():
        raise FileNotFoundError(f"{engine} is not installed: run make test-destinations")
    return directory / program


@contextmanager
def listening(command: list[str], port: int, log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run a server on loopback.

    Args:
        command: Its program and arguments.
        port: The port that it listens on once it is ready.
        log: A file for what it says.
        environment: Its environment, whole.

    Raises:
        RuntimeError: It ended, or does not listen; the message has what it said last.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + PATIENCE
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                lines = log.read_text(errors="replace").split("\n")
                last = next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")
                raise RuntimeError(f"{Path(command[0]).name}: {last[:200]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
