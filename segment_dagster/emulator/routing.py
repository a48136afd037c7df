"""Maps a path to its endpoints and layout."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from segment_dagster.endpoints import Endpoint


@dataclass(frozen=True)
class Match:
    """The endpoints of a path."""

    rows: tuple[Endpoint, ...]
    """The endpoints that share the response: usually one."""

    versioned: bool = False
    """Whether the path belongs to the versioned layout."""

    ids: dict[str, str] = field(default_factory=dict)
    """The decoded path values by placeholder."""

    @property
    def row(self) -> Endpoint:
        """The first endpoint. Statistics count the request under its name."""
        return self.rows[0]


class Routes:
    """The paths of both layouts, from the endpoint catalogue."""

    def __init__(self, rows: Iterable[Endpoint]) -> None:
        by_path: dict[tuple[str, bool], tuple[Endpoint, ...]] = {}
        for row in rows:
            by_path[row.path, False] = (*by_path.get((row.path, False), ()), row)
            if row.versioned:
                by_path[row.versioned.path, True] = (row,)
        self._templates: dict[int, list[tuple[list[str], tuple[Endpoint, ...], bool]]] = {}
        # fewest placeholders first, so that a literal path wins over a placeholder
        for path, versioned in sorted(by_path, key=lambda place: place[0].count("{")):
            template = _segments(path)
            of_length = self._templates.setdefault(len(template), [])
            of_length.append((template, by_path[path, versioned], versioned))

    def match(self, raw_path: str) -> Match | None:
        """Return the endpoints of a path, or `None`.

        Args:
            raw_path: The path as sent, still percent-encoded, so that a value may contain a slash.
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
