"""Where the files of an extractor are: a directory per read, made at the first and deleted in the end."""

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from segment_dagster.extract.temp_dir import TempDir, remove_stale


class SpoolDirectory:
    """A temporary directory that is made when the first endpoint needs it.

    Args:
        tables: Names of the tables; what processes that were killed left of them is deleted then.
    """

    def __init__(self, tables: Iterable[str]) -> None:
        self._tables = tuple(tables)
        self._path: Path | None = None
        self._delete: Callable[[], object] | None = None
        self._reads = Counter[str]()
        self._lock = threading.Lock()

    def path_for(self, name: str) -> Path:
        """Return a path that does not exist yet, for the files of one read of an endpoint.

        Raises:
            OSError: The directory cannot be made.
        """
        with self._lock:
            if self._path is None:
                directory = TempDir()
                self._path = directory.path
                remove_stale(self._tables, self._path.stat().st_mtime)
                # also where nobody closes the extractor
                self._delete = weakref.finalize(self, directory.delete)
            self._reads[name] += 1
            number = self._reads[name]
            return self._path / (name if number == 1 else f"{name}.{number}")

    def delete(self) -> None:
        """Delete the directory, if there is one."""
        if self._delete is not None:
            self._delete()
