"""What the page about dltHub says of dlt's commands is true of the dlt that is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def dlt(tmp_path):
    """Run one of dlt's commands in an empty directory; what it prints."""

    def run(command, *arguments):
        path = Path(sys.executable).with_name(command)
        ran = subprocess.run(
            [path, *arguments], env=os.environ, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
        )
        return ran.stdout + ran.stderr

    return run


@pytest.mark.long
def test_the_assistants_commands_have_moved(dlt):
    assert "moved to dlthub, pip install dlt[hub]" in dlt("dlt", "ai", "init")
    said = dlt("dlthub", "ai", "--help")
    assert "init" in said and "toolkit" in said
    assert "install" in dlt("dlthub", "ai", "toolkit", "--help")


@pytest.mark.long
def test_commands_of_the_pipeline_are_there(dlt):
    said = dlt("dlt", "pipeline", "--help")
    assert "info" in said and "show" in said
    assert "init" in dlt("dlt", "--help")


@pytest.mark.long
def test_the_dashboard_asks_for_an_extra(dlt):
    assert "dlt[hub]" in dlt("dlt", "pipeline", "segment_pipeline", "show")


@pytest.mark.long
def test_a_source_of_dlthubs_is_deprecated_and_writes_a_script_of_the_name_of_ours(dlt, tmp_path):
    said = dlt("dlt", "--non-interactive", "init", "dlthub:segment", "duckdb")
    assert "deprecated" in said
    assert (tmp_path / "segment_pipeline.py").exists()
