"""Nothing that runs data as code, and no shell: ruff's rules refuse it in every room, and nothing asks them not to."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
RULES = "S102,S301,S302,S307,S506,S602,S604,S605,S606,S607"
"""exec, pickle and its like, marshal, eval, yaml.load, shells, processes that the PATH finds."""

UNSAFE = {
    "S102": "exec(text)",
    "S301": "import pickle\n\npickle.loads(data)",
    "S301 of a file": "from pickle import load as read\n\nread(file)",
    "S301 of a shelf": "import shelve\n\nshelve.open(text)",
    "S302": "import marshal\n\nmarshal.loads(data)",
    "S307": "eval(text)",
    "S506": "import yaml\n\nyaml.load(text)",
    "S602": "import subprocess\n\nsubprocess.run(text, shell=True)",
    "S602 of Popen": "from subprocess import Popen\n\nPopen(text, shell=True)",
    "S604": "start(text, shell=True)",
    "S605": "import os\n\nos.system(text)",
    "S605 of popen": "import os\n\nos.popen(text)",
    "S605 of getoutput": "import subprocess\n\nsubprocess.getoutput(text)",
    "S606": "import os\n\nos.execv(text, [text])",
    "S607": 'import subprocess\n\nsubprocess.run(["dagster", text])',
}
ROOMS = [
    "segment_dagster/client/made_up.py",
    "segment_dagster/demo/made_up.py",
    "segment_dagster/emulator/made_up.py",
    "segment_dagster_tests/client/test_made_up.py",
    "bench/made_up.py",
    "tools/made_up.py",
    "segment_pipeline.py",
]


def ruff(*arguments, code=None):
    """What `ruff check` with the project's own configuration finds: `{"S307"}`, and all that it says."""
    # beside the interpreter, as `make check` runs it
    command = [Path(sys.executable).with_name("ruff"), "check", "--no-cache", "--output-format", "concise", *arguments]
    ran = subprocess.run(command, cwd=REPOSITORY, input=code, capture_output=True, text=True, timeout=60)
    assert ran.returncode in (0, 1), ran.stderr
    return {line.split(": ", 1)[1].split()[0] for line in ran.stdout.splitlines() if ".py:" in line}, ran.stdout


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("case", UNSAFE)
def test_data_that_is_run_is_refused_in_every_room(case, room):
    found, said = ruff("--stdin-filename", room, "-", code=f"{UNSAFE[case]}\n")
    assert case.split()[0] in found, said


def test_every_rule_has_its_proof():
    assert {case.split()[0] for case in UNSAFE} == set(RULES.split(","))


def test_nothing_runs_data_even_where_a_comment_allows_it():
    found, said = ruff("--ignore-noqa", "--select", RULES, ".")
    assert not found, said


def test_a_comment_that_allows_it_is_found():
    code = "eval(text)  # noqa: S307\n"
    assert "S307" not in ruff("--stdin-filename", ROOMS[0], "-", code=code)[0]
    assert "S307" in ruff("--ignore-noqa", "--select", RULES, "--stdin-filename", ROOMS[0], "-", code=code)[0]
