"""A client of the shared emulator, and a local API that answers what a test writes down."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from segment_dagster.client import SegmentClient
from segment_dagster.config import ApiSettings


@dataclass(frozen=True)
class Reply:
    """One answer."""

    body: Any = None
    """Bytes as they are, everything else as JSON."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scripted:
    """A local API that gives its answers in turn, the last one for ever."""

    url: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path with query, and headers, of every request."""

    at: list[float] = field(default_factory=list)
    """When each arrived, in seconds."""


@contextmanager
def _scripted(replies: tuple[Reply, ...]) -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # head and body are two packets, of which the second would come 40 ms late
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            api.at.append(time.monotonic())
            api.asked.append((self.path, dict(self.headers.items())))
            reply = replies[min(len(api.asked), len(replies)) - 1]
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = Scripted(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Starts a local API with these answers: `Reply`s, or bodies."""
    with ExitStack() as stack:

        def start(*replies: Any) -> Scripted:
            each = tuple(reply if isinstance(reply, Reply) else Reply(reply) for reply in replies)
            return stack.enter_context(_scripted(each))

        yield start


@pytest.fixture
def reply() -> type[Reply]:
    """The class of an answer that is more than a body."""
    return Reply


@pytest.fixture
def client_of() -> Iterator[Callable[..., SegmentClient]]:
    """Makes a client of an address."""
    with ExitStack() as stack:

        def make(url: str, **settings: Any) -> SegmentClient:
            token = settings.pop("token", "a-token-of-mine")
            return stack.enter_context(SegmentClient(ApiSettings(token=token, base_url=url, **settings)))

        yield make


@pytest.fixture
def settings(emulator: Any) -> ApiSettings:
    """Settings that lead to the emulator."""
    return ApiSettings()


@pytest.fixture
def client(settings: ApiSettings) -> Iterator[SegmentClient]:
    """A client of the emulator."""
    with SegmentClient(settings) as client:
        yield client
