"""Finding any of thousands of texts in megabytes."""

from collections.abc import Iterable


class TextFinder:
    """Looks for texts in content, one look-up for some ten bytes of it.

    Wherever a text stands, it covers one whole block of the content's blocks of `step` bytes.

    Args:
        texts: What is looked for, none of them shorter than 4 bytes.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        wanted = [text.encode() for text in texts]
        self._step = (min(map(len, wanted)) + 1) // 2
        self._blocks: dict[bytes, list[tuple[bytes, int]]] = {}
        for text in wanted:
            for offset in range(self._step):
                self._blocks.setdefault(text[offset : offset + self._step], []).append((text, offset))

    def found(self, content: bytes | str) -> set[bytes]:
        """Return those of the texts that are in the content."""
        content = content if isinstance(content, bytes) else content.encode()
        return {
            text
            for start in range(0, len(content), self._step)
            if (candidates := self._blocks.get(content[start : start + self._step]))
            for text, offset in candidates
            if offset <= start and content.startswith(text, start - offset)
        }
