"""The facts are rebuilt from an SDK, here from packages in its form that are made up for the test."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from segment_dagster_tests.facts.rebuild import (
    BY_HAND,
    FACTS,
    SDK,
    _Argument,
    _described,
    _fields,
    main,
    rebuild,
    to_text,
)
from segment_dagster_tests.facts.sdk_form import write_sdk

ROOT = Path(__file__).parents[2]
COMMITTED: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))

OPERATION: dict[str, Any] = {
    "accept": "application/vnd.segment.v1+json",
    "beside": ["total"],
    "feature": "Boxes",
    "limit": 7,
    "lists": {
        "data.boxes": {
            "count": "pagination.count",
            "cursor": "pagination.cursor",
            "kind": "list",
            "maximum": 30,
            "model": "Box",
            "next": "data.pagination.next",
            "next_model": "PaginationOutput",
            "next_optional": True,
        }
    },
    "method": "GET",
    "parameters": {
        "roomId": {"in": "path", "type": "string"},
        "pagination": {"in": "query", "model": "PaginationInput", "optional": True, "type": "object"},
    },
    "path": "/rooms/{roomId}/boxes",
}
SMALL: dict[str, Any] = {
    "models": {
        "Box": {
            "color": {"enum": ["BLUE", "RED"], "type": "string"},
            "id": {"type": "string"},
            "if": {"nullable": True, "type": "string"},
            "lid": {"model": "Lid", "nullable": True, "optional": True, "type": "object"},
            "sizes": {"enum": ["L", "S"], "type": "array<string>"},
            "what": {"any_of": ["Lid", "Hinge"], "optional": True, "type": "object"},
        },
        "Hinge": {"turns": {"type": "integer"}},
        "Lid": {"any": {"nullable": True, "optional": True, "type": "any"}, "labels": {"type": "map<string>"}},
        "PaginationInput": {"count": {"type": "integer"}, "cursor": {"optional": True, "type": "string"}},
        "PaginationOutput": {"next": {"nullable": True, "optional": True, "type": "string"}},
    },
    "operations": {"list_boxes": OPERATION},
    "other_gets": {"get_box": "/boxes/{boxId}"},
    "sdk": "1.2.3",
}
HAND = {"endpoints": {"boxes": {"operation": "list_boxes"}}}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Make an SDK importable that says what is given."""

    def installed(facts: Mapping[str, Any]) -> None:
        write_sdk(tmp_path / "sdk", facts)
        monkeypatch.syspath_prepend(tmp_path / "sdk")

    yield installed
    for name in [name for name in sys.modules if name.split(".")[0] == SDK]:
        del sys.modules[name]


def test_each_thing_that_an_sdk_says_is_found(install):
    install(SMALL)
    assert rebuild(HAND) == SMALL


def test_an_sdk_that_says_what_the_file_says_gives_the_file_to_the_byte(tmp_path):
    write_sdk(tmp_path, COMMITTED)
    command = [sys.executable, "-m", "segment_dagster_tests.facts.rebuild", "--check"]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "segment_public_api.json is that of the installed SDK\n"), done.stderr


def test_another_sdk_is_told(install, capsys):
    path = {**COMMITTED["operations"]["list_labels"], "path": "/tags"}
    install({**COMMITTED, "operations": {**COMMITTED["operations"], "list_labels": path}})
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == "segment_public_api.json is not that of the installed SDK\n"


def test_an_operation_that_the_sdk_lost_is_told(install):
    install(SMALL)
    with pytest.raises(LookupError, match=r"the SDK has no operation list_lids: correct by_hand\.json"):
        rebuild({"endpoints": {**HAND["endpoints"], "lids": {"operation": "list_lids"}}})


def test_both_files_are_sorted_with_one_thing_on_a_line():
    for path in (FACTS, BY_HAND):
        text = path.read_text(encoding="utf-8")
        assert to_text(json.loads(text)) + "\n" == text, path.name


class Color(str, Enum):
    RED = "RED"
    BLUE = "BLUE"


class Painted(BaseModel):
    color: Color
    additional_properties: dict[str, Any] = {}

    def to_dict(self) -> dict[str, Any]:
        return {}


def test_an_enum_that_is_a_class_is_text_with_values():
    assert _fields(Painted, sys.modules[__name__]) == {"color": {"type": "string", "enum": ["BLUE", "RED"]}}


def test_a_parameter_whose_type_is_an_enum_is_text():
    def list_painted(api: object, color: Color) -> None:
        """Nothing."""

    request = {"path_params": {}, "query_params": [("color", _Argument("color"))]}
    found = _described(list_painted, request, sys.modules[__name__])
    assert found == {"color": {"in": "query", "type": "string"}}
