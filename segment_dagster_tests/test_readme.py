from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster.components.testing.utils import create_defs_folder_sandbox

from segment_dagster import SegmentWorkspaceComponent
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.endpoints.readme import with_table
from segment_dagster_tests.docs.pages import BY_NAME

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "assets.md").read_text(encoding="utf-8")


def test_table_of_assets_is_that_of_the_rows():
    assert with_table(PAGE) == PAGE, "stale: run `make readme`"


def test_changed_row_changes_the_table():
    changed = (*CATALOGUE[1:], replace(CATALOGUE[0], description="Something else."))
    assert "Something else." in with_table(PAGE, changed)


def test_text_without_a_place_is_refused():
    with pytest.raises(ValueError, match="assets"):
        with_table("# Nothing here")


def test_the_readme_is_short_and_has_one_picture():
    assert len(README.splitlines()) <= 150
    assert README.count("![") == 1


def test_the_component_of_the_readme_loads():
    (code,) = (block.code for block in BY_NAME["README.md"].blocks if block.kind == "yaml")
    with create_defs_folder_sandbox() as project:
        project.scaffold_component(component_cls=SegmentWorkspaceComponent, defs_yaml_contents=yaml.safe_load(code))
        with project.build_all_defs() as defs:
            assert dg.AssetKey(["segment", "sources"]) in defs.resolve_all_asset_keys()


def test_the_readme_says_that_no_licence_is_chosen_while_there_is_none():
    has_one = any(ROOT.glob("LICEN[CS]E*"))
    assert has_one != ("None is chosen yet." in README)
