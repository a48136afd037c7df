"""The fixture for users' tests, run as a user does: pytest in a directory of their own."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CONFTEST = "from segment_dagster.testing import segment_emulator"

TESTS = """
import threading

import pytest
from dlt.sources.helpers import requests
from segment_dagster.testing import Emulator, Fault

ADDRESSES = []


def get(emulator, path):
    headers = {"Authorization": f"Bearer {emulator.token}"}
    return requests.Client(raise_for_status=False, request_max_attempts=1).get(emulator.url + path, headers=headers)


@pytest.mark.parametrize("number", [1, 2])
def test_each_test_has_its_own_without_the_faults_of_another(segment_emulator, number):
    assert isinstance(segment_emulator, Emulator)
    assert segment_emulator.faults.active == [] and segment_emulator.stats.total == 0
    ADDRESSES.append(segment_emulator.url)
    assert get(segment_emulator, "/labels").status_code == 200
    segment_emulator.faults.add(Fault("forbidden", "labels", times=1))
    assert [get(segment_emulator, "/labels").status_code for _ in range(2)] == [403, 200]
    assert segment_emulator.faults.struck == {"forbidden": 1}
    assert segment_emulator.stats.by_status == {200: 2, 403: 1}


def test_none_runs_after_its_test():
    assert len(ADDRESSES) == 2
    assert [thread.name for thread in threading.enumerate() if thread.name == "segment-emulator"] == []
    for address in ADDRESSES:
        with pytest.raises(requests.ConnectionError):
            requests.Client(request_max_attempts=1).get(address)


def test_a_load_fails_by_a_fault(segment_emulator, tmp_path):
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed
    from segment_dagster.extract import segment_source

    segment_emulator.faults.add(Fault("forbidden", "labels"))
    source = segment_source(api_key=segment_emulator.token, base_url=segment_emulator.url, endpoints=["labels"])
    pipeline = dlt.pipeline("users_own", destination="duckdb", pipelines_dir=str(tmp_path))
    with pytest.raises(PipelineStepFailed, match="labels"):
        pipeline.run(source, loader_file_format="parquet")
"""


@pytest.fixture
def python(tmp_path):
    """Run Python in a directory of its own."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "conftest.py").write_text(CONFTEST)
    (place / "test_own.py").write_text(TESTS)

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=100, check=False)

    return run


def test_a_users_tests_get_an_api_each_and_make_faults(python):
    ran = python("-m", "pytest", "-q")
    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_module_is_a_plugin_too(python):
    ran = python("-m", "pytest", "--noconftest", "-p", "segment_dagster.testing", "--fixtures", "test_own.py")
    assert "segment_emulator" in ran.stdout, ran.stdout + ran.stderr


WITHOUT_PYTEST = "import sys; sys.modules['pytest'] = None"
"""As if it were not installed: a module that is None cannot be imported."""


def test_without_pytest_the_context_manager_runs(python):
    code = f"""{WITHOUT_PYTEST}
import segment_dagster.testing
from segment_dagster.testing import Fault, run_emulator
with run_emulator(faults=[Fault("500", "labels")]) as emulator:
    print(emulator.url, [fault.kind for fault in emulator.faults.active])
assert not hasattr(segment_dagster.testing, "nothing")
"""
    ran = python("-c", code)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("http://127.0.0.1:") and ran.stdout.endswith(" ['500']\n")


def test_without_pytest_the_fixture_says_what_to_install(python):
    ran = python("-c", f"{WITHOUT_PYTEST}\nfrom segment_dagster.testing import segment_emulator")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        "ImportError: segment_emulator is a pytest fixture, and pytest is not installed. "
        "Install it: pip install pytest. Without pytest, use run_emulator."
    )
    assert ran.stderr.count("Error: ") == 1


def test_nothing_is_written_twice():
    from segment_dagster import emulator, testing

    assert testing.run_emulator is emulator.running
