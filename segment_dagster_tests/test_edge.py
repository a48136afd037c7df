"""Settings and the present are read at the edge of the project alone, and passed from there."""

import re

import pytest

from segment_dagster_tests.test_safety import REPOSITORY, ruff

READS = {
    "the environment": "import os\n\nos.environ['SEGMENT_REGION']",
    "a variable": "import os\n\nos.getenv('SEGMENT_REGION')",
    "the present": "from datetime import datetime, timezone\n\ndatetime.now(timezone.utc)",
    "the day": "from datetime import date\n\ndate.today()",
    "the clock": "import time\n\ntime.time()",
    "dlt's settings": "import dlt\n\ndlt.config['runtime.log_level']",
    "dlt's secrets": "import dlt\n\ndlt.secrets['sources.segment_source.api_key']",
}
ROOMS = ["client", "redaction", "extract", "load", "assets", "checks", "marts", "automation", "report"]
EDGES = {
    "segment_dagster/config/clock.py",
    "segment_dagster/config/dlt_runtime.py",
    "segment_dagster/config/network.py",
    "segment_dagster/config/source.py",
    # dlt takes these of its settings in no other way
    "segment_dagster/load/dlt_settings.py",
    # the default of an argument, which dlt fills in
    "segment_dagster/extract/resources.py",
    "segment_dagster/migrate/__main__.py",
}
"""The files that read them; besides these, the demo's commands and the emulator, which has a clock of its own."""


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("read", READS)
def test_a_read_in_a_room_is_refused(read, room):
    found, said = ruff("--stdin-filename", f"segment_dagster/{room}/made_up.py", "-", code=f"{READS[read]}\n")
    assert "TID251" in found, said


def test_no_comment_allows_one_elsewhere():
    reading = re.compile(r"\bos\.(environ|getenv)\b|\bdatetime\.now\(|\btime\.time\(|\bdlt\.(config|secrets)\b(?!`)")
    reads = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "segment_dagster").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if reading.search(line) and not line.lstrip().startswith("#")
    }
    assert {
        path for path in reads if not path.startswith(("segment_dagster/demo/", "segment_dagster/emulator/"))
    } == EDGES
