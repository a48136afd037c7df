"""Moments: something is done between two answers, once."""

from segment_dagster.emulator import Edit


def test_a_moment_comes_once_with_the_request_of_its_number(api, emulator):
    done = []
    emulator.hooks.at(2, lambda: done.append(emulator.stats.total), endpoint="sources")
    emulator.hooks.at(3, lambda: done.append("third"))
    for path in ("/sources", "/spaces", "/sources", "/sources"):
        api.get(path)
    assert done == [2, "third"]


def test_a_moment_that_is_taken_back_does_not_come(api, emulator):
    done = []
    emulator.hooks.at(1, lambda: done.append("first"))
    emulator.hooks.clear()
    assert api.get("/sources").status_code == 200
    assert done == []


def test_what_is_done_shows_in_the_answer(api, emulator):
    (first, *_) = emulator.records("sources")
    emulator.hooks.at(2, lambda: emulator.edits.add(Edit("sources", "delete", first["id"])))
    totals = [api.json("/sources")["data"]["pagination"]["totalEntries"] for _ in range(3)]
    assert totals == [40, 39, 39]
