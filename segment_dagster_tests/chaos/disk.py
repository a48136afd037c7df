"""What a run may say and do that finds no room."""

from segment_dagster_tests.chaos.figures import FIGURES
from segment_dagster_tests.chaos.runs import told

NO_ROOM = r"There is no room left: make some in .*/pipelines|Make room there, or set TMPDIR"


def judged(runs, ran, new, happened):
    """A run that failed for want of room says so; one that found room has loaded all."""
    if ran.code:
        told(ran, NO_ROOM)
        FIGURES.cases["disks full"] += 1
    runs.judge(new, happened, only=None if ran.code else "new")
