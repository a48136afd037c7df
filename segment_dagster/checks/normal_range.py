"""Compute a normal range from past numbers: the median, plus and minus a number of robust deviations."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

NORMAL = 1.4826
"""Factor from the median absolute deviation to the standard deviation of a normal distribution."""

LEAST_SHARE = 0.1
"""Smallest deviation, as a share of the median, so that a low weekend after an even week raises no alarm."""

LEAST_PAST = 14
"""Fewest past days for a band: two of each day of the week."""


@dataclass(frozen=True)
class Band:
    """A range of numbers, both ends included."""

    low: float
    high: float

    def __contains__(self, number: float) -> bool:
        """Return whether a number is in the range."""
        return self.low <= number <= self.high


def band_of(past: Sequence[float], deviations: float) -> Band | None:
    """Return the normal range of the next number; `None` if there are fewer than `LEAST_PAST` numbers.

    Args:
        past: The numbers so far.
        deviations: Half the width of the range, in robust deviations.
    """
    if len(past) < LEAST_PAST:
        return None
    middle = median(past)
    spread = median(abs(number - middle) for number in past) * NORMAL
    room = deviations * max(spread, abs(middle) * LEAST_SHARE, 1)
    low = middle - room
    if (least := min(past)) > 0:
        # a wide band may reach 0, but a source that has no events for the first time is not normal
        low = max(low, min(least, 1))
    return Band(low, middle + room)
