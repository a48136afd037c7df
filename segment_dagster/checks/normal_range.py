"""The band that a number should stay in by its own past: a robust median, and so many robust deviations around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

NORMAL = 1.4826
"""What makes the median of deviations the standard deviation where numbers are normally distributed."""

LEAST_SHARE = 0.1
"""Share of the median that a deviation is at least: a weekend below an even week is no reason to be called."""

LEAST_PAST = 14
"""Days of the past without which there is no band: two of each day of the week."""


@dataclass(frozen=True)
class Band:
    """A range of numbers, both ends included."""

    low: float
    high: float

    def __contains__(self, number: float) -> bool:
        """Whether a number is within."""
        return self.low <= number <= self.high


def band_of(past: Sequence[float], deviations: float) -> Band | None:
    """The band of what comes after these numbers; `None` where there are too few of them.

    Args:
        past: The numbers so far.
        deviations: How many robust deviations around the median are ordinary.
    """
    if len(past) < LEAST_PAST:
        return None
    middle = median(past)
    spread = median(abs(number - middle) for number in past) * NORMAL
    room = deviations * max(spread, abs(middle) * LEAST_SHARE, 1)
    low = middle - room
    if (least := min(past)) > 0:
        # what varies much may be little, but a source that is silent for the first time is not ordinary
        low = max(low, min(least, 1))
    return Band(low, middle + room)
