"""What a budget is, and what a store of budgets does."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

SECOND = 1_000_000
"""Microseconds of a second: all times of the stores are whole microseconds."""

MARGIN = 1_000
"""Microseconds that a request counts beyond its minute: the server may round its times to milliseconds."""

MAX_BLOCK = 3600 * SECOND
"""The longest block: no request waits longer for a 429. A later end of one is none that we wrote."""

TOKEN = "token"  # noqa: S105 - a name
"""Name of the budget of the token as a whole; the others have the names of their endpoints, none of which is this."""


@dataclass(frozen=True)
class Budget:
    """At most `limit` requests in any minute, of everybody who uses the token."""

    owner: str
    """Whose it is: see `owner_of`."""

    name: str
    limit: int
    """Of the client that asks. Another client of the token may have another."""

    minute: int
    """Microseconds of the minute; tests have shorter ones. Another minute is another budget."""

    @property
    def key(self) -> str:
        """The name under which stores keep it."""
        return f"{self.owner}.{self.minute}.{self.name}"


def owner_of(token: str, base_url: str) -> str:
    """Return the name of a token in the stores, from which nobody learns the token."""
    return sha256(f"{token}\n{base_url}".encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What a store says to a request that is about to be sent."""

    at: int
    """When it was taken, by the store's clock, or when it was refused."""

    wait: int = 0
    """Microseconds until it is worth asking again; zero if the request was counted and may be sent."""

    full: int = 0
    """Which of the budgets has to be waited for the longest, counted from zero."""


@dataclass(frozen=True)
class Learned:
    """What the headers of an answer say of a budget."""

    budget: Budget
    remaining: int
    """Requests that the server still allowed when it answered."""

    reset: int
    """Microseconds until the server counts anew."""


class StoreError(Exception):
    """A store does not work. The message says why, and holds no secret."""


class BudgetStore(Protocol):
    """Counts the requests of everybody who shares the store. Threads may share one.

    Budgets that are given together are of one token and have the same minute.

    A request counts from when it is taken until a minute after its answer came: the server may have counted it at any
    time between the two. One that is never answered, because its process was killed, counts for two minutes.
    """

    def open(self) -> None:
        """Reach what the store is kept in, create what is missing, and delete what nobody uses any more.

        Raises:
            StoreError: The store does not work.
        """
        ...

    def take(self, budgets: Sequence[Budget], *, check: bool = True) -> Answer:
        """Count a request in every budget, if all of them allow it.

        Args:
            budgets: The budgets.
            check: Whether they have to allow it: another store may have done so.

        Raises:
            StoreError: The store does not work.
        """
        ...

    def answered(self, budgets: Sequence[Budget], taken: int, learned: Learned | None) -> None:
        """Count a request from its answer on.

        Args:
            budgets: Those it was taken from.
            taken: When it was.
            learned: What the answer said.

        Raises:
            StoreError: The store does not work.
        """
        ...

    def block(self, budget: Budget, duration: int) -> None:
        """Allow no request for so many microseconds.

        Raises:
            StoreError: The store does not work.
        """
        ...
