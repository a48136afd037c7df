"""A least-recently-used cache."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class LruCache(Generic[T]):
    """A cache of computed values. Not thread-safe.

    Args:
        most: Maximum number of entries. 0 turns the cache off.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the cached value of a key, or compute and cache it."""
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        made = make()
        if self._most:
            self._made[key] = made
        if len(self._made) > self._most:
            self._made.popitem(last=False)
        return made
