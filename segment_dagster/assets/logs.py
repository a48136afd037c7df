"""Forward the project's log lines to the Dagster run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

ROOT = "segment_dagster"


class _Forward(logging.Handler):
    def __init__(self, log: dg.DagsterLogManager) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.log(record.levelno, record.getMessage())


@contextmanager
def forward_logs(log: dg.DagsterLogManager) -> Iterator[None]:
    """Forward the log lines of the project, from any thread, to the log of the run."""
    logger = logging.getLogger(ROOT)
    handler, level = _Forward(log), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
