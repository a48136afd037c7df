"""The store in Redis: `make test-scale` installs the server."""

import pytest

from segment_dagster.client.budgets.budget import SECOND, StoreError
from segment_dagster.client.budgets.redis_store import RedisStore
from segment_dagster_tests.budgets.redis_server import redis_server
from segment_dagster_tests.budgets.store_contract import SHORT, StoreContract, take_in_time, two

pytestmark = pytest.mark.scale


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield address


class TestRedisStore(StoreContract):
    @pytest.fixture
    def store(self, address):
        store = RedisStore(address)
        store.open()
        return store

    @pytest.fixture
    def again(self, address):
        return RedisStore(address)


def test_a_connection_that_the_server_closed_is_opened_anew(address):
    store, other = RedisStore(address), RedisStore(address)
    assert store.take(two()).wait == 0
    other._client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert store.take(two()).wait == 0


def test_scripts_that_the_server_has_forgotten_are_sent_again(address):
    store = RedisStore(address)
    assert store.take(two()).wait == 0
    store._client.script_flush()
    assert store.take(two()).wait == 0


def test_nothing_is_left_when_nobody_asks_any_more(address):
    store = RedisStore(address)
    store._client.flushall()
    budgets = two(1, minute=SHORT)
    store.answered(budgets, take_in_time(store, budgets), None)
    store.block(budgets[0], 20_000)
    assert store._client.dbsize() > 0
    while store._client.dbsize():
        pass


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda url: url.replace("redis://:", "redis://:x"), "it refused the user or the password"),
        (lambda url: "redis://127.0.0.1:1", "it cannot be reached"),
        (lambda url: f"{url}?socket_timeout=soon", "its address is malformed"),
        (lambda url: f"{url}?no_such_option=1", "its address is malformed"),
    ],
    ids=["password", "port", "value", "option"],
)
def test_why_it_cannot_be_opened_is_told_without_the_address(address, change, reason):
    with pytest.raises(StoreError) as caught:
        RedisStore(change(address)).open()
    assert str(caught.value) == reason


def test_a_server_that_may_not_be_written_to_is_told_by_the_kind_of_its_error(address):
    store = RedisStore(address)
    store._client.config_set("min-replicas-to-write", 3)
    try:
        with pytest.raises(StoreError, match=r"^ResponseError$"):
            store.open()
    finally:
        store._client.config_set("min-replicas-to-write", 0)


def test_a_server_that_does_not_answer_is_not_waited_for_longer_than_seconds(address):
    store = RedisStore(address)
    store._client.connection_pool.connection_kwargs["socket_timeout"] = 0.05
    RedisStore(address)._client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        with pytest.raises(StoreError, match=r"^it did not answer within 2 s$"):
            store.take(two())
    finally:
        RedisStore(address)._client.execute_command("CLIENT", "UNPAUSE")


def test_a_server_whose_clock_was_set_back_keeps_nobody_back(address):
    store = RedisStore(address)
    budgets = two(1, 1)
    tomorrow = (store._client.time()[0] + 86_400) * SECOND
    for budget in budgets:
        for part in ("in_flight", "answered"):
            store._client.zadd(
                f"segment_dagster:{{{budget.owner}}}:{budget.minute}:{budget.name}:{part}", {"x": tomorrow}
            )
    assert store.take(budgets).wait == 0
    assert store.take(budgets).wait > 0
