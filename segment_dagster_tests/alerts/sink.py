"""A channel: an HTTP server that takes messages as apprise's `json://` sends them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Sink:
    """The messages that have come, and what is answered."""

    status: int = 200
    port: int = 0
    path: str = "/hooks/very-secret-token"
    messages: list[dict[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What apprise is given."""
        return f"json://operator:hunter-two-pass@127.0.0.1:{self.port}{self.path}"

    def new(self) -> list[str]:
        """Titles and bodies since the last call."""
        told = [f"{each['title']}\n{each['message']}" for each in self.messages]
        self.messages.clear()
        return told


@contextmanager
def sink() -> Iterator[Sink]:
    """Run a channel."""
    channel = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if channel.status == 200:
                channel.messages.append(message)
            self.send_response(channel.status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        channel.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield channel
        finally:
            server.shutdown()
            thread.join()
