"""Every command, path and name that the documentation shows exists."""

import ast
import importlib
import inspect
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points, metadata
from importlib.util import find_spec

import pytest

from segment_dagster.assets import metadata as asset_metadata
from segment_dagster.checks import standard_checks
from segment_dagster.config import DefinitionSettings
from segment_dagster.definitions import defs
from segment_dagster.endpoints import TABLES
from segment_dagster.marts.models import MARTS
from segment_dagster.report import NAME as REPORT
from segment_dagster.syncs import events as sync_events
from segment_dagster.syncs.reverse_etl import specs as model_specs
from segment_dagster_tests.docs.pages import PAGES, ROOT, Page

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
SCRIPTS = {script.name for script in entry_points(group="console_scripts")} | {"python", "activate"}
SHELL = {".", "cd", "dg", "docker", "export", "git", "helm", "install", "kubectl", "make", "mv", "pip", "python", "dlt"}
"""Commands that a block may begin with, besides those of .venv."""

EXTRAS = set(metadata("segment_dagster").get_all("Provides-Extra") or ())
ROOMS = {path.name for path in ROOT.iterdir() if path.name != ".venv"}
_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
_MODULE = re.compile(r"python -m ([\w.]+)")
_IN_VENV = re.compile(r"\.venv/bin/([\w-]+)")
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|md|toml|yaml|txt)")
_OUR_NAME = re.compile(r"\bsegment_(?:\w+_)?(?:sync|daily|hourly|weekly|monthly|sensor)\b")
_EXTRA = re.compile(r"(?:segment_dagster|whl\)?|\.)\[([\w,-]+)\]")
OURS_AT_RUN_TIME = {"segment.duckdb", ".demo/segment.duckdb", ".dlt/secrets.toml", "dagster.yaml", "secrets.toml"}
"""Files that a run makes, or a user."""


def shown(page: Page) -> list[str]:
    """All code of a page: spans, and lines of blocks."""
    return [*page.spans, *(line for block in page.blocks for line in block.code.splitlines())]


def wrong(page: Page) -> list[str]:
    """Commands, modules, paths and extras of a page that do not exist."""
    found = []
    for code in shown(page):
        found += [f"make {name}" for name in _MAKE.findall(code) if name not in TARGETS]
        found += [name for name in _IN_VENV.findall(code) if name not in SCRIPTS]
        found += [name for name in _MODULE.findall(code) if not _is_module(name)]
        found += [f"[{name}]" for names in _EXTRA.findall(code) for name in names.split(",") if name not in EXTRAS]
    for span in page.spans:
        # others are paths of the API, keys of assets, names of settings
        ours = span.partition("/")[0] in ROOMS or span.endswith((".py", ".toml", ".yaml"))
        if ours and _FILE.fullmatch(span) and span not in OURS_AT_RUN_TIME and not _exists(span.rstrip("/")):
            found.append(span)
    return found


def _is_module(name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and (spec.submodule_search_locations is None or find_spec(f"{name}.__main__") is not None)


def _exists(place: str) -> bool:
    return any((ROOT / room / place).exists() for room in (".", "bench", "deploy", "segment_dagster_tests/facts"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_modules_paths_and_extras_exist(page):
    assert wrong(page) == []


def test_what_does_not_exist_is_found():
    text = (
        "`make nothing` `make demo` `.venv/bin/nobody` `python -m segment_dagster.nowhere`"
        " `python -m segment_dagster.text` `segment_dagster/nowhere.py`"
        " `segment_dagster/endpoints/` `segment_dagster[nothing,postgres]` `nowhere.py`"
        " `python -m segment_dagster.extract`\n```sh\nmake never\n```\n"
    )
    assert wrong(Page(ROOT / "made-up.md", text)) == [
        "make nothing",
        "nobody",
        "segment_dagster.nowhere",
        "[nothing]",
        "segment_dagster.extract",
        "make never",
        "segment_dagster/nowhere.py",
        "nowhere.py",
    ]


@pytest.fixture(scope="module")
def names():
    """Jobs, schedules, sensors and assets of the code location."""
    repository = defs().get_repository_def()
    own = {job.name for job in repository.get_all_jobs()}
    own |= {schedule.name for schedule in repository.schedule_defs} | {sensor.name for sensor in repository.sensor_defs}
    return own


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_jobs_schedules_and_the_sensor_exist(page, names):
    assert {name for name in _OUR_NAME.findall(page.text) if name not in names} == set()


def test_every_job_and_schedule_is_described(names):
    (page,) = [page for page in PAGES if page.name == "docs/jobs.md"]
    assert {name for name in names if name.startswith("segment_") and f"`{name}`" not in page.text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_assets_and_metadata_exist(page):
    known = {endpoint.name for endpoint in TABLES} | {mart.name for mart in MARTS} | {"changes", REPORT, "<name>"}
    known |= {
        value.partition("/")[2]
        for module in (asset_metadata, sync_events, model_specs)
        for value in vars(module).values()
        if isinstance(value, str) and value.startswith("segment/")
    }
    # also in blocks: `deps=["segment/sources"]`
    named = re.findall(r"[\"`]segment/([\w<>]+)[\"`]", page.text)
    assert {name for name in named if name not in known} == set()


def test_every_check_is_described():
    (page,) = [page for page in PAGES if page.name == "docs/checks.md"]
    rows = re.findall(r"^\| `(\w+)` \|", page.text, re.MULTILINE)
    assert sorted(rows) == sorted(check.name for check in standard_checks(DefinitionSettings(history=True)))


SHELL_BLOCKS = [
    pytest.param(block.code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(page.blocks)
    if block.kind == "sh"
]


@pytest.mark.parametrize("code", SHELL_BLOCKS)
def test_blocks_are_commands_that_a_shell_takes(code):
    checked = subprocess.run(["/bin/sh", "-n"], input=code, capture_output=True, text=True, check=False)
    assert checked.stderr == ""
    for words in _commands(code):
        assert words[0].startswith(".venv/bin/") or words[0] in SHELL


def _commands(code: str) -> list[list[str]]:
    """The words of each command. What stands in quotes may go on for lines."""
    commands, waiting = [], ""
    for line in code.splitlines():
        waiting += f"{line}\n"
        try:
            words = shlex.split(waiting, comments=True)
        except ValueError:
            continue
        waiting = ""
        if words:
            commands.append(words)
    assert not waiting.strip()
    return commands


@pytest.mark.parametrize("code", SHELL_BLOCKS)
def test_options_and_endpoints_of_the_script_exist(code):
    options = set(re.findall(r"\"(--\w+)\"", (ROOT / "segment_pipeline.py").read_text(encoding="utf-8")))
    for words in _commands(code):
        if "segment_pipeline.py" in words:
            given = words[words.index("segment_pipeline.py") + 1 :]
            assert {word for word in given if word.startswith("--")} <= options
            plain = {word for word in given if re.fullmatch(r"[a-z_]+", word)}
            assert plain <= {endpoint.name for endpoint in TABLES}


PYTHON_BLOCKS = [
    pytest.param(block.code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(page.blocks)
    if block.kind == "python"
]


@pytest.mark.parametrize("code", PYTHON_BLOCKS)
def test_python_is_python_and_its_imports_are_there(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


CALLS = re.compile(r"\b(segment_source|SegmentResource)\(([^`]*?)\)`?")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_arguments_of_our_own_calls_exist(page):
    for name, arguments in CALLS.findall(page.text):
        given = set(re.findall(r"(\w+)=", arguments))
        assert given <= _parameters(name), f"{name}({arguments})"


def _parameters(name: str) -> set[str]:
    if name == "segment_source":
        from segment_dagster.extract.resources import segment_source

        return set(inspect.signature(inspect.unwrap(segment_source)).parameters)
    from segment_dagster.assets import SegmentResource

    return set(SegmentResource.model_fields)


def test_a_wrong_argument_is_found():
    assert "jsonl" in _parameters("segment_source")
    assert "lines" not in _parameters("segment_source")
    assert "token" in _parameters("SegmentResource")


def test_fields_of_the_resource_are_those_that_the_page_names():
    (page,) = [page for page in PAGES if page.name == "docs/settings.md"]
    listed = re.search(r"Its fields are (.*?)\. Its\s+method", page.text, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == _parameters("SegmentResource")


def python_of(name: str, number: int = 0) -> str:
    """A block of Python of a page."""
    (page,) = [page for page in PAGES if page.name == name]
    return [block.code for block in page.blocks if block.kind == "python"][number]


def test_the_script_of_ones_own_loads_and_the_queries_answer(emulator):
    subprocess.run([sys.executable, "-c", python_of("docs/dlt-script.md")], check=True, timeout=90)
    queries = python_of("docs/querying.md").replace("segment_pipeline", "my_pipeline")
    # the script has loaded two tables, and `segments` is none of them
    asked = queries.replace("audience_type, count(*) FROM segments", "enabled, count(*) FROM destinations")
    code = f"{asked}\nprint(dataset.destinations.arrow().num_rows)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert int(ran.stdout) == len(emulator.records("destinations"))
