"""Keep back what is logged while a message is sent: apprise, plugins and HTTP libraries log addresses with secrets."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_STATUS = re.compile(r"\berror=(\d{3})\b")
"""How apprise's plugins log the status of a response."""

_kept_back: ContextVar[list[str] | None] = ContextVar("segment_alert_logs", default=None)


def status_in(messages: list[str]) -> str | None:
    """Return the HTTP status that is named in log messages; `None` if there is none."""
    found = [match[1] for message in messages if (match := _STATUS.search(message))]
    return found[-1] if found else None


@contextmanager
def muted_logs() -> Iterator[list[str]]:
    """Log nothing in this context, whatever the logger, and collect the messages instead.

    Other threads log as before. The filter stays where it was put: it lets everything pass outside of this context.
    """
    _install()
    messages: list[str] = []
    token = _kept_back.set(messages)
    try:
        yield messages
    finally:
        _kept_back.reset(token)


def _filter(record: logging.LogRecord) -> bool:
    messages = _kept_back.get()
    if messages is None:
        return True
    messages.append(record.getMessage())
    return False


def _install() -> None:
    """Add the filter to all loggers, and to their handlers for the loggers that are made later."""
    made = [each for each in logging.root.manager.loggerDict.copy().values() if isinstance(each, logging.Logger)]
    for logger in (logging.root, *made):
        for each in (logger, *logger.handlers):
            if _filter not in each.filters:
                each.addFilter(_filter)
