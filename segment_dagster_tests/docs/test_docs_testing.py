"""The files that the page about testing shows, run as its reader does."""

import subprocess
import sys

import pytest

from segment_dagster_tests.docs.pages import BY_NAME

pytestmark = pytest.mark.slow

FILES = {
    block.kind.removeprefix("python "): block.code
    for block in BY_NAME["docs/testing.md"].blocks
    if block.kind.startswith("python")
}


@pytest.fixture
def project(tmp_path):
    """A directory with these files."""
    place = tmp_path / "project"
    place.mkdir()
    for name, code in FILES.items():
        (place / name).write_text(code, encoding="utf-8")
    return place


def run(project, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, capture_output=True, text=True, timeout=100, check=False
    )


def test_the_page_shows_no_other_python():
    assert set(FILES) == {
        *("conftest.py", "test_segment.py", "test_syncs.py", "test_planted.py", "test_warehouse.py"),
        "script.py",
    }


@pytest.mark.long
def test_the_tests_pass(project):
    ran = run(project, "-m", "pytest", "-q")
    assert "5 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_script_loads(project):
    ran = run(project, "script.py")
    assert ran.returncode == 0, ran.stderr
