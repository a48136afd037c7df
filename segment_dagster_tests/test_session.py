"""The session of the tests itself."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_what_the_tests_start_can_be_interrupted():
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def test_it_can_be_where_the_tests_run_in_the_background(pytestconfig):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "interrupted", __file__]
    ran = subprocess.run(
        # as a shell starts what is to run there
        ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
