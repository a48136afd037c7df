"""A fingerprint of what a check has found, so that it can be told whether it is the same as before."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

_LENGTH = 16
"""Hexadecimal digits of a digest: two sets have the same one with a chance of 1 in 10^19."""


def offenders_digest(found: Iterable[Sequence[Any]]) -> str:
    """Return a digest of a set, in whatever order and how often its members come.

    Args:
        found: What identifies each member, such as ids. Counts and dates that change by themselves do not belong here.
    """
    members = {hashlib.sha256(json.dumps(list(map(str, each))).encode()).digest()[:_LENGTH] for each in found}
    return hashlib.sha256(b"".join(sorted(members))).hexdigest()[:_LENGTH]
