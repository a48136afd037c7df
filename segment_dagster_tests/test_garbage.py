"""The search for garbage: seldom inside a block, and afterwards as it was."""

import gc
from contextlib import ExitStack

import pytest

from segment_dagster.gc_tuning import OBJECTS, relaxed_gc


@pytest.fixture(params=[(700, 10, 10), (0, 10, 10), (50_000, 5, 5)])
def before(request):
    was = gc.get_threshold()
    gc.set_threshold(*request.param)
    yield request.param
    gc.set_threshold(*was)


def test_it_is_seldom_inside_and_as_it_was_outside(before):
    with relaxed_gc():
        assert gc.get_threshold()[0] == (OBJECTS if before[0] else 0)
    assert gc.get_threshold() == before


def test_it_is_as_it_was_after_an_error(before):
    with pytest.raises(ZeroDivisionError), relaxed_gc():
        raise ZeroDivisionError
    assert gc.get_threshold() == before


def test_blocks_that_overlap_end_with_the_last_one(before):
    first, second = ExitStack(), ExitStack()
    first.enter_context(relaxed_gc())
    second.enter_context(relaxed_gc())
    inside = gc.get_threshold()
    first.close()
    assert gc.get_threshold() == inside
    second.close()
    assert gc.get_threshold() == before
