"""Python's search for garbage in cycles, while many objects come and go that are in none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

OBJECTS = 20_000
"""New objects between two searches, in place of Python's 700: a page of rows has more than that, and none is in a
cycle. It saves a tenth of the CPU seconds of a run."""

_lock = Lock()
_inside: list[tuple[int, int, int]] = []


@contextmanager
def relaxed_gc() -> Iterator[None]:
    """Let Python search seldom inside the block, in all threads. Blocks may overlap: the last one out ends it."""
    with _lock:
        _inside.append(_inside[0] if _inside else gc.get_threshold())
        # 0 is Python's way to say never, which somebody may have wanted
        if gc.get_threshold()[0]:
            gc.set_threshold(OBJECTS, 10, 100)
    try:
        yield
    finally:
        with _lock:
            before = _inside.pop()
            if not _inside:
                gc.set_threshold(*before)
