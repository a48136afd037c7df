"""A Docker daemon that starts nothing: it remembers which containers it was asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTAINER = "f" * 64


class FakeDocker(ThreadingHTTPServer):
    """The daemon, on a free port of this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.created: list[dict[str, Any]] = []
        self.started: list[str] = []
        self.gone = False

    @property
    def address(self) -> str:
        """What DOCKER_HOST is set to."""
        return f"tcp://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeDocker

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._answer(200, {"ApiVersion": "1.47", "Version": "27.0.0"})
        elif self.server.gone:
            self._answer(404, {"message": "No such container"})
        else:
            self._answer(200, {"Id": CONTAINER, "State": {"Status": "running"}, "Config": {}, "Image": ""})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.path.endswith("/containers/create"):
            self.server.created.append(json.loads(body))
            self._answer(201, {"Id": CONTAINER, "Warnings": []})
        else:
            self.server.started.append(self.path)
            self._answer(204, None)

    def _answer(self, status: int, content: Any) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def fake_docker() -> Iterator[FakeDocker]:
    """The daemon, while it is needed."""
    with FakeDocker() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
