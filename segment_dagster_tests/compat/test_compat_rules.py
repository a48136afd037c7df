"""What is private to another library stands in `segment_dagster/_compat` alone: ruff's rules refuse it elsewhere."""

import ast
import re
from importlib import import_module

import pytest

from segment_dagster_tests.test_safety import REPOSITORY, ruff

PRIVATE = {
    "TID251 of Dagster": "from dagster._core.definitions import AssetSpec\n\nAssetSpec(key)",
    "TID251 of Dagster's tools": "from dagster._utils import file_relative_path\n\nfile_relative_path(a, b)",
    "TID251 of Dagster, the module": "import dagster._core.errors\n\ndagster._core.errors.DagsterError",
    "TID251 of dlt": "from dlt._workspace import cli\n\ncli.main()",
    "TID251 of urllib3": "from urllib3.connection import HTTPConnection\n\nHTTPConnection(host)",
    "TID251 of urllib3's pools": "from urllib3.poolmanager import PoolManager\n\nPoolManager()",
    "TID251 of DuckDB": "import duckdb._version\n\nduckdb._version.version",
    "SLF001": "print(pipeline._state)",
    "SLF001 of a call": "client._get_information_schema_components()",
    "SLF001 of an assignment": "connection._sock = None",
}
ROOMS = ["client", "load", "extract", "assets", "demo"]
ENTRIES = sorted(path for path in (REPOSITORY / "segment_dagster/_compat").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("case", PRIVATE)
def test_what_is_private_is_refused_in_every_room(case, room):
    found, said = ruff("--stdin-filename", f"segment_dagster/{room}/made_up.py", "-", code=f"{PRIVATE[case]}\n")
    assert case.split()[0] in found, said


@pytest.mark.parametrize("case", PRIVATE)
def test_it_is_allowed_in_the_one_place_for_it(case):
    found, said = ruff("--stdin-filename", "segment_dagster/_compat/made_up.py", "-", code=f"{PRIVATE[case]}\n")
    assert case.split()[0] not in found, said


def test_no_comment_allows_a_private_attribute_elsewhere():
    found, said = ruff(
        "--ignore-noqa", "--select", "SLF001", "segment_dagster", "segment_pipeline.py", "bench", "tools"
    )
    assert not found, said


def test_every_entry_says_of_whom_it_knows_and_has_its_contract():
    assert ENTRIES
    for entry in ENTRIES:
        text = entry.read_text(encoding="utf-8")
        assert re.search(r"^Private to: \w+ .*\d+\.\d+", text, re.MULTILINE), f"{entry.name} names no version"
        assert re.search(r"^If it changes: ", text, re.MULTILINE), f"{entry.name} does not say what breaks"
        assert (REPOSITORY / f"segment_dagster_tests/compat/test_compat_{entry.name}").exists(), (
            f"{entry.name} has no contract"
        )


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.stem)
def test_what_an_entry_imports_is_there(entry):
    try:
        import_module(f"segment_dagster._compat.{entry.stem}")
    except ImportError as failure:
        _, _, breaks = (ast.get_docstring(ast.parse(entry.read_text(encoding="utf-8"))) or "").partition(
            "If it changes: "
        )
        pytest.fail(f"a library has changed: {failure}. {breaks.strip()} See {entry.relative_to(REPOSITORY)}.")


def test_no_method_of_another_library_is_replaced_elsewhere():
    replaced = [
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "segment_dagster").rglob("*.py")
        # mypy asks for this comment wherever a method is replaced
        if "type: ignore[method-assign]" in path.read_text(encoding="utf-8")
    ]
    assert [name for name in replaced if not name.startswith("segment_dagster/_compat/")] == []
    assert replaced, "the rule has nothing to find any more"
