"""Which endpoint a path names, in which layout."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from segment_dagster.endpoints import Endpoint


@dataclass(frozen=True)
class Match:
    """An endpoint that a path names."""

    row: Endpoint
    versioned: bool = False
    """Whether the path is the one of the versioned layout."""

    ids: dict[str, str] = field(default_factory=dict)
    """The path's ids by placeholder, decoded."""

    @property
    def parent_id(self) -> str | None:
        """The id of the record that the list belongs to, if the path names one."""
        return self.ids[self.row.parent.placeholder] if self.row.parent and not self.versioned else None


class Routes:
    """The paths of both layouts, as the rows name them."""

    def __init__(self, rows: Iterable[Endpoint]) -> None:
        self._templates: list[tuple[list[str], Endpoint, bool]] = []
        for row in rows:
            self._templates.append((_segments(row.path), row, False))
            if row.versioned:
                self._templates.append((_segments(row.versioned.path), row, True))

    def match(self, raw_path: str) -> Match | None:
        """The endpoint that a path names, or `None`.

        Args:
            raw_path: The path as it was sent, still percent-encoded, so that an id may hold a slash.
        """
        asked = [unquote(segment) for segment in _segments(raw_path)]
        for template, row, versioned in self._templates:
            if len(template) != len(asked):
                continue
            ids = {}
            for expected, given in zip(template, asked, strict=True):
                if expected.startswith("{"):
                    ids[expected.strip("{}")] = given
                elif expected != given:
                    break
            else:
                return Match(row, versioned, ids)
        return None


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")
