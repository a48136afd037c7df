"""Counts of requests and of seconds waited."""

import threading
from dataclasses import dataclass, field


@dataclass
class Meter:
    """Counts what an endpoint costs. Threads may share one."""

    requests: int = 0
    """HTTP requests sent, repeated ones included."""

    waited: float = 0.0
    """Seconds spent waiting for the budget or before a repeated request, added up over threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, requests: int = 0, waited: float = 0.0) -> None:
        """Add to the counts."""
        with self._lock:
            self.requests += requests
            self.waited += waited
