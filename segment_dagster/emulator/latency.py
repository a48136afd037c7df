"""The delay of every response."""

from math import inf
from typing import Any


class Latency:
    """A delay between request and response. Safe to change from any thread.

    Args:
        seconds: The delay, 0 for none.

    Raises:
        ValueError: It is negative or not finite.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.set(seconds)

    def set(self, seconds: float) -> None:
        """Set the delay.

        Raises:
            ValueError: It is negative or not finite.
        """
        if not 0 <= seconds < inf:
            raise ValueError("latency must be a number of seconds, 0 or more")
        self.seconds = float(seconds)

    def to_json(self) -> dict[str, Any]:
        """Return the body of `GET /_emulator/latency`."""
        return {"seconds": self.seconds}
