"""What every test has: an empty home and working directory, no settings of the machine, a workspace to read."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from segment_dagster.client.budgets import PROCESS
from segment_dagster.emulator import Emulator, World, running
from segment_dagster_tests.process_arguments import recorded_arguments, recording_arguments

MINUTE = 0.05
"""Seconds of the minute that limits are counted in, so that no test waits for them."""


def pytest_configure() -> None:
    """Whoever is started in the background has SIGINT ignored, and so would have all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what all tests have imported out of each search for garbage: a million objects that stay."""
    gc.collect()
    gc.freeze()


# here, as the process that starts workers knows no other conftest
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show which destinations conform, and which executors load into which of them, where that was tested."""
    reports = [report for outcome in ("passed", "failed", "xfailed") for report in terminalreporter.getreports(outcome)]
    lines = [value for report in reports for name, value in report.user_properties if name == "conformance"]
    lines += [
        f"{report.nodeid.rpartition('[')[2].rstrip(']'):20} FAILED: see above"
        for report in terminalreporter.getreports("failed") + terminalreporter.getreports("error")
        if "test_conformance" in report.nodeid
    ]
    executors = [value for report in reports for name, value in report.user_properties if name == "executors"]
    for title, section in {"destinations": lines, "executors": executors}.items():
        if section:
            terminalreporter.section(title)
        for line in section:
            terminalreporter.line(str(line))


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's settings, homes and directories out of the test, and the test's out of the machine."""
    foreign = ("SEGMENT_", "DESTINATION__", "SOURCES__", "DAGSTER_", "DLT_", "RUNTIME__", "NORMALIZE__", "LOAD__")
    for setting in [setting for setting in os.environ if setting.startswith(foreign)]:
        monkeypatch.delenv(setting)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "home" / ".dlt"))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    # retries at once, so that no test waits for them
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.001")
    # and few of them: by itself a request is tried again for minutes
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("SEGMENT_MINUTE_SECONDS", str(MINUTE))
    # the budgets of the tests' one token would outlive each test: in a file, and in this process
    monkeypatch.setenv("SEGMENT_BUDGET_URL", f"file://{tmp_path / 'budgets'}")
    PROCESS.clear()


@pytest.fixture(scope="session")
def world() -> World:
    """The workspace that the emulator of every test shows."""
    return World(1)


@pytest.fixture(scope="session")
def one_emulator(world: World) -> Iterator[Emulator]:
    """The emulator that all tests share."""
    with running(world=world, minute=MINUTE) as emulator:
        yield emulator


@pytest.fixture
def emulator(one_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The shared emulator without faults and counts; the settings point at it."""
    one_emulator.faults.clear()
    one_emulator.edits.clear()
    one_emulator.syncs.clear()
    one_emulator.corrections.clear()
    one_emulator.stats.clear()
    one_emulator.clock.set(None)
    monkeypatch.setenv("SEGMENT_BASE_URL", one_emulator.url)
    monkeypatch.setenv("SEGMENT_API_TOKEN", one_emulator.token)
    yield one_emulator
    one_emulator.hooks.clear()
    one_emulator.faults.clear()
    one_emulator.edits.clear()
    one_emulator.syncs.clear()
    one_emulator.corrections.clear()


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """The arguments of all processes that the test has started, and of those that they have."""
    place = tmp_path / "started"
    place.mkdir()
    for setting, value in recording_arguments(place).items():
        monkeypatch.setenv(setting, value)
    return lambda: recorded_arguments(place)
