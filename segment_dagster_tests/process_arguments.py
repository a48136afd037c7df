"""What a command, and every process that it starts, has among its arguments."""

import os
from collections.abc import Mapping
from pathlib import Path

_PLACE = "STARTED_PROCESSES"

_KEEPING = f"""\
import os, sys

STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system")


def keep(event, arguments):
    with open(os.path.join(os.environ[{_PLACE!r}], str(os.getpid())), "a") as file:
        print(event, ascii(arguments), file=file)


def started(event, arguments):
    # without the environment, where a token may be: it is the last of those that have one
    if event in STARTS:
        keep(event, arguments if event == "os.system" else arguments[:-1])


keep("python", sys.orig_argv)
sys.addaudithook(started)
"""
"""Python runs it at the start of each process that has its directory among `PYTHONPATH`."""


def recording_arguments(place: Path) -> Mapping[str, str]:
    """The environment with which every Python process notes in an empty directory what it was started with.

    So that processes of other programs are in it too, it notes what it starts as well.
    """
    (place / "sitecustomize.py").write_text(_KEEPING)
    (place / "recorded_arguments").mkdir()
    paths = [str(place), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path), _PLACE: str(place / "recorded_arguments")}


def recorded_arguments(place: Path) -> str:
    """A line for each process that was started and for each start of one, with the arguments."""
    return "".join(path.read_text() for path in sorted((place / "recorded_arguments").iterdir()))
