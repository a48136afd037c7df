"""How long every answer takes."""

from math import inf
from typing import Any


class Latency:
    """Seconds between a request and its answer. Safe to change from any thread.

    Args:
        seconds: 0 for as fast as can be.

    Raises:
        ValueError: It is not a number of seconds.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.set(seconds)

    def set(self, seconds: float) -> None:
        """Answer this late from now on.

        Raises:
            ValueError: It is not a number of seconds.
        """
        if not 0 <= seconds < inf:
            raise ValueError("latency must be a number of seconds, 0 or more")
        self.seconds = float(seconds)

    def to_json(self) -> dict[str, Any]:
        """The seconds, as `GET /_emulator/latency` gives them."""
        return {"seconds": self.seconds}
