"""Which tests of destinations there are, and the script as they run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segment_dagster_tests.destinations.engines import FURTHER

# they need what `make test-destinations` installs
collect_ignore = [] if FURTHER else ["test_databricks.py", "test_said_further.py"]

SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"

HIDING = """
import runpy, sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Python as it is where modules are not installed."""


@pytest.fixture
def script(emulator):
    """Run the script where modules are not installed; its exit status and what it said."""

    def run(*mask_secrets, **settings):
        command = [sys.executable, "-c", HIDING, ",".join(mask_secrets) or "nothing_of_the_kind", str(SCRIPT), "labels"]
        environment = os.environ | settings
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
        assert ran.stdout == ""
        return ran.returncode, ran.stderr

    return run
