"""Workflows, hooks and the changelog name what is there."""

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

import segment_dagster

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
CHECK = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = {"actions/checkout", "actions/setup-python"}
"""What puts the code and a Python there."""

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
_COMMAND = re.compile(r"make ([a-z][a-z-]*) PYTHON=python")


def jobs(workflow: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow)["jobs"]
    return list(found.values())


def commands(job: dict[str, Any]) -> list[str]:
    """What a job runs, once for each combination of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    filled = []
    for values in product(*matrix.values()):
        for step in job["steps"]:
            command = step.get("run", "")
            for name, value in zip(matrix, values, strict=True):
                command = command.replace(f"${{{{ matrix.{name} }}}}", value)
            filled.append(command)
    return [command for command in filled if command]


def wrong(workflow: str) -> list[str]:
    """What a workflow runs or uses that is no target of the Makefile's and none of the actions."""
    found = []
    for job in jobs(workflow):
        for command in commands(job):
            known = _COMMAND.fullmatch(command)
            if known is None or known[1] not in TARGETS:
                found.append(command)
        used = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
        found += [action for action in used if action not in ACTIONS]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_targets_of_the_makefile_and_nothing_else(path):
    text = path.read_text(encoding="utf-8")
    assert wrong(text) == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert all(commands(job) and job["timeout-minutes"] for job in jobs(text))


def test_what_is_no_target_is_found():
    workflow = """
jobs:
  a:
    strategy: {matrix: {target: [check, nothing]}}
    steps:
      - uses: someone/else@v1
      - run: make ${{ matrix.target }} PYTHON=python
      - run: pip install x
"""
    assert wrong(workflow) == ["pip install x", "make nothing PYTHON=python", "pip install x", "someone/else"]


def test_the_suite_runs_on_every_python_that_the_project_names():
    (workflow,) = [path for path in WORKFLOWS if path.name == "ci.yml"]
    lint, test = jobs(workflow.read_text(encoding="utf-8"))
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    assert test["strategy"]["matrix"]["python"] == named
    assert f'requires-python = ">={named[0]},<3.{int(named[-1].partition(".")[2]) + 1}"' in PROJECT
    assert commands(lint) == ["make check PYTHON=python"]
    assert set(commands(test)) == {"make test PYTHON=python"}


def test_the_nightly_run_is_of_what_takes_long():
    (workflow,) = [path for path in WORKFLOWS if path.name == "nightly.yml"]
    (job,) = jobs(workflow.read_text(encoding="utf-8"))
    assert {"chaos", "test-latest", "test-destinations"} <= set(job["strategy"]["matrix"]["target"])


def test_hooks_are_the_commands_of_make_check():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    entries = [[*hook["entry"].split(), ""] for hook in repository["hooks"]]
    assert {target for first, target, *_ in entries if first == "make"} <= TARGETS
    assert CHECK is not None
    checked = {line.split()[0].rpartition("/")[2] for line in CHECK[1].splitlines()}
    assert {Path(first).name for first, *_ in entries if first != "make"} == checked


def test_the_changelog_begins_with_what_is_unreleased_and_then_the_version():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(segment_dagster.__version__)} - \d{{4}}-\d{{2}}-\d{{2}}", headings[1])


def test_the_version_has_one_source():
    assert 'dynamic = ["version"]' in PROJECT
    assert not re.search(r"^version = \"", PROJECT, re.MULTILINE)


def test_files_keep_to_the_editors_settings():
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.yml"), ROOT / "Makefile"]
    for file in files:
        text = file.read_bytes()
        assert text.endswith(b"\n") and not text.endswith(b"\n\n") and b"\r" not in text, file.name
        assert not re.search(rb"[ \t]$", text, re.MULTILINE), file.name
