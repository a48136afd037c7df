from dataclasses import replace
from pathlib import Path

import pytest

from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.readme import with_table

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_table_of_assets_is_that_of_the_rows():
    assert with_table(README) == README, "stale: run `make readme`"


def test_changed_row_changes_the_table():
    changed = (*CATALOGUE[1:], replace(CATALOGUE[0], description="Something else."))
    assert "Something else." in with_table(README, changed)


def test_text_without_a_place_is_refused():
    with pytest.raises(ValueError, match="assets"):
        with_table("# Nothing here")
