"""Seeded random values and secrets."""

import re
from collections.abc import Sequence
from random import Random
from string import ascii_letters, digits
from typing import TypeVar

T = TypeVar("T")

_ALPHANUMERIC = ascii_letters + digits
_SECRET = 32
"""Length of a secret."""

_LIKE_SECRETS = re.compile(rb"[A-Za-z0-9]{%d,}" % _SECRET)


def find_secrets(text: bytes) -> set[str]:
    """Return all substrings that could be a secret. Searching for each secret would take hours in a large text."""
    runs = (found.decode() for found in _LIKE_SECRETS.findall(text))
    return {run[place : place + _SECRET] for run in runs for place in range(len(run) - _SECRET + 1)}


class SecretGenerator:
    """Generates secrets from a seed and records them."""

    def __init__(self, seed: int | str) -> None:
        self._random = Random(f"{seed}/secrets")  # noqa: S311
        self.secrets: set[str] = set()

    def secret(self) -> str:
        """Return a new secret: 32 letters and digits, which need no escaping in JSON, logs and URLs."""
        made = "".join(self._random.choices(_ALPHANUMERIC, k=_SECRET))
        self.secrets.add(made)
        return made


class RandomValues:
    """Draws random values for one list from a seed."""

    def __init__(self, seed: str, secret_generator: SecretGenerator) -> None:
        self.random = Random(seed)  # noqa: S311
        self._secret_generator = secret_generator

    def id(self, length: int = 22) -> str:
        """Return a new id of letters and digits."""
        return "".join(self.random.choices(_ALPHANUMERIC, k=length))

    def hex(self, length: int = 24) -> str:
        """Return a new id of hexadecimal digits."""
        return f"{self.random.getrandbits(length * 4):0{length}x}"

    def secret(self) -> str:
        """Return a new secret. All secrets of the world come from here."""
        return self._secret_generator.secret()

    def chance(self, probability: float) -> bool:
        """Return true with a probability."""
        return self.random.random() < probability

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[int(self.random.random() * len(values))]

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """Return up to `most` distinct values."""
        return self.random.sample(values, self.random.randint(0, min(most, len(values))))

    def number(self, least: int, most: int) -> int:
        """Return a whole number from `least` to `most`, both included."""
        return least + int(self.random.random() * (most - least + 1))
