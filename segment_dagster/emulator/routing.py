"""Which endpoints a path names, in which layout."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from segment_dagster.endpoints import Endpoint


@dataclass(frozen=True)
class Match:
    """The endpoints that a path names."""

    rows: tuple[Endpoint, ...]
    """The lists of the answer: one, or several that the API gives together."""

    versioned: bool = False
    """Whether the path is the one of the versioned layout."""

    ids: dict[str, str] = field(default_factory=dict)
    """The path's values by placeholder, decoded."""

    @property
    def row(self) -> Endpoint:
        """The first of the endpoints, under whose name the request is counted."""
        return self.rows[0]


class Routes:
    """The paths of both layouts, as the rows name them."""

    def __init__(self, rows: Iterable[Endpoint]) -> None:
        by_path: dict[tuple[str, bool], tuple[Endpoint, ...]] = {}
        for row in rows:
            by_path[row.path, False] = (*by_path.get((row.path, False), ()), row)
            if row.versioned:
                by_path[row.versioned.path, True] = (row,)
        self._templates: dict[int, list[tuple[list[str], tuple[Endpoint, ...], bool]]] = {}
        # a path without a placeholder goes before one whose placeholder would take its words
        for path, versioned in sorted(by_path, key=lambda place: place[0].count("{")):
            template = _segments(path)
            of_length = self._templates.setdefault(len(template), [])
            of_length.append((template, by_path[path, versioned], versioned))

    def match(self, raw_path: str) -> Match | None:
        """The endpoints that a path names, or `None`.

        Args:
            raw_path: The path as it was sent, still percent-encoded, so that a value may hold a slash.
        """
        asked = [unquote(segment) for segment in _segments(raw_path)]
        for template, rows, versioned in self._templates.get(len(asked), ()):
            ids = {}
            for expected, given in zip(template, asked, strict=True):
                if expected.startswith("{"):
                    ids[expected.strip("{}")] = given
                elif expected != given:
                    break
            else:
                return Match(rows, versioned, ids)
        return None


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")
