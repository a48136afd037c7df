"""What dlt logs is lines."""

import logging

import pytest
from dlt.common import logger

from segment_dagster._compat.dlt_logs import MEANT
from segment_dagster.config import DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.load import locked_pipeline, resolve_destination


@pytest.fixture
def said(emulator, caplog):
    """What dlt's logger said since a pipeline was made: its text as it is shown, with a traceback if there is one."""
    with locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()):
        pass
    logging.getLogger("dlt").addHandler(caplog.handler)
    caplog.clear()
    yield lambda: caplog.text
    logging.getLogger("dlt").removeHandler(caplog.handler)


def test_a_warning_of_dlts_that_comes_with_an_error_is_a_line(said):
    with logger.suppress_and_warn("Failed to do %s"):
        raise OSError(28, "No space left\non device")
    (line,) = set(said().splitlines())
    assert line.endswith("Failed to do %s (OSError: [Errno 28] No space left)")


def test_a_warning_without_an_error_is_as_it_was(said):
    logger.warning("%s is full", "a disk")
    (line,) = set(said().splitlines())
    assert line.endswith("a disk is full")


def test_an_error_that_dlt_logs_with_its_traceback_is_a_line(said):
    fail()
    (line,) = set(said().splitlines())
    assert line.endswith("A job failed (ValueError: wrong)")


def test_a_traceback_in_the_text_is_cut_out(said):
    try:
        raise ValueError("wrong")
    except ValueError:
        logger.warning(f"A job is retried with message {logger.pretty_format_exception()}")
    (line,) = set(said().splitlines())
    assert line.endswith("A job is retried with message (ValueError: wrong)")


def test_a_text_that_ends_where_a_traceback_would_begin_is_a_line(said):
    logger.warning("A job is retried with message Traceback (most recent call last):")
    (line,) = set(said().splitlines())
    assert line.endswith("A job is retried with message ()")


def test_an_error_that_a_driver_logs_with_its_traceback_is_a_line(said, caplog):
    try:
        raise OSError("gone\nfor good")
    except OSError:
        logging.getLogger("gcsfs").exception("A request failed")
    (line,) = caplog.text.splitlines()
    assert line.endswith("A request failed (OSError: gone)")


@pytest.mark.parametrize("text", MEANT)
def test_what_is_meant_is_no_warning(said, text):
    logger.warning(f"Of a table: {text}, and so on")
    assert said() == ""


def test_whoever_asks_for_more_is_told_more(said):
    level = logging.getLogger("dlt").level
    logging.getLogger("dlt").setLevel(logging.INFO)
    try:
        fail()
    finally:
        logging.getLogger("dlt").setLevel(level)
    assert "Traceback" in said()


def fail():
    try:
        raise ValueError("wrong")
    except ValueError:
        logger.exception("A job failed")


def test_warnings_are_shortened_once(said):
    with locked_pipeline(resolve_destination(DestinationSettings()), now=utc_now()):
        pass
    filters = logging.getLogger("dlt").filters
    assert len({*filters}) == len(filters)
