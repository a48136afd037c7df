"""The stores of this process, the one place where clients find what they share.

A process may have many clients of one token that know nothing of each other: those of two Dagster instances, of a
sensor beside a run, of a script of the user's own. Segment counts the requests of all of them as the token's, so the
process does, too. Nobody could pass them a common store as an argument.
"""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from segment_dagster.client.budgets.budget import BudgetStore, StoreError
from segment_dagster.client.budgets.guarded import Guarded
from segment_dagster.client.budgets.memory import MemoryStore
from segment_dagster.client.budgets.postgres_store import PostgresStore
from segment_dagster.client.budgets.redis_store import RedisStore
from segment_dagster.client.budgets.shared import SharedBudgets
from segment_dagster.config import ApiSettings
from segment_dagster.errors import SettingError

SETTING = ApiSettings.variable("budget_url")

REMEDY = "Correct the address or start the server; without the setting, each machine counts its own requests."

KINDS: dict[str, tuple[str, str, Callable[[str], BudgetStore]]] = {
    "postgresql": ("PostgreSQL", "postgres", PostgresStore),
    "postgres": ("PostgreSQL", "postgres", PostgresStore),
    "redis": ("Redis", "redis", RedisStore),
    "rediss": ("Redis", "redis", RedisStore),
}
"""What it may lead to, by the scheme of the address: its name, the extra with its driver, its store."""


class ProcessStores:
    """The stores that this process has opened. Threads may share one."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._lock = threading.Lock()
        self._memory = Guarded(MemoryStore(), "memory", "")
        self._opened: dict[str, Guarded] = {}

    def budgets(self, url: str | None) -> SharedBudgets:
        """Return the budgets that requests of this process count against.

        Args:
            url: The setting `budget_url`.

        Raises:
            SettingError: What it leads to does not work.
        """
        with self._lock:
            stores = [self._memory]
            if found := self._machine(url):
                stores.insert(0, found)
            if url and urlsplit(url).scheme in KINDS:
                stores.insert(0, self._server(url))
            return SharedBudgets(stores)

    def _machine(self, url: str | None) -> Guarded | None:
        """Return the store of this machine; `None` on Windows, which has no `fcntl`."""
        try:
            from segment_dagster.client.budgets.machine import MachineStore, default_directory
        except ImportError:
            return None
        parts = urlsplit(url or "")
        path = Path(unquote(parts.path)) if parts.scheme == "file" else default_directory()
        found = self._opened.get(str(path))
        if found is None:
            store = MachineStore(path)
            found = Guarded(store, str(path), "each process keeps to the rate limits by itself")
            if parts.scheme == "file":
                remedy = "Set it to a directory of this user alone, of mode 700."
                _open(lambda: store, f"leads to {path}, which cannot be used", remedy)
            else:
                found.call(store.open)
            self._opened[str(path)] = found
        return found

    def _server(self, url: str) -> Guarded:
        found = self._opened.get(url)
        if found is None:
            kind, extra, store_of = KINDS[urlsplit(url).scheme]
            try:
                store = _open(partial(store_of, url), f"leads to {kind}, which does not work", REMEDY)
            except ImportError:
                remedy = f"Install it: pip install 'segment_dagster[{extra}]'."
                raise SettingError(SETTING, f"leads to {kind}, whose driver is not installed", remedy) from None
            name = f"the {kind} of {SETTING}"
            found = self._opened[url] = Guarded(store, name, "each machine keeps to the rate limits by itself")
        return found


PROCESS = ProcessStores()
"""Those of this process."""

# a child that was forked has connections and locks of its parent's
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS.clear)


def _open(make: Callable[[], BudgetStore], problem: str, remedy: str) -> BudgetStore:
    try:
        store = make()
        store.open()
    except StoreError as error:
        raise SettingError(SETTING, f"{problem} ({error})", remedy) from None
    return store
