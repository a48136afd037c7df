"""Killing a run in a stage, which is told by the files of dlt's working directory."""

import time
from contextlib import suppress
from subprocess import TimeoutExpired

from segment_dagster_tests.chaos.figures import FIGURES

STAGES = ("extract", "normalize", "load", "swap")


class Watched:
    """What a run is doing, by the files of dlt's working directory."""

    def __init__(self, runs):
        self.pipeline = runs.pipeline
        self.stats = runs.emulator.stats
        self.before = self._loaded()

    def _there(self, pattern):
        # dlt deletes directories while they are gone through
        while True:
            with suppress(FileNotFoundError):
                return list(self.pipeline.glob(pattern))

    def _loaded(self):
        return set(self._there("load/loaded/*"))

    def stage(self):
        """The stage: before dlt has all that was read, extract; once the tables are loaded, remember."""
        if self._loaded() - self.before:
            return "remember"
        if self._there("load/normalized/*/started_jobs/*.sql"):
            return "swap"
        if self._there("load/normalized/*"):
            return "load"
        if self._there("normalize/extracted/*") or self._there("load/new/*"):
            return "normalize"
        return "extract"

    def swapped(self):
        return len(self._there("load/normalized/*/completed_jobs/*.sql"))

    def loaded(self):
        return len(self._there("load/normalized/*/completed_jobs/*.parquet"))


def await_stage(process, runs, watched, stage, share, requests, tables):
    """Wait until a run has come to a point of a stage; whether it still runs."""
    reached = {
        "extract": lambda: runs.emulator.stats.total >= share * requests and watched.stage() == "extract",
        "normalize": lambda: watched.stage() in ("normalize", "load", "swap"),
        "load": lambda: watched.loaded() >= share * tables and watched.stage() == "load",
        "swap": lambda: watched.swapped() >= share * tables and watched.stage() == "swap",
        "remember": lambda: watched.stage() == "remember",
    }[stage]
    while not reached():
        with suppress(TimeoutExpired):
            process.wait(0.0005)
            return False
        if watched.stage() == "remember" and stage != "remember":
            return True
    return True


WIDTH = {"extract": 0.1, "normalize": 0.12, "load": 0.002, "swap": 0.004, "remember": 0.4}
"""Seconds after which it is killed at the latest, once it has come there."""


def kill_in(runs, stage, requests=68, tables=12):
    """Kill a run in a stage; the stage in which it was, or nothing where it came to its end.

    Args:
        runs: Whose next run it is.
        stage: The stage.
        requests: How many it makes, about.
        tables: How many it loads, about.
    """
    share = runs.random.random()
    watched = Watched(runs)
    process = runs.begin()
    if await_stage(process, runs, watched, stage, share, requests, tables):
        time.sleep(runs.random.random() * WIDTH[stage])
    if not runs.kill(process):
        return None
    was = watched.stage()
    FIGURES.kills[was] += 1
    print(f"seed {runs.seed}: to be killed in {stage}, {share:.3f} of it; killed in {was}")
    return was
