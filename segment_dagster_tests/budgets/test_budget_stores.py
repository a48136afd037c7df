"""The stores of one process and of one machine."""

import pytest

from segment_dagster.client.budgets.machine import MachineStore
from segment_dagster.client.budgets.memory import MemoryStore
from segment_dagster_tests.budgets.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()

    @pytest.fixture
    def again(self, store):
        """A process has one."""
        return store


class TestMachineStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = MachineStore(tmp_path / "shared")
        store.open()
        return store

    @pytest.fixture
    def again(self, store):
        """In a process of its own it would be another; the lock of a file is a process's, so this is the same here."""
        return store
