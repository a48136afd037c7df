"""The workspace of the chaos, a first load to go on from, and the figures at the end."""

import pytest

from segment_dagster.emulator import running
from segment_dagster_tests.chaos.chaos_length import LONG
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import NOW, Runs, copied

LONG_ONLY = ("jobs", "slices", "small_disk", "system_clock")
collect_ignore = [] if LONG else [f"test_chaos_{name}.py" for name in LONG_ONLY]


@pytest.fixture(scope="package")
def workspace(world):
    with running(world=world, now=NOW, minute=0.05) as emulator:
        yield emulator


@pytest.fixture(scope="package")
def bases(workspace, tmp_path_factory):
    """The first loads, each made once: without history and with it."""
    made = {}

    def base(history):
        if history not in made:
            runs = Runs(workspace, tmp_path_factory.mktemp("base"), history=history)
            runs.forget()
            runs.repair("the first load")
            made[history] = runs
        return made[history]

    return base


@pytest.fixture
def loaded(bases, workspace, tmp_path):
    """Go on from the first load: `loaded(seed)`, or `loaded(seed, history=True)`."""

    def go_on(seed, *, history=False):
        return copied(bases(history), workspace, tmp_path / "runs", seed, history=history)

    yield go_on
    workspace.faults.clear()
    workspace.hooks.clear()


def pytest_terminal_summary(terminalreporter):
    if FIGURES.runs:
        terminalreporter.section("chaos")
        for line in FIGURES.lines():
            terminalreporter.line(line)
