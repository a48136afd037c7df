"""What every store of budgets does."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count

from segment_dagster.client.budgets.budget import MARGIN, MAX_BLOCK, SECOND, Budget, BudgetStore, Learned, owner_of

HOUR = 3600 * SECOND
"""A minute that no test outlives."""

SHORT = 50_000
"""One that a test waits for."""

_numbers = count()


def owner() -> str:
    """Whose no other test's budgets are."""
    return owner_of(f"token {next(_numbers)} at {time.monotonic_ns()}", "http://127.0.0.1")


def two(limit: int = 2, token_limit: int = 5, minute: int = HOUR) -> list[Budget]:
    """The budgets of an endpoint and of its token."""
    whose = owner()
    return [Budget(whose, "segments", limit, minute), Budget(whose, "token", token_limit, minute)]


def take_in_time(store: BudgetStore, budgets: list[Budget]) -> int:
    """Ask again whenever it is worth it, until a request is taken; when it was."""
    while (answer := store.take(budgets)).wait:
        time.sleep(answer.wait / SECOND)
    return answer.at


class StoreContract:
    """Tests of a store, the fixture `store`; `again` opens it as another process would."""

    def test_a_request_counts_in_every_budget(self, store: BudgetStore) -> None:
        budgets = two(2, 5)
        assert [store.take(budgets).wait for _ in range(2)] == [0, 0]
        refused = store.take(budgets)
        assert (0 < refused.wait <= HOUR + MARGIN, refused.full) == (True, 0)
        # nothing of the refused one was counted
        assert [store.take(budgets[1:]).wait > 0 for _ in range(4)] == [False, False, False, True]

    def test_a_full_token_keeps_back_all_of_its_endpoints(self, store: BudgetStore) -> None:
        budgets = two(2, 1)
        assert store.take(budgets).wait == 0
        refused = store.take(budgets)
        assert (refused.wait > 0, refused.full) == (True, 1)
        assert store.take(budgets[:1]).wait == 0

    def test_each_client_keeps_to_a_limit_of_its_own(self, store: BudgetStore) -> None:
        (budget,) = two()[1:]
        low, high = replace(budget, limit=1), replace(budget, limit=3)
        assert [store.take([each]).wait > 0 for each in (high, low, high, low, high, high)] == [
            False,
            True,
            False,
            True,
            False,
            True,
        ]

    def test_other_tokens_and_minutes_are_other_budgets(self, store: BudgetStore) -> None:
        (budget,) = two(token_limit=1)[1:]
        for other in (budget, replace(budget, owner=owner()), replace(budget, minute=HOUR - 1)):
            assert [store.take([other]).wait > 0 for _ in range(2)] == [False, True]

    def test_an_answer_keeps_its_place_and_a_minute_later_it_is_free(self, store: BudgetStore) -> None:
        budgets = two(1, minute=SHORT)
        taken = take_in_time(store, budgets)
        store.answered(budgets, taken, None)
        later = take_in_time(store, budgets)
        assert later >= taken + SHORT + MARGIN
        store.answered(budgets, later, None)

    def test_the_place_of_a_request_that_is_never_answered_is_free_after_two_minutes(self, store: BudgetStore) -> None:
        budgets = two(1, minute=SHORT)
        taken = take_in_time(store, budgets)
        assert take_in_time(store, budgets) >= taken + 2 * SHORT

    def test_an_answer_that_came_after_two_minutes_counts_all_the_same(self, store: BudgetStore) -> None:
        budgets = two(1, minute=SHORT)
        taken = take_in_time(store, budgets)
        time.sleep(2 * SHORT / SECOND)
        store.answered(budgets, taken, None)
        assert take_in_time(store, budgets) >= taken + 3 * SHORT

    def test_a_block_keeps_back_whoever_shares_the_budget(self, store: BudgetStore, again: BudgetStore) -> None:
        budgets = two()
        store.block(budgets[0], 600 * SECOND)
        store.block(budgets[0], 1 * SECOND)
        refused = again.take(budgets)
        assert (590 * SECOND < refused.wait <= 601 * SECOND, refused.full) == (True, 0)
        assert again.take(budgets[1:]).wait == 0

    def test_the_longest_block_holds(self, store: BudgetStore) -> None:
        budgets = two()
        store.block(budgets[1], MAX_BLOCK)
        assert store.take(budgets).wait > 0

    def test_a_block_ends(self, store: BudgetStore) -> None:
        budgets = two()
        store.block(budgets[0], 20_000)
        take_in_time(store, budgets)

    def test_what_others_used_is_learnt_from_what_remains(self, store: BudgetStore, again: BudgetStore) -> None:
        budgets = two(10, 10)
        own = budgets[0]
        taken = [store.take(budgets).at for _ in range(3)]
        store.answered(budgets, taken[0], Learned(own, 2, 600 * SECOND))
        assert [again.take([own]).wait > 0 for _ in range(3)] == [False, False, True]
        assert again.take([own]).wait <= 601 * SECOND
        # and corrected by a later answer; the token knows nothing of it
        store.answered(budgets, taken[1], Learned(own, 10, 600 * SECOND))
        assert again.take([own]).wait == 0
        assert again.take(budgets[1:]).wait == 0

    def test_what_was_learnt_ends_when_the_server_counts_anew(self, store: BudgetStore) -> None:
        budgets = two(10, 10)
        store.answered(budgets, store.take(budgets).at, Learned(budgets[1], 0, 20_000))
        take_in_time(store, budgets)

    def test_a_request_that_another_store_allowed_is_counted_in_any_case(self, store: BudgetStore) -> None:
        budgets = two(1, 5)
        store.block(budgets[0], 600 * SECOND)
        answers = [store.take(budgets, check=False) for _ in range(3)]
        assert [answer.wait for answer in answers] == [0, 0, 0]
        for answer in answers:
            store.answered(budgets, answer.at, None)
        assert [store.take(budgets[1:]).wait > 0 for _ in range(3)] == [False, False, True]

    def test_processes_that_share_it_never_exceed_the_limit(self, store: BudgetStore, again: BudgetStore) -> None:
        budgets = two(40, 50)
        taken: list[int] = []

        def take(each: BudgetStore) -> None:
            while not (answer := each.take(budgets)).wait:
                taken.append(answer.at)
                each.answered(budgets, answer.at, Learned(budgets[1], 1000, HOUR))

        run_all([partial(take, each) for each in (store, again) * 4])
        assert len(taken) == 40


def run_all(actions: list[Callable[[], None]]) -> None:
    """Run actions at once, each in a thread."""
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
