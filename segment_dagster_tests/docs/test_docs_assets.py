"""What the page about assets shows, run as its reader does."""

import runpy
from pathlib import Path

import dagster as dg

from segment_dagster.definitions import defs
from segment_dagster_tests.docs.pages import BY_NAME


def test_the_asset_that_runs_on_change_is_below_a_table():
    (code,) = (block.code for block in BY_NAME["docs/assets.md"].blocks if block.kind == "python report.py")
    Path("report.py").write_text(code, encoding="utf-8")
    merged = dg.Definitions.merge(defs(), dg.Definitions([runpy.run_path("report.py")["report"]]))
    (above,) = merged.resolve_asset_graph().get(dg.AssetKey("report")).parent_keys
    assert above in defs().resolve_all_asset_keys()
