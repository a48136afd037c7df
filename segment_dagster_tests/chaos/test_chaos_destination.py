"""A destination that goes while the workspace is read: a line says so, and the next run mends all."""

import shutil

import duckdb
import pytest

from segment_dagster_tests.chaos.chaos_length import LONG, at_length
from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import FILE, told

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

CREDENTIALS = "DESTINATION__DUCKDB__CREDENTIALS"


class Gone:
    """Ways in which the file goes, and comes back."""

    def __init__(self, runs):
        self.file = runs.file
        self.directory = runs.work
        self.kept = runs.aside / "kept"

    def a_directory(self):
        """A directory takes its place."""
        self.file.rename(self.kept)
        self.file.mkdir()

    def not_a_directory(self):
        self.file.rmdir()
        self.kept.rename(self.file)

    def garbage(self):
        """Its first bytes are overwritten."""
        shutil.copyfile(self.file, self.kept)
        with self.file.open("r+b") as file:
            file.write(b"no database at all" * 1000)

    def not_garbage(self):
        self.kept.replace(self.file)

    def cut_off(self):
        """Half of it is gone."""
        shutil.copyfile(self.file, self.kept)
        with self.file.open("r+b") as file:
            file.truncate(self.kept.stat().st_size // 2)

    not_cut_off = not_garbage

    def moved(self):
        """The directory that it is in is moved."""
        self.directory.rename(self.kept)

    def not_moved(self):
        # whoever could made it anew
        shutil.rmtree(self.directory, ignore_errors=True)
        self.kept.rename(self.directory)


SAID = {
    "a_directory": "dlt failed at the step 'open' on duckdb .*segment.duckdb",
    "garbage": "dlt failed at the step 'open' on duckdb .*segment.duckdb",
    "cut_off": "dlt failed at the step '.*' on duckdb .*segment.duckdb",
    "moved": "CREDENTIALS leads to .*, where segment.duckdb.lock cannot be made .No such file",
}


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", [*SAID, *SAID] if LONG else ["moved"])
def test_a_file_that_is_no_database_any_more(loaded, way, request):
    runs = loaded(f"destination {request.node.name}")
    new = runs.change()
    gone = Gone(runs)
    runs.emulator.hooks.at(runs.random.randint(1, 50), getattr(gone, way))
    # by its whole path, so that the directory can be moved
    ran = runs.run(**{CREDENTIALS: str(runs.work / FILE)})
    happened = f"the destination was {way.replace('_', ' ')}"
    told(ran, SAID[way])
    getattr(gone, f"not_{way}")()
    FIGURES.cases["destinations gone"] += 1
    runs.judge(new, happened, only="old")
    runs.repair(happened)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_file_that_is_deleted_is_made_anew_by_the_next_run_whole(loaded):
    runs = loaded("deleted")
    for _ in range(at_length(1, 3)):
        runs.change()
        # the first request, whose token it is, comes before the table is looked at
        runs.emulator.hooks.at(runs.random.randint(2, 50), runs.file.unlink)
        ran = runs.run()
        told(ran, "audit_events: its table lost rows while the workspace was read")
        FIGURES.cases["destinations gone"] += 1
        # the trail has none of its rows, which would leave a gap; the others are there anew
        with duckdb.connect(str(runs.file), read_only=True) as connection:
            there = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'audit_events'")
            assert there.fetchall() == [(0,)]
        # the old rows went with it
        runs.tables = {}
        runs.repair("the file was deleted")
