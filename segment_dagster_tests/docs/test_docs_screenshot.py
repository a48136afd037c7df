"""The script that takes the picture of the lineage; the UI and the browser themselves are not started here."""

import os
import subprocess
import sys

import pytest

from segment_dagster_tests.docs.pages import ROOT
from tools.screenshot import MAX_BYTES, address_in, problem_of, take_picture

SCRIPT = ROOT / "tools" / "screenshot.py"


def test_without_a_browser_it_says_which_it_looks_for(tmp_path):
    env = os.environ | {"PATH": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, SCRIPT, "x.png"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: none of chromium, ")
    assert ran.stderr.endswith("Install one, or name it: --browser\n")


def test_the_address_is_that_which_dagster_prints():
    lines = iter(["starting", "INFO - Serving dagster-webserver on http://127.0.0.1:3001 in process 7", "more"])
    assert address_in(lines) == "http://127.0.0.1:3001"
    assert list(lines) == ["more"]
    with pytest.raises(RuntimeError, match="run `make dev` to see why"):
        address_in(["starting", "ended"])


def test_the_browser_is_sent_to_the_lineage_with_a_group_open(tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f"#!{sys.executable}\nimport sys\nopen({str(tmp_path / 'asked')!r}, 'w').write(sys.argv[-1])\n")
    browser.chmod(0o755)
    take_picture(str(browser), "http://127.0.0.1:3000", tmp_path / "x.png", tmp_path / "profile")
    asked = (tmp_path / "asked").read_text()
    assert asked == "http://127.0.0.1:3000/asset-groups?expanded=global%40global%3Afunctions"
    assert problem_of(tmp_path / "x.png") == "the browser wrote no PNG to x.png"


def test_a_picture_that_is_too_large_is_refused(tmp_path):
    picture = tmp_path / "x.png"
    picture.write_bytes(b"\x89PNG" + bytes(10))
    assert problem_of(picture) is None
    picture.write_bytes(b"\x89PNG" + bytes(MAX_BYTES))
    assert "300004 bytes, more than 300000" in str(problem_of(picture))
