"""Commands in a terminal: errors in one line, an end at any time, one line of progress."""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn, TextIO

from segment_dagster.errors import SegmentError
from segment_dagster.text import duration

REPAINT = 0.2
"""Seconds between two looks at how far a command has come."""

CLEAR = "\r\x1b[K"
"""Moves a terminal to the start of its line, and empties that."""


def run_command(main: Callable[[], int]) -> NoReturn:
    """Run a command and end the process with its status. What a person can act on is one line on standard error.

    Args:
        main: The command. It returns its exit status, or raises `SystemExit`.
    """
    _open_standard_streams()
    try:
        status = _status_of(main)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read has seen enough, as with `| head`: the status of a process that a closed pipe ends
        status = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1
        _discard_output()
    except OSError as error:
        status = 1
        _say(f"The output cannot be written ({error.strerror}).")
        _discard_output()
    except KeyboardInterrupt:
        status = _interrupted()
    # from here on an interrupt ends the process at once, and says nothing
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)


def _status_of(main: Callable[[], int]) -> int:
    try:
        return main()
    except SegmentError as error:
        _say(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        _say(_explain(error))
    except KeyboardInterrupt:
        return _interrupted()
    return 1


def _explain(error: OSError) -> str:
    try:
        Path.cwd()
    except OSError:
        return "The working directory cannot be used: it is there no more. Change to another one."
    where = f"{error.filename} " if isinstance(error.filename, str | os.PathLike) else "A file or directory "
    return f"{where}cannot be used ({error.strerror or type(error).__name__})."


def _interrupted() -> int:
    with suppress(OSError):
        _say("interrupted; nothing was loaded that is not whole")
    return 128 + signal.SIGINT


def _say(text: str) -> None:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)


def _open_standard_streams() -> None:
    """Let standard streams that are closed lead to nowhere: a file that is opened later would take their place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # the lowest number that is free
            os.open(os.devnull, os.O_RDWR)
    nowhere = Path(os.devnull)
    if sys.stdin is None:
        sys.stdin = nowhere.open()
    if sys.stdout is None:
        sys.stdout = nowhere.open("w")
    if sys.stderr is None:
        sys.stderr = nowhere.open("w")


def _discard_output() -> None:
    """Let what is still to be written go nowhere, or Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


class StatusLine:
    """One line that tells how far a command has come, written anew in its place. Not a terminal: nothing is written.

    Args:
        stream: Where the line is written; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.shown = self._stream.isatty()
        self._describe: Callable[[], str] = str
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = _Handler(self)

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    def show(self, describe: Callable[[], str]) -> None:
        """Say from now on what this returns, which is asked again and again."""
        self._describe = describe

    def __enter__(self) -> "StatusLine":
        """Begin."""
        if self.shown:
            logging.getLogger().addHandler(self._log)
            self._thread = threading.Thread(target=self._repaint, name="segment-status", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and leave no line behind."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self.write(CLEAR)
            logging.getLogger().removeHandler(self._log)

    def _repaint(self) -> None:
        while not self._ended.wait(REPAINT):
            columns = shutil.get_terminal_size().columns
            text = f"{duration(max(1, self.seconds))}: {self._describe()}"
            # what others write meanwhile begins at the start of the line
            self.write(f"{CLEAR}{text[: columns - 1]}\r")

    def write(self, text: str) -> None:
        """Write something as it is."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class _Handler(logging.Handler):
    """Writes warnings above the line."""

    def __init__(self, line: StatusLine) -> None:
        super().__init__(logging.WARNING)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.write(f"{CLEAR}{self.format(record)}\n")
