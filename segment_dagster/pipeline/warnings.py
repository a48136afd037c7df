"""What dlt logs of what fails, in a line: what the run itself says at its end is what there is to act on."""

import logging


def in_a_line() -> None:
    """Let what dlt logs be lines from now on: what failed, the type of the error and the first line of its message.

    Tracebacks are there where dlt is asked to say more than usual: `RUNTIME__LOG_LEVEL=INFO`.
    """
    logger = logging.getLogger("dlt")
    if _shorten not in logger.filters:
        logger.addFilter(_shorten)


def _shorten(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error and not logging.getLogger("dlt").isEnabledFor(logging.INFO):
        said = (str(error).splitlines() or [""])[0]
        record.msg, record.args = f"{record.getMessage()} ({type(error).__name__}: {said})", ()
        record.exc_info = record.exc_text = None
    return True
