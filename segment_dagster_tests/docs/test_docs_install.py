"""What the page about installing shows, run as its reader does."""

import runpy
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing.utils import create_defs_folder_sandbox

from segment_dagster import SegmentWorkspaceComponent
from segment_dagster_tests.docs.pages import BY_NAME

pytestmark = pytest.mark.slow

PAGE = BY_NAME["docs/install.md"]
FILES = {block.kind.split()[1]: block.code for block in PAGE.blocks if " " in block.kind}


def made(name: str) -> dict[str, Any]:
    """The names that a file of Python defines."""
    file = Path(name)
    file.write_text(FILES[name], encoding="utf-8")
    return runpy.run_path(str(file))


def keys(defs: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_all_asset_keys()}


def test_the_page_shows_these_files():
    assert set(FILES) == {"defs.yaml", "one.py", "below.py", "several.py", "custom.py"}


def test_the_component_loads():
    with create_defs_folder_sandbox() as project:
        project.scaffold_component(
            component_cls=SegmentWorkspaceComponent, defs_yaml_contents=yaml.safe_load(FILES["defs.yaml"])
        )
        with project.build_all_defs() as defs:
            assert {"prod/segment/sources", "prod/segment/segments", "prod/segment/changes"} <= keys(defs)
            assert "prod/segment/source_live_plugins" not in keys(defs)
            assert defs.get_job_def("prod_sync")


def test_every_attribute_of_the_component_is_described():
    for name in SegmentWorkspaceComponent.model_fields:
        assert f"| `{name}` |" in PAGE.text


def test_one_workspace_loads_in_python():
    defs = made("one.py")["defs"]
    assert {"segment/sources", "segment/segments"} <= keys(defs) and "segment/spaces" not in keys(defs)


def test_an_asset_of_the_reader_is_below_a_table():
    defs = dg.Definitions.merge(made("one.py")["defs"], dg.Definitions([made("below.py")["report"]]))
    above = defs.resolve_asset_graph().get(dg.AssetKey("report")).parent_keys
    assert above == {dg.AssetKey(["segment", "sources"])} <= set(defs.resolve_all_asset_keys())


def test_several_workspaces_load_in_python():
    defs = made("several.py")["defs"]
    assert {"prod/segment/sources", "dev/segment/sources"} <= keys(defs)
    assert {"prod_sync", "dev_sync"} <= {job.name for job in defs.get_repository_def().get_all_jobs()}


def test_a_component_of_ones_own_decides_keys_and_tags():
    component = made("custom.py")["MyWorkspace"](name="mine")
    defs = component.build_defs(dg.ComponentTree.for_test().load_context)
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert "raw/segment_sources" in specs
    assert specs["raw/segment_usage_mtu_daily"].tags["team"] == "finance"


def test_the_scaffold_writes_a_file_that_loads():
    with create_defs_folder_sandbox() as project:
        place = project.scaffold_component(component_cls=SegmentWorkspaceComponent, defs_path="prod")
        written = yaml.safe_load((place / "defs.yaml").read_text(encoding="utf-8"))
        assert written["attributes"]["workspace"] == {"token_env": "PROD_SEGMENT_TOKEN"}
        with project.build_all_defs() as defs:
            assert defs.resolve_job_def("prod_sync")
