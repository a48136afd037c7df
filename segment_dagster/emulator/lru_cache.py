"""What was made before is not made again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class LruCache(Generic[T]):
    """The last things that were made, by all that they depend on. For one thread.

    Args:
        most: How many there are, 0 for none.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for the key, or what is made now."""
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        made = make()
        if self._most:
            self._made[key] = made
        if len(self._made) > self._most:
            self._made.popitem(last=False)
        return made
