"""A sliding window as bytes, and back."""

import struct
import zlib
from array import array
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from segment_dagster.client.budgets.budget import MAX_BLOCK
from segment_dagster.client.budgets.window import SlidingWindow

_HEAD = struct.Struct("=8sI")
"""The form, and the checksum of the rest."""

_STATE = struct.Struct("=16s5q")
"""The boot, `blocked_until`, `shrunk_to`, `shrunk_until`, how many are in flight, how many are answered."""

_FORM = b"budget01"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def to_bytes(window: SlidingWindow) -> bytes:
    """Return a window as bytes."""
    state = _STATE.pack(
        _boot(),
        window.blocked_until,
        window.shrunk_to,
        window.shrunk_until,
        len(window.in_flight),
        len(window.answered),
    )
    body = b"".join((state, window.in_flight.tobytes(), window.answered.tobytes()))
    return _HEAD.pack(_FORM, zlib.crc32(body)) + body


def from_bytes(content: bytes, minute: int, now: int) -> SlidingWindow | None:
    """Return the window that `to_bytes` made bytes of; `None` if they are not whole.

    No bytes are an empty window, and so are those of another boot of the machine: its times are not comparable. Where
    no boot has an id, a time that has not come yet tells.

    Args:
        content: The bytes.
        minute: Length of the minute, in microseconds.
        now: Time since this machine was started, in microseconds.
    """
    window = SlidingWindow(minute)
    if not content:
        return window
    try:
        form, checksum = _HEAD.unpack_from(content)
        boot, blocked_until, shrunk_to, shrunk_until, in_flight, answered = _STATE.unpack_from(content, _HEAD.size)
    except struct.error:
        return None
    start = _HEAD.size + _STATE.size
    size = start + 8 * (in_flight + answered)
    if form != _FORM or size != len(content) or checksum != zlib.crc32(memoryview(content)[_HEAD.size :]):
        return None
    if boot != _boot():
        return window
    times = array("q", content[start:])
    latest = max(0, *times[in_flight - 1 : in_flight], *times[-1:], blocked_until - MAX_BLOCK, shrunk_until - minute)
    if latest > now:
        return window
    window.in_flight, window.answered = times[:in_flight], times[in_flight:]
    window.blocked_until, window.shrunk_to, window.shrunk_until = blocked_until, shrunk_to, shrunk_until
    return window


@lru_cache(maxsize=1)
def _boot() -> bytes:
    """Return the id that Linux gives each boot; other systems have none."""
    try:
        return UUID(_BOOT_ID.read_text(encoding="ascii").strip()).bytes
    except (OSError, ValueError):
        return bytes(16)
