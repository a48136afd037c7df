"""Pages that shift while they are read: rows are inserted and deleted between two of them, and none is lost."""

import pytest

from segment_dagster.emulator import Edit
from segment_dagster_tests.chaos.chaos_length import at_length
from segment_dagster_tests.chaos.figures import FIGURES

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

PAGED = ("sources", "destinations", "users")
PAGE = 10
"""Rows of a page: the lists have 4, 8 and 6."""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_rows_that_move_from_page_to_page(loaded):
    runs = loaded("shifting")
    for number in range(at_length(1, 12)):
        old = runs.tables
        runs.change()
        name = PAGED[number % len(PAGED)]
        shift(runs, name, number)
        ran = runs.run(SEGMENT_PAGE_SIZE=str(PAGE))
        assert ran.code == 0, ran.stderr
        assert f"{name}: " in ran.stderr and "it is read again" in ran.stderr, ran.stderr
        FIGURES.cases["lists that shifted"] += 1
        happened = f"pages of {name} shifted, round {number}"
        # what is there now, is what was there when the last page came
        new = runs.after()
        assert new[name] != old[name]
        runs.judge(new, happened, only="new", names=[name])
        # the others were read before or after
        runs.repair(happened)


def shift(runs, name, number):
    """Delete rows of a page that has come, and insert others, while pages that are still to come are asked for."""
    random, emulator = runs.random, runs.emulator
    # not the first user, who does it
    first_page = [record["id"] for record in emulator.records(name)[1:PAGE]]
    for many, gone in enumerate(random.sample(first_page, random.randint(1, 2))):
        delete = Edit(name, "delete", gone)
        create = Edit(name, "create", f"shifted{number}{many}{name}")
        at = random.randint(2, 3)
        emulator.hooks.at(at, lambda edit=delete: emulator.edits.add(edit), name)
        if random.random() < 0.5:
            emulator.hooks.at(at + 1, lambda edit=create: emulator.edits.add(edit), name)
