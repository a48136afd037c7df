"""A directory and files that nobody else on this machine can have made, read or changed."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_directory(path: Path) -> Iterator[int]:
    """Open a directory, and create it if it is not there.

    What is opened by the descriptor is in the directory that was checked, whatever its path leads to meanwhile.

    Yields:
        Its file descriptor.

    Raises:
        OSError: It cannot be made or opened, or another user could have put something into it.
    """
    # one that is there is checked below
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(os.fstat(descriptor), stat.S_ISDIR)
        yield descriptor
    finally:
        os.close(descriptor)


def private_file(name: str, directory: int) -> int:
    """Open a file to read and write, and create it if it is not there.

    Args:
        name: Its name.
        directory: The descriptor of its directory.

    Returns:
        Its file descriptor.

    Raises:
        OSError: It cannot be made or opened, or another user could have written it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        _check(os.fstat(descriptor), stat.S_ISREG)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(found: os.stat_result, of_kind: Callable[[int], bool]) -> None:
    if not of_kind(found.st_mode):
        raise OSError("it is of another kind")
    if found.st_uid != os.geteuid():
        raise OSError("it belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise OSError("others may use it")
