"""The SQL with which the project loads Databricks, taken down by a driver that answers nothing: none can be run here.

`make databricks-sql` writes it to the folder `databricks`, for a person to review.
"""

import os
import re
import runpy
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from segment_dagster.emulator import World, running

REVIEWED = Path(__file__).parent / "databricks"
SCRIPT = Path(__file__).resolve().parents[2] / "segment_pipeline.py"
LEASE = "_segment_lock"
TABLES = ("labels", "audit_events", "sources", "sources_history", LEASE)
"""One that is replaced, one that is merged by its key, and one with its history; and the lease of the dataset."""

PREFIX = "DESTINATION__DATABRICKS__CREDENTIALS__"
SETTINGS: Mapping[str, str] = {
    "SEGMENT_DESTINATION": "databricks",
    "SEGMENT_HISTORY": "true",
    "SEGMENT_NOW": "2026-03-31T06:30:00+00:00",
    "SEGMENT_MINUTE_SECONDS": "0.05",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    f"{PREFIX}SERVER_HOSTNAME": "databricks.invalid",
    f"{PREFIX}HTTP_PATH": "/sql/1.0/warehouses/1",
    f"{PREFIX}ACCESS_TOKEN": "none",
    f"{PREFIX}CATALOG": "main",
}
_CHANGING = (
    (re.compile(r"'[^']*/(?:started_jobs|new_jobs)/(\w+?)\.\w+\.\d+\.parquet'"), r"'<directory>/\1.<file>.parquet'"),
    (re.compile(r"(?<=/)[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"(?<=\.)[0-9a-f]{10}(?=\.)"), "<file>"),
    (re.compile(r"(?:TIMESTAMP )?'\d{4}-\d\d-\d\d[T ][^']*'"), "<moment of the load>"),
)
"""What differs from load to load."""


class Recorder:
    """A connection of the driver, and its cursor: it takes statements down and finds nothing but who has the lease."""

    description: Sequence[Any] = ()
    rowcount = -1

    def __init__(self) -> None:
        self.statements: list[str] = []
        self._alone = threading.Lock()
        self._lease: Sequence[Any] = (None, None, 0, 0)

    def __call__(self, **parameters: Any) -> "Recorder":
        return self

    def cursor(self) -> "Recorder":
        return self

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *failure: object) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""

    def execute(self, statement: str, parameters: Any = None) -> None:
        with self._alone:
            self.statements.append(statement)
            if LEASE in statement and "`holder` = " in statement:
                self._lease = (*parameters, 0, 120)

    def fetchall(self) -> Sequence[Any]:
        return [self._lease] if LEASE in self.statements[-1] else []

    def fetchone(self) -> None:
        return None

    def fetchmany(self, size: int) -> Sequence[Any]:
        return []


def recorded() -> dict[str, str]:
    """What is said to Databricks in a first load, by table: its statements in their order, what differs left out."""
    recorder = Recorder()
    with _emulated(), patch("databricks.sql.connect", recorder), patch.object(sys, "argv", [str(SCRIPT), *TABLES[:3]]):
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as ended:
            # the checks find no table
            if ended.code != 1:
                raise
    written: dict[str, list[str]] = {table: [] for table in TABLES}
    # dlt's own tables are its own affair
    for text in map(_plain, recorder.statements):
        for table in TABLES:
            if re.search(rf"`segment_data(?:_staging)?`\.`{table}`|'<directory>/{table}\.", text):
                written[table].append(text)
    return {table: ";\n\n".join(texts) + ";\n" for table, texts in written.items()}


@contextmanager
def _emulated() -> Iterator[None]:
    """A workspace to read and an empty directory to work in."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as directory, running(world=World(1), minute=0.05) as emulator:
        address = {"SEGMENT_BASE_URL": emulator.url, "SEGMENT_API_TOKEN": emulator.token}
        with patch.dict(os.environ, {**SETTINGS, **address, "DLT_DATA_DIR": directory}):
            os.chdir(directory)
            try:
                yield
            finally:
                os.chdir(before)


def _plain(statement: str) -> str:
    for pattern, written in _CHANGING:
        statement = pattern.sub(written, statement)
    lines = (re.sub(" {2,}", " ", line.strip()) for line in statement.strip().rstrip(";").splitlines())
    return "\n".join(line for line in lines if line)


if __name__ == "__main__":
    REVIEWED.mkdir(exist_ok=True)
    for name, text in recorded().items():
        (REVIEWED / f"{name}.sql").write_text(text)
