"""The snippet with `dlt_assets` is a code location that loads without a token, and whose assets hold all rows."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from segment_dagster_tests.docs.pages import BY_NAME

pytestmark = pytest.mark.slow


@pytest.fixture
def dagster():
    """Run one of Dagster's commands about assets, with the snippet as the code location; what it prints."""
    (code,) = [block.code for block in BY_NAME["docs/dlt-script.md"].blocks if "@dlt_assets" in block.code]
    Path("my_assets.py").write_text(code, encoding="utf-8")
    binary = Path(sys.executable).with_name("dagster")

    def run(command, *, without=()):
        ran = subprocess.run(
            [binary, "asset", command, "-f", "my_assets.py", "--select", "*"],
            env={name: value for name, value in os.environ.items() if name not in without},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


@pytest.mark.long
def test_the_assets_of_the_snippet_are_listed_without_a_token_and_loaded_with_one(dagster, emulator):
    listed = dagster("list", without=("SEGMENT_API_TOKEN", "SEGMENT_BASE_URL"))
    assert listed.split() == ["segment/destinations", "segment/sources"]
    assert emulator.stats.total == 0
    dagster("materialize")
    with duckdb.connect("my_assets.duckdb", read_only=True) as connection:
        for name in ("sources", "destinations"):
            found = connection.sql(f"SELECT id FROM segment_data.{name} ORDER BY id").fetchall()
            assert [id_ for (id_,) in found] == sorted(record["id"] for record in emulator.records(name))
    assert emulator.stats.by_endpoint == {"sources": 1, "destinations": 1}
