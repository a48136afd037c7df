"""What dlt warns of, in a line: a traceback tells a person who runs a pipeline nothing."""

import logging


def in_a_line() -> None:
    """Let dlt's warnings be lines from now on: what failed, and the type of the error and its first line."""
    logger = logging.getLogger("dlt")
    if _shorten not in logger.filters:
        logger.addFilter(_shorten)


def _shorten(record: logging.LogRecord) -> bool:
    if record.exc_info and record.levelno <= logging.WARNING:
        _, error, _ = record.exc_info
        said = (str(error).splitlines() or [""])[0]
        record.msg, record.args = f"{record.getMessage()} ({type(error).__name__}: {said})", ()
        record.exc_info = record.exc_text = None
    return True
