"""What `_compat/dlt_logs.py` takes for granted of the logs of dlt and gcsfs."""

import inspect
import logging
from importlib import import_module

from dlt.common import logger

from segment_dagster._compat.dlt_logs import MEANT

BREAKS = "the log shows what the run says in one line: see segment_dagster/_compat/dlt_logs.py"


def test_dlt_logs_by_the_name_dlt():
    logger.is_logging()
    assert logger.LOGGER is not None, f"dlt.common.logger has no LOGGER: {BREAKS}"
    assert logger.LOGGER is logging.getLogger("dlt"), f"dlt logs by another name than 'dlt': {BREAKS}"


def test_dlt_warns_in_the_words_that_are_left_out():
    # `dlt.pipeline` is a function too
    modules = [import_module(name) for name in ("dlt.normalize.worker", "dlt.pipeline.pipeline")]
    sources = "".join(map(inspect.getsource, modules))
    # as one text: a literal may go on in the next line
    text = "".join(part for line in sources.splitlines() for part in line.split('"')[1:2])
    for words in MEANT:
        assert words in text, f"dlt warns in other words than {words!r}: {BREAKS}"


def test_dlt_writes_a_traceback_by_its_usual_first_line():
    try:
        raise ValueError("wrong")
    except ValueError:
        text = logger.pretty_format_exception()
    assert text.startswith("Traceback (most recent call last):"), f"dlt formats tracebacks otherwise: {BREAKS}"
