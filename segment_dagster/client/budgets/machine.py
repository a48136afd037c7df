"""The budgets of all processes of one user on one machine: small files in a directory of the user's own."""

import logging
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from segment_dagster.client.budgets.budget import Answer, Budget, Learned, StoreError
from segment_dagster.client.budgets.memory import monotonic
from segment_dagster.client.budgets.private_directory import private_directory
from segment_dagster.client.budgets.window import SlidingWindow, take_all
from segment_dagster.client.budgets.window_file import WindowFile

STALE = 2 * 3600
"""Seconds after which a file that nobody wrote holds nothing that counts: no block is longer than an hour."""

logger = logging.getLogger(__name__)


class MachineStore:
    """Counts the requests of all processes that have the directory.

    Args:
        directory: The directory; one in the temporary directory by default.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or default_directory()
        self._lock = threading.Lock()
        self._files: dict[str, WindowFile] = {}
        self._warned = False

    def open(self) -> None:
        """Create the directory if it is not there, and delete what nobody uses any more.

        Raises:
            StoreError: It cannot be used.
        """
        with _as_store_error(), private_directory(self.directory) as directory:
            # the time by the clock of the file system
            os.utime(directory)
            oldest = os.fstat(directory).st_mtime - STALE
            for name in os.listdir(directory):  # noqa: PTH208 - by the descriptor that was checked
                # another process may delete it as well; who has it open sees that it is gone
                with suppress(FileNotFoundError):
                    if os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime < oldest:
                        os.unlink(name, dir_fd=directory)

    def take(self, budgets: Sequence[Budget], *, check: bool = True) -> Answer:
        """Count a request in every budget, if all of them allow it.

        Raises:
            StoreError: The files cannot be used.
        """
        with self._locked(budgets) as (files, now):
            windows = [self._read(file, now) for file in files]
            answer = take_all(windows, budgets, now, check=check)
            if not answer.wait:
                for file, window in zip(files, windows, strict=True):
                    file.write(window)
            return answer

    def answered(self, budgets: Sequence[Budget], taken: int, learned: Learned | None) -> None:
        """Count a request from its answer on.

        Raises:
            StoreError: The files cannot be used.
        """
        with self._locked(budgets) as (files, now):
            for budget, file in zip(budgets, files, strict=True):
                window = self._read(file, now)
                if learned and learned.budget == budget:
                    window.shrink(learned.remaining, taken, now + learned.reset)
                window.answer(taken, now)
                file.write(window)

    def block(self, budget: Budget, duration: int) -> None:
        """Allow no request for so many microseconds.

        Raises:
            StoreError: The files cannot be used.
        """
        with self._locked([budget]) as ([file], now):
            window = self._read(file, now)
            window.block(now + duration)
            file.write(window)

    @contextmanager
    def _locked(self, budgets: Sequence[Budget]) -> Iterator[tuple[list[WindowFile], int]]:
        """Lock the files of budgets, always in the order given: nobody waits for one that waits for him."""
        locked: list[WindowFile] = []
        with self._lock, _as_store_error():
            try:
                for budget in budgets:
                    file = self._files.get(budget.key)
                    if file is None:
                        file = self._files[budget.key] = WindowFile(self.directory, budget.key, budget.minute)
                    file.lock()
                    locked.append(file)
                yield locked, monotonic()
            finally:
                for file in locked:
                    file.unlock()

    def _read(self, file: WindowFile, now: int) -> SlidingWindow:
        window = file.read(now)
        if window is None:
            if not self._warned:
                logger.warning("%s does not hold what was written: requests of a token are counted anew", file.path)
            self._warned = True
            window = SlidingWindow(file.minute)
        return window


def default_directory() -> Path:
    """Return the directory that all processes of this user find, without a setting."""
    return Path(tempfile.gettempdir(), f"segment_dagster-budgets-{os.geteuid()}")


@contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(error.strerror or str(error)) from None
