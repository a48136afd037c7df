"""Lines that are logged meanwhile."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def logged_lines(name: str, then: Callable[[], object] = lambda: None) -> Iterator[list[str]]:
    """What a logger logs. The first time, something is done.

    Args:
        name: The logger.
        then: What is done.
    """

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            if len(lines) == 1:
                then()

    lines: list[str] = []
    logger, handler = logging.getLogger(name), Handler()
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
