"""Characters that not every destination takes: U+0000, and halves of surrogate pairs."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any

NUL = "\x00"
"""PostgreSQL refuses it within JSON, and dlt drops it from other texts."""

NUL_ESCAPE = "\\u0000"
"""Six characters that stand for U+0000."""

REPLACEMENT = "\ufffd"
"""Stands for half of a surrogate pair, which no UTF-8 has."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


@dataclass
class Replaced:
    """Count the characters that were replaced, from several threads."""

    nul: int = 0
    surrogates: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, nul: int = 0, surrogates: int = 0) -> None:
        """Add to the counts."""
        if nul or surrogates:
            with self._lock:
                self.nul += nul
                self.surrogates += surrogates

    def __str__(self) -> str:
        """Say what was replaced, and by what; nothing where nothing was."""
        parts = []
        if self.nul:
            parts.append(f"U+0000 by {NUL_ESCAPE} ({self.nul:,} times)")
        if self.surrogates:
            parts.append(f"half of a surrogate pair by U+FFFD ({self.surrogates:,} times)")
        return " and ".join(parts)


def clean_text(text: str, replaced: Replaced) -> str:
    """Replace what not every destination takes.

    Two halves that belong together become the character they stand for.
    """
    if NUL in text:
        replaced.add(nul=text.count(NUL))
        text = text.replace(NUL, NUL_ESCAPE)
    if not text.isascii() and _SURROGATE.search(text):
        text = _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
        text, count = _SURROGATE.subn(REPLACEMENT, text)
        replaced.add(surrogates=count)
    return text


def clean(value: Any, replaced: Replaced) -> Any:
    """Replace them anywhere in a value, in the names of members too. Names that become the same are numbered."""
    if isinstance(value, str):
        return clean_text(value, replaced)
    if isinstance(value, list):
        return [clean(held, replaced) for held in value]
    if not isinstance(value, dict):
        return value
    cleaned: dict[str, Any] = {}
    for name, held in value.items():
        cleaned[_unused(clean_text(name, replaced), name, cleaned, value)] = clean(held, replaced)
    return cleaned


def _unused(name: str, original: str, used: dict[str, Any], others: dict[str, Any]) -> str:
    if name == original:
        return name
    free, count = name, 1
    while free in used or free in others:
        count += 1
        free = f"{name} {count}"
    return free
