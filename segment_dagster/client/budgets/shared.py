"""The budgets of a token as a client sees them: in all the stores that count its requests."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from segment_dagster.client.budgets.budget import MAX_BLOCK, SECOND, Budget, Learned
from segment_dagster.client.budgets.guarded import Guarded

JITTER = 1 / 500
"""Part of a minute by which waits of processes differ, so that not all of them ask again at the same moment."""


@dataclass(frozen=True)
class Take:
    """What came of taking a request from its budgets."""

    wait: float = 0.0
    """Seconds until it is worth trying again; zero if it was taken."""

    full: int = 0
    """Which of the budgets has to be waited for the longest, counted from zero."""

    times: tuple[int | None, ...] = ()
    """When each store has counted it; `None` for one that does not work."""


class SharedBudgets:
    """The stores, from the one that most processes share to that of this process alone.

    The first that works decides. Those after it count along, so that each can stand in for the ones before it.

    Args:
        stores: The stores. The last one always works.
    """

    def __init__(self, stores: Sequence[Guarded]) -> None:
        self._stores = tuple(stores)

    def take(self, budgets: Sequence[Budget]) -> Take:
        """Count a request in every budget, if all of them allow it."""
        times: list[int | None] = []
        for guarded in self._stores:
            answer = guarded.call(partial(guarded.store.take, budgets, check=not any(times)))
            if answer and answer.wait:
                # no secret
                jitter = random.uniform(0, budgets[0].minute * JITTER)  # noqa: S311
                return Take((answer.wait + jitter) / SECOND, answer.full)
            times.append(answer.at if answer else None)
        return Take(times=tuple(times))

    def answered(self, budgets: Sequence[Budget], take: Take, learned: Learned | None) -> None:
        """Count a request from its answer on.

        Args:
            budgets: Those it was taken from.
            take: What came of taking it.
            learned: What the answer said of a budget.
        """
        for guarded, at in zip(self._stores, take.times, strict=True):
            if at is not None:
                guarded.call(partial(guarded.store.answered, budgets, at, learned))

    def block(self, budget: Budget, seconds: float) -> None:
        """Allow no request for a while."""
        duration = min(MAX_BLOCK, round(seconds * SECOND))
        for guarded in self._stores:
            guarded.call(partial(guarded.store.block, budget, duration))
