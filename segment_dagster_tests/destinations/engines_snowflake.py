"""Snowflake, as far as fakesnow speaks it: its SQL on DuckDB."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segment_dagster_tests.destinations.engines import Settings, free_port
from segment_dagster_tests.destinations.processes import installed, listening

SERVER = Path(__file__).with_name("snowflake_server.py")


@contextmanager
def snowflake(directory: Path) -> Iterator[Settings]:
    """A server of fakesnow's, which dlt's statements reach in other words."""
    python, port = installed("fakesnow", "bin/python"), free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "TMPDIR": str(directory)}
    with listening([str(python), str(SERVER), str(port)], port, directory / "log", environment):
        address = f"loader:{secrets.token_hex(8)}@account/WAREHOUSE?host=127.0.0.1&port={port}&protocol=http"
        yield {"SEGMENT_DESTINATION": "snowflake", "DESTINATION__SNOWFLAKE__CREDENTIALS": f"snowflake://{address}"}
