"""The files of deploy/, and what stands in them."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_LINE = re.compile(r"^([A-Z]\w*)=(.*)$", re.MULTILINE)
_UNITS = {"m": 2**20, "g": 2**30, "Mi": 2**20, "Gi": 2**30}


def text_of(name: str) -> str:
    """The text of a file, by its name below deploy/."""
    return (DEPLOY / name).read_text(encoding="utf-8")


def yaml_of(name: str) -> Any:
    """What a file of YAML holds."""
    return yaml.safe_load(text_of(name))


def pinned(package: str) -> str:
    """The version of a package in constraints.txt."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    assert found, package
    return found[1]


def interpolated(text: str) -> dict[str, tuple[str, str]]:
    """Variables that a compose file asks for: `-` and the default, `?` and the message, or nothing."""
    return {name: (kind, rest) for name, kind, rest in _VARIABLE.findall(text)}


def substituted(text: str, given: dict[str, str]) -> str:
    """A text of a compose file as compose reads it: given values, and defaults where there are none."""
    return _VARIABLE.sub(lambda found: given.get(found[1], found[3] if found[2] == "-" else ""), text)


def assigned(text: str) -> dict[str, str]:
    """Variables of an env file, and their values."""
    return dict(_LINE.findall(text))


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each with its arguments in one line."""
    joined = re.sub(r"\s*\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def size(text: str) -> int:
    """Bytes of memory, as compose and Kubernetes write them."""
    number, unit = re.fullmatch(r"(\d+)(\D+)", text).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]


def snake_case(name: str) -> str:
    """A name of the chart's values, as Dagster has it."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
