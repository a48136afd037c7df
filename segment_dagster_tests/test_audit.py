"""`make audit`: what is said of what pip-audit answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "tools" / "audit.py"
SOUND = {"name": "orjson", "version": "3.11.0", "vulns": []}
FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["2.9", "3.0"], "aliases": [], "description": "Reads too far."}
UNFIXED = {**FLAW, "id": "PYSEC-2026-2", "fix_versions": []}
VULNERABLE = {"name": "urllib3", "version": "2.8.0", "vulns": [FLAW, UNFIXED]}
SKIPPED = {"name": "dlt", "skip_reason": "Dependency not found on PyPI and could not be audited: dlt (1.31.0)"}
ADVICE = "WARNING:pip_audit._cli:--no-deps is supported, but users are encouraged to fully hash their dependencies\n"
FATAL = "ERROR:pip_audit._cli:"
TIP = f"{FATAL}Tip: your network may be blocking this service. Try another service with `-s SERVICE`\n"
TRACE = f"{ADVICE}Traceback (most recent call last):\n  File ...\n"


@pytest.fixture
def audit(tmp_path):
    """Run the script with a pip-audit that ends, prints and complains as it is told."""

    def run(status, output, errors):
        command = tmp_path / "pip-audit"
        command.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f"sys.stdout.write({output!r})\nsys.stderr.write({errors!r})\nsys.exit({status})\n"
        )
        command.chmod(0o755)
        ran = subprocess.run(
            [sys.executable, SCRIPT, "pins.txt", "--pip-audit", command],
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return ran.returncode, ran.stdout, ran.stderr

    return run


def answer(*packages):
    return json.dumps({"dependencies": packages, "fixes": []})


def test_packages_without_a_flaw_pass(audit):
    assert audit(0, answer(SOUND, SOUND), ADVICE) == (
        0,
        "pins.txt: None of 2 packages has a known vulnerability.\n",
        "",
    )


def test_a_vulnerability_fails_with_a_line_each(audit):
    status, output, errors = audit(1, answer(SOUND, VULNERABLE, SKIPPED), "Found 2 known vulnerabilities\n")
    assert (status, output) == (1, "")
    assert errors.splitlines() == [
        "pins.txt: urllib3 2.8.0 is vulnerable: PYSEC-2026-1, fixed in 2.9, 3.0.",
        "pins.txt: urllib3 2.8.0 is vulnerable: PYSEC-2026-2, fixed in no version yet.",
    ]


@pytest.mark.parametrize(
    ("status", "errors", "reason"),
    [
        (1, f"{TRACE}requests.exceptions.ProxyError: no proxy\n", "requests.exceptions.ProxyError: no proxy"),
        (1, f"{TRACE}requests.exceptions.ConnectionError: no name\n", "requests.exceptions.ConnectionError: no name"),
        (1, f"{TRACE}requests.exceptions.ReadTimeout: slow\n", "requests.exceptions.ReadTimeout: slow"),
        (1, f"{TRACE}requests.exceptions.SSLError: whose?\n", "requests.exceptions.SSLError: whose?"),
        (1, f"{ADVICE}{FATAL}Could not connect to PyPI's vulnerability feed\n{TIP}", "Could not connect to PyPI's"),
        (1, f"{ADVICE}{FATAL}PyPI is not redirecting properly\n{TIP}", "PyPI is not redirecting properly"),
    ],
)
def test_a_service_out_of_reach_is_no_success_that_is_claimed(audit, status, errors, reason):
    status, output, errors = audit(status, "", errors)
    assert (status, errors) == (0, "")
    assert output.startswith(f"pins.txt: NOT LOOKED UP: pip-audit could not reach its vulnerability service: {reason}")
    assert output.count("\n") == 1


def test_a_service_that_knows_nothing_is_no_success_that_is_claimed(audit):
    status, output, errors = audit(0, answer(SKIPPED, SKIPPED), "No known vulnerabilities found\n")
    assert (status, errors) == (0, "")
    assert output.startswith("pins.txt: NOT LOOKED UP: ")
    assert "knows none of the 2 packages" in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("status", "output", "errors", "says"),
    [
        (0, answer(SOUND, SKIPPED), "", "The vulnerability service does not know of dlt."),
        (0, answer(), "", "pip-audit ended with status 0 and looked up 0 packages."),
        (2, answer(SOUND), "", "pip-audit ended with status 2 and looked up 1 packages."),
        (0, "", "", "pip-audit ended with status 0 and without an answer: it said nothing"),
        (0, "[]", "", "pip-audit ended with status 0 and without an answer: it said nothing"),
        (2, "", "pip-audit: error: unrecognized arguments: --pins\n", "unrecognized arguments: --pins"),
        (1, "", f"{ADVICE}{FATAL}invalid requirement\n   ^\n", "invalid requirement"),
        (1, "", f"{TRACE}pip_audit._service.interface.ServiceError\n", "ServiceError"),
        # the words alone are none of a connection's
        (1, "", f"{TRACE}KeyError: 'requests.exceptions.ConnectionError'\n", "'requests.exceptions.ConnectionError'"),
    ],
)
def test_what_is_broken_fails_in_a_line(audit, status, output, errors, says):
    status, output, errors = audit(status, output, errors)
    assert (status, output) == (1, "")
    assert errors.startswith("pins.txt: ")
    assert errors.endswith(f"{says}\n")
    assert errors.count("\n") == 1
