"""The recipes of the contributing guide do what they say."""

import importlib.util
from typing import Any

import dagster as dg
import pytest

from segment_dagster.assets import Check, asset_key, segment_assets
from segment_dagster.checks import standard_checks
from segment_dagster.config import DefinitionSettings
from segment_dagster.emulator import Edit
from segment_dagster.endpoints import CATALOGUE, Endpoint
from segment_dagster.endpoints.readme import asset_table
from segment_dagster_tests.docs.pages import BY_NAME

pytestmark = pytest.mark.slow

PAGE = BY_NAME["CONTRIBUTING.md"]
HEAD = """
import dagster as dg
from segment_dagster.assets import CheckContext, asset_key
from segment_dagster.checks.missing import no_table
from segment_dagster.checks.results import result_of
from segment_dagster.endpoints import Endpoint
from segment_dagster.endpoints.columns import V1, identifier, text
from segment_dagster.load.capabilities import Capabilities, Driver
"""
"""What the files that the recipes are for import already."""


def recipe(kind: str) -> str:
    """The code of a recipe."""
    (code,) = [block.code for block in PAGE.blocks if block.kind == f"python {kind}"]
    return code


@pytest.fixture
def module(tmp_path):
    """Make a module of a recipe, as the guide's reader does."""

    def imported(code: str) -> Any:
        path = tmp_path / "recipe.py"
        path.write_text(f"{HEAD}\n{code}", encoding="utf-8")
        spec = importlib.util.spec_from_file_location("recipe", path)
        assert spec is not None and spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    return imported


@pytest.fixture
def not_empty(module) -> Check:
    check: Check = module(recipe("check")).NotEmptyCheck()
    return check


def test_the_row_of_an_endpoint_makes_an_asset_with_checks_and_documentation(module):
    gadgets: Endpoint = module(f"row = {recipe('endpoint')}").row
    assets = segment_assets((CATALOGUE[0], gadgets), standard_checks(DefinitionSettings()), name="toys")
    assert asset_key("gadgets") in assets.keys
    names = {spec.name for spec in assets.check_specs if spec.asset_key == asset_key("gadgets")}
    assert names == {"row_count", "schema", "primary_key"}
    assert "| connections | `segment/gadgets` |" in asset_table([gadgets])


def test_the_line_of_a_destination_is_one_that_dlt_takes(module):
    import dlt

    (name, ours) = next(iter(module(f"rows = {{{recipe('destination')}}}").rows.items()))
    dlts = getattr(dlt.destinations, name)()._raw_capabilities()
    assert ours.loader_format in dlts.supported_loader_file_formats
    assert ours.replace_strategy in dlts.supported_replace_strategies
    assert ours.driver.extra == name


def evaluate(check: Check, *names: str) -> list[dg.AssetCheckEvaluation]:
    rows = {row.name: row for row in CATALOGUE}
    assets = segment_assets(tuple(rows[name] for name in ("workspace", *names)), (check,), name="toys")
    ran = dg.materialize([assets], raise_on_error=False)
    return list(ran.get_asset_check_evaluations())


def verdicts(found: list[dg.AssetCheckEvaluation]) -> dict[str, bool]:
    return {each.asset_key.path[-1]: each.passed for each in found}


def test_the_check_holds_of_tables_with_rows(not_empty, emulator):
    found = evaluate(not_empty, "transformations")
    assert verdicts(found) == {"workspace": True, "transformations": True}
    assert {each.check_name for each in found} == {"not_empty"}


def test_the_check_fires_where_the_list_is_empty(not_empty, emulator):
    emulator.edits.add(
        *(Edit("transformations", "delete", record["id"]) for record in emulator.records("transformations"))
    )
    assert verdicts(evaluate(not_empty, "transformations")) == {"workspace": True, "transformations": False}
