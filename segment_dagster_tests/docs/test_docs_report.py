"""The page on querying: its report is an asset of the key that it names."""

import importlib.util

import dagster as dg

from segment_dagster_tests.docs.pages import BY_NAME


def test_the_code_of_the_report_makes_its_asset(tmp_path):
    code = next(block.code for block in BY_NAME["docs/querying.md"].blocks if "report_asset" in block.code)
    file = tmp_path / "report_of_the_page.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert dg.AssetKey(["segment", "report"]) in module.defs.resolve_asset_graph().get_all_asset_keys()
