"""How much chaos there is: a little in `make test`, much in `make chaos`."""

import os
import random

LONG = os.environ.get("CHAOS") == "long"
SEED = int(os.environ.get("CHAOS_SEED") or (random.SystemRandom().randrange(10**6) if LONG else 1))
"""What all chance comes from. The figures name it: `CHAOS_SEED=...` does the same again."""


def at_length(short: int, long: int) -> int:
    """A number of the short form, or that of the long one."""
    return long if LONG else short
