"""The planted workspace: one case of each kind that the marts tell apart, listed as data."""

from segment_dagster.emulator.planted.history import history
from segment_dagster.emulator.planted.makers import planted_makers, planted_timed
from segment_dagster.emulator.planted.numbers import numbers

__all__ = ["history", "numbers", "planted_makers", "planted_timed"]
