"""Running a command in a fresh process and an empty directory, and what it took."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Ran:
    """A process that ended well."""

    seconds: float
    cpu_seconds: float
    """Of all its threads and of the processes it waited for."""

    peak_mb: float
    """The most resident memory that it, or one of those, had at once."""

    output: str
    """What it printed."""


@contextmanager
def empty_place() -> Iterator[Path]:
    """A directory for runs: its `work` is where they work, its `home` their home."""
    with tempfile.TemporaryDirectory(prefix="segment_bench_") as directory:
        for name in ("home", "work"):
            (Path(directory) / name).mkdir()
        yield Path(directory)


def run(module: str, *arguments: str, environment: Mapping[str, str], place: Path | None = None) -> Ran:
    """Run a module with this Python.

    Args:
        module: Its name, as after `python -m`.
        arguments: What it is given.
        environment: Its environment, without the directories.
        place: Where, as `empty_place` makes it; an empty one of its own where it is left out.

    Raises:
        RuntimeError: It failed. The message ends with the last of what it said.
    """
    with nullcontext(place) if place else empty_place() as directory:
        home, work, said = (directory / name for name in ("home", "work", "said"))
        places = {"DAGSTER_HOME": str(home), "DLT_DATA_DIR": str(home / "dlt"), "PYTHONPATH": str(ROOT)}
        command: Sequence[str] = [sys.executable, "-m", module, *arguments]
        with said.open("w") as errors:
            started = time.monotonic()
            process = subprocess.Popen(
                command, cwd=work, env={**environment, **places}, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            assert process.stdout is not None
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command[1:])} failed: {(output + said.read_text())[-2000:]}")
    # Linux counts in KB, macOS in bytes
    megabyte = 1024 if sys.platform == "linux" else 1024 * 1024
    return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / megabyte, output)
