"""What the page of troubleshooting quotes is what the code says."""

import ast
import re
from pathlib import Path

import pytest

import segment_dagster
from segment_dagster_tests.docs.pages import BY_NAME

HOLE = "\0"


def texts(source: str) -> list[str]:
    """The texts of a module; what is filled in at run time is a hole."""
    tree = ast.parse(source)
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.append("".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values))
    return found


SAID = [text for path in Path(segment_dagster.__file__).parent.rglob("*.py") for text in texts(path.read_text("utf-8"))]
QUOTED = [
    quote
    for line in BY_NAME["docs/troubleshooting.md"].text.splitlines()
    if line.startswith("| `")
    for quote in re.findall(r"`([^`]+)`", line.split(" | ")[0])
]


def is_said(quote: str, said: list[str]) -> bool:
    """Whether each piece between the dots is in some text of the code."""
    pieces = [piece.strip() for piece in re.split(r"\.\.\.|\(\d+\)|\(5xx\)|HTTPS_PROXY", quote)]
    return all(any(piece in text for text in said) for piece in pieces if piece)


@pytest.mark.parametrize("quote", QUOTED)
def test_the_code_says_it(quote):
    assert is_said(quote, SAID)


def test_what_nobody_says_is_found():
    said = texts('a = f"its parent {x} came {y}"\n"""A docstring."""')
    assert said == [f"its parent {HOLE} came {HOLE}", "A docstring."]
    assert is_said("its parent ... came", said)
    assert not is_said("its parent ... went", said)
