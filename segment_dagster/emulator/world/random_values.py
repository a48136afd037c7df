"""Chance that always falls the same way."""

import re
from collections.abc import Sequence
from random import Random
from string import ascii_letters, digits
from typing import TypeVar

T = TypeVar("T")

_ALPHANUMERIC = ascii_letters + digits
_SECRET = 32
"""Characters of a secret."""

_LIKE_SECRETS = re.compile(rb"[A-Za-z0-9]{%d,}" % _SECRET)


def find_secrets(text: bytes) -> set[str]:
    """Everything in a text that could be a secret. To look for each secret apart would take hours for a large text."""
    runs = (found.decode() for found in _LIKE_SECRETS.findall(text))
    return {run[place : place + _SECRET] for run in runs for place in range(len(run) - _SECRET + 1)}


class SecretGenerator:
    """Makes secrets, and remembers each: the same ones for the same seed."""

    def __init__(self, seed: int | str) -> None:
        self._random = Random(f"{seed}/secrets")  # noqa: S311
        self.secrets: set[str] = set()

    def secret(self) -> str:
        """A new secret: 32 letters and digits, so that it reads the same in JSON, in a log and in an address."""
        made = "".join(self._random.choices(_ALPHANUMERIC, k=_SECRET))
        self.secrets.add(made)
        return made


class RandomValues:
    """Draws values for one list of records: the same ones for the same seed."""

    def __init__(self, seed: str, secret_generator: SecretGenerator) -> None:
        self.random = Random(seed)  # noqa: S311
        self._secret_generator = secret_generator

    def id(self, length: int = 22) -> str:
        """A new id of letters and digits."""
        return "".join(self.random.choices(_ALPHANUMERIC, k=length))

    def hex(self, length: int = 24) -> str:
        """A new id of hexadecimal digits."""
        return f"{self.random.getrandbits(length * 4):0{length}x}"

    def secret(self) -> str:
        """A new secret. Every secret of the world comes from here."""
        return self._secret_generator.secret()

    def chance(self, probability: float) -> bool:
        """True as often as the probability says."""
        return self.random.random() < probability

    def pick(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[int(self.random.random() * len(values))]

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """Up to `most` of the values, none twice."""
        return self.random.sample(values, self.random.randint(0, min(most, len(values))))

    def number(self, least: int, most: int) -> int:
        """A whole number between the two, both included."""
        return least + int(self.random.random() * (most - least + 1))
