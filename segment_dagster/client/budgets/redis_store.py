"""The budgets of all machines that share a Redis server."""

from collections.abc import Callable, Sequence
from typing import Any

from segment_dagster.client.budgets.budget import Answer, Budget, Learned, StoreError
from segment_dagster.client.budgets.redis_scripts import ANSWERED, BLOCK, TAKE

TIMEOUT = 2.0
"""Seconds that the server has to answer."""

MALFORMED = "its address is malformed"


class RedisStore:
    """Counts the requests of all processes that reach the server, by one short script each time.

    Args:
        url: The address of the server, which may hold a password.

    Raises:
        ImportError: The driver is not installed.
        StoreError: The driver cannot read the address.
    """

    def __init__(self, url: str) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis = redis
        try:
            # a connection that was closed is opened anew without; to try again would hold a run up for longer
            self._client = redis.Redis.from_url(
                url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
            )
        except ValueError:
            raise StoreError(MALFORMED) from None
        self._take = self._client.register_script(TAKE)
        self._answered = self._client.register_script(ANSWERED)
        self._block = self._client.register_script(BLOCK)

    def open(self) -> None:
        """Reach the server.

        Raises:
            StoreError: It cannot be reached, or not be written to.
        """
        try:
            self._call(self._block, ["segment_dagster:opened"], [1])
        except TypeError:
            # the driver takes what the address says for arguments of the connection
            raise StoreError(MALFORMED) from None

    def take(self, budgets: Sequence[Budget], *, check: bool = True) -> Answer:
        """Count a request in every budget, if all of them allow it.

        Raises:
            StoreError: The server does not answer.
        """
        asked = [number for each in budgets for number in (each.limit, each.minute)]
        return Answer(*self._call(self._take, _keys(budgets), [int(check), *asked]))

    def answered(self, budgets: Sequence[Budget], taken: int, learned: Learned | None) -> None:
        """Count a request from its answer on.

        Raises:
            StoreError: The server does not answer.
        """
        arguments = [taken]
        for budget in budgets:
            told = learned if learned and learned.budget == budget else None
            arguments += [budget.minute, told.remaining if told else -1, told.reset if told else 0]
        self._call(self._answered, _keys(budgets), arguments)

    def block(self, budget: Budget, duration: int) -> None:
        """Allow no request for so many microseconds.

        Raises:
            StoreError: The server does not answer.
        """
        self._call(self._block, [f"{_key(budget)}:blocked"], [duration // 1000 + 1])

    def _call(self, script: Callable[..., Any], keys: list[str], arguments: list[int]) -> Any:
        try:
            return script(keys, arguments)
        except self._redis.AuthenticationError:
            raise StoreError("it refused the user or the password") from None
        except self._redis.TimeoutError:
            raise StoreError(f"it did not answer within {TIMEOUT:g} s") from None
        except self._redis.ConnectionError:
            raise StoreError("it cannot be reached") from None
        except self._redis.RedisError as error:
            # its text may quote what was sent
            raise StoreError(type(error).__name__) from None


def _key(budget: Budget) -> str:
    # a Redis cluster keeps on one node what is between braces
    return f"segment_dagster:{{{budget.owner}}}:{budget.minute}:{budget.name}"


def _keys(budgets: Sequence[Budget]) -> list[str]:
    return [f"{_key(each)}:{part}" for each in budgets for part in ("in_flight", "answered", "blocked", "shrunk")]
