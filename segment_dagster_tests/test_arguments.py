"""No token is among the arguments of a process, which every user of a machine can read.

The commands that start processes of their own are looked at where they are run: the demo and the UI, the webserver,
the job.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segment_dagster.emulator import running
from segment_dagster.emulator.server import DEFAULT_TOKEN

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[1]
TOKEN = "a-token-like-no-other-4711"
SCRIPT = str(REPOSITORY / "segment_pipeline.py")

STARTS = {
    "the command itself": "pass",
    "a Python": "subprocess.run([sys.executable, '-c', 'pass', sys.argv[1]])",
    "another program": "subprocess.run(['/bin/echo', sys.argv[1]])",
    "a shell": "os.system('echo ' + sys.argv[1])",
    "a grandchild": "subprocess.run([sys.executable, '-c', 'import os, sys; os.system(sys.argv[1])', sys.argv[1]])",
    "in its own place": "os.execv('/bin/echo', ['echo', sys.argv[1]])",
    "spawned": "os.posix_spawn('/bin/echo', ['echo', sys.argv[1]], os.environ)",
}


def run(*arguments, **settings):
    return subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **settings}, capture_output=True, text=True, timeout=100
    )


@pytest.mark.parametrize("case", STARTS)
def test_a_token_among_the_arguments_is_found(started, case):
    assert run("-c", f"import os, subprocess, sys\n{STARTS[case]}", TOKEN).returncode == 0
    assert started().count(TOKEN) > (case != "the command itself")


def test_the_environment_is_not_among_the_arguments(started):
    code = "import os, subprocess; subprocess.run(['/bin/echo'], env=os.environ)"
    assert run("-c", code, SEGMENT_API_TOKEN=TOKEN).returncode == 0
    assert "/bin/echo" in started() and TOKEN not in started()


@pytest.mark.parametrize("setting", ["SEGMENT_API_TOKEN", "SOURCES__SEGMENT_SOURCE__API_KEY"])
def test_the_script_has_no_token_among_arguments(world, started, setting):
    with running(world=world, token=TOKEN) as emulator:
        done = run(SCRIPT, "sources", SEGMENT_BASE_URL=emulator.url, **{setting: TOKEN})
    assert done.returncode == 0, done.stderr
    assert "segment_pipeline.py" in started()
    assert TOKEN not in started()


@pytest.mark.long
def test_a_full_read_has_no_token_among_arguments(started):
    done = run("-m", "segment_dagster.demo.full_read", "--only", "sources", SEGMENT_API_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert "segment_dagster.demo.full_read" in started()
    assert TOKEN not in started() and DEFAULT_TOKEN not in started()


def test_the_emulator_takes_its_token_from_the_environment(started):
    settings = {**os.environ, "SEGMENT_EMULATOR_TOKEN": TOKEN}
    command = [sys.executable, "-m", "segment_dagster.emulator", "--scale", "0"]
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout and "listening" in process.stdout.readline()
        finally:
            process.terminate()
    assert "segment_dagster.emulator" in started()
    assert TOKEN not in started()
