"""Run commands in a terminal: errors in one line, clean interrupts, one line of progress."""

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
"""Seconds between updates of the progress line."""

CLEAR = "\r\x1b[K"
"""Moves the cursor to the start of the line and clears the line."""


def run_command(main: Callable[[], int]) -> NoReturn:
    """Run a command and exit the process with its status. Expected errors are one line on standard error.

    Args:
        main: The command. It returns its exit status, or raises `SystemExit`.
    """
    _open_standard_streams()
    try:
        status = _status_of(main)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader closed the pipe, as `| head` does: use the status of a process that SIGPIPE ends
        status = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1
        _discard_output()
    except OSError as error:
        status = 1
        _print_error(f"The output cannot be written ({error.strerror}).")
        _discard_output()
    except KeyboardInterrupt:
        status = _interrupted()
    # from here on an interrupt ends the process at once, without output
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)


def _status_of(main: Callable[[], int]) -> int:
    try:
        return main()
    except SegmentError as error:
        _print_error(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        _print_error(_explain(error))
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
        _print_error("interrupted; nothing was loaded that is not whole")
    return 128 + signal.SIGINT


def _print_error(text: str) -> None:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)


def _open_standard_streams() -> None:
    """Open closed standard streams on the null device; otherwise a file opened later would take their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # it gets the lowest free number
            os.open(os.devnull, os.O_RDWR)
    null_device = Path(os.devnull)
    if sys.stdin is None:
        sys.stdin = null_device.open()
    if sys.stdout is None:
        sys.stdout = null_device.open("w")
    if sys.stderr is None:
        sys.stderr = null_device.open("w")


def _discard_output() -> None:
    """Discard buffered output, because Python would report an error at exit when it cannot be written."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(null_device, stream.fileno())


class StatusLine:
    """A progress line that is updated in place. If the stream is not a terminal, nothing is shown.

    Args:
        stream: The stream to write to; by default standard error.
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
        """Return the seconds since the line was created."""
        return time.monotonic() - self._started

    def show(self, describe: Callable[[], str]) -> None:
        """Show the text that this function returns. It is called for every update."""
        self._describe = describe

    def __enter__(self) -> "StatusLine":
        """Start the updates."""
        if self.shown:
            logging.getLogger().addHandler(self._log)
            self._thread = threading.Thread(target=self._repaint, name="segment-status", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the updates and clear the line."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self.write(CLEAR)
            logging.getLogger().removeHandler(self._log)

    def _repaint(self) -> None:
        while not self._ended.wait(REPAINT):
            columns = shutil.get_terminal_size().columns
            text = f"{duration(max(1, self.seconds))}: {self._describe()}"
            # the cursor goes back to the start of the line, for the output of others
            self.write(f"{CLEAR}{text[: columns - 1]}\r")

    def write(self, text: str) -> None:
        """Write text unchanged."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class _Handler(logging.Handler):
    """Write warnings above the progress line."""

    def __init__(self, line: StatusLine) -> None:
        super().__init__(logging.WARNING)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.write(f"{CLEAR}{self.format(record)}\n")
