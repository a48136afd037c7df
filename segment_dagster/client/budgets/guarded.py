"""A store between processes that may fail: the run goes on without it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from segment_dagster.client.budgets.budget import BudgetStore, StoreError

RETRY = 60.0
"""Seconds after which a store that failed is tried again."""

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class Guarded:
    """A store that is left out for a minute whenever it fails, with one warning until it works again.

    Args:
        store: The store.
        name: What the warning calls it.
        without: What the warning says of the time without it.
    """

    def __init__(self, store: BudgetStore, name: str, without: str) -> None:
        self.store = store
        self.name = name
        self._without = without
        self._lock = threading.Lock()
        self._failing = False
        self._retry_at = 0.0

    def call(self, action: Callable[[], _Result]) -> _Result | None:
        """Return what a method of the store returns; `None` if it fails, or the store is left out."""
        if self._failing and time.monotonic() < self._retry_at:
            return None
        try:
            result = action()
        except StoreError as error:
            with self._lock:
                first, self._failing, self._retry_at = not self._failing, True, time.monotonic() + RETRY
            if first:
                logger.warning("%s does not work (%s): %s until it works again", self.name, error, self._without)
            return None
        if self._failing:
            with self._lock:
                again, self._failing = self._failing, False
            if again:
                logger.info("%s works again", self.name)
        return result
