"""A machine of the deployment: directories of its own, and programs that know no others."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

LOCATION = Path(__file__).with_name("user_location.py")
MODULE = "my_project"
"""What the user calls the code location."""

BIN = Path(sys.executable).parent
FOREIGN = ("SEGMENT_", "DESTINATION__", "SOURCES__", "DAGSTER_", "DLT_", "RUNTIME__", "NORMALIZE__", "LOAD__")
"""With what settings of the machine that the tests run on begin."""


class Machine:
    """A machine: a working directory, a home and the user's code, none of which another has.

    Args:
        place: Where its directories are made.
        settings: Environment variables that all machines have.
        instance: What `dagster.yaml` says.
    """

    def __init__(self, place: Path, settings: dict[str, str], instance: dict[str, Any]) -> None:
        self.place = place
        self.work, self.home = place / "work", place / "home"
        own = {name: place / name.lower() for name in ("DAGSTER_HOME", "TMPDIR", "SCRATCH", "PYTHONPATH")}
        for directory in (self.work, self.home, *own.values()):
            directory.mkdir(parents=True)
        shutil.copy(LOCATION, own["PYTHONPATH"] / f"{MODULE}.py")
        (own["DAGSTER_HOME"] / "dagster.yaml").write_text(yaml.safe_dump(instance))
        self.dagster_home, self.temporary = own["DAGSTER_HOME"], own["TMPDIR"]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            **settings,
            **{name: str(directory) for name, directory in own.items()},
            "HOME": str(self.home),
            "DLT_DATA_DIR": str(self.home / ".dlt"),
        }

    @contextmanager
    def started(self, program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program of the environment; it ends with all that it has started."""
        with (self.place / f"{program}.log").open("wb") as said:
            process = subprocess.Popen(
                [BIN / program, *arguments],
                cwd=self.work,
                # Celery's worker is found by its name
                env={**self._environment, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            # whoever has not ended
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def said(self) -> str:
        """The ends of the logs of its programs."""
        return "\n".join(f"{log}:\n{log.read_text(errors='replace')[-3000:]}" for log in self.place.glob("*.log"))
