"""Shorten dlt's and drivers' log records to one line: the run's own error, at its end, says what to do.

Private to: dlt 1.31 (the logger's name, the texts of two warnings, tracebacks in the text of a message) and gcsfs
2026.2 (the logger's name).

If it changes: the log shows tracebacks of failures that the run explains in one line, or warnings of what is meant.
"""

import logging

MEANT = ("native writer could not be found", "in state differs from destination")
"""Warnings of what is meant: that rows go in by INSERTs, and that another destination was loaded before."""

LOGGERS = ("dlt", "gcsfs")
"""The loggers that log tracebacks."""


def install_log_filter() -> None:
    """Shorten records from now on to what failed, the type of the error and the first line of its message.

    Tracebacks stay if dlt is asked to say more than usual: `RUNTIME__LOG_LEVEL=INFO`.
    """
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if _shorten not in logger.filters:
            logger.addFilter(_shorten)


def _shorten(record: logging.LogRecord) -> bool:
    if logging.getLogger("dlt").isEnabledFor(logging.INFO):
        return True
    if any(text in record.getMessage() for text in MEANT):
        return False
    error = record.exc_info[1] if record.exc_info else None
    # dlt also writes a traceback into the text of a message
    text, quoted, traceback = record.getMessage().partition("Traceback (most recent call last):")
    if error or quoted:
        said = f"{type(error).__name__}: {error}".splitlines()[:1] if error else traceback.strip().splitlines()[-1:]
        record.msg, record.args = f"{text.strip()} ({''.join(said)})", ()
        record.exc_info = record.exc_text = None
    return True
