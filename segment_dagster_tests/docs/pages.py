"""The pages of the documentation, and what stands in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("*.md", "docs/**/*.md", "bench/README.md", "examples/*/README.md")
FILES = sorted(path for place in PLACES for path in ROOT.glob(place))
_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A block of code."""

    kind: str
    """What stands behind the fence: `sh`, or `python endpoint`."""

    code: str


@dataclass(frozen=True)
class Page:
    """A page, by its text and the place it is in."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def prose(self) -> str:
        """The text without blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(kind.strip(), re.sub(rf"^{indent}", "", code, flags=re.MULTILINE))
            for indent, kind, code in _FENCE.findall(self.text)
        ]

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def spans(self) -> list[str]:
        """Code within sentences and tables."""
        return _SPAN.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        return {anchor(heading) for heading in _HEADING.findall(self.prose)}


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
    return kept.strip().replace(" ", "-")


PAGES = [Page(path, path.read_text(encoding="utf-8")) for path in FILES]
BY_NAME = {page.name: page for page in PAGES}
