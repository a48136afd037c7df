"""Format a plain-text table."""

from collections.abc import Sequence


def text_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with columns as wide as their widest cell and right-aligned numbers."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(head), *cells]) for column in range(len(head))]
    right = [bool(rows) and all(isinstance(row[column], int) for row in rows) for column in range(len(head))]

    def line(values: Sequence[str]) -> str:
        padded = zip(values, widths, right, strict=True)
        return "  ".join(value.rjust(width) if to_right else value.ljust(width) for value, width, to_right in padded)

    return "\n".join(text.rstrip() for text in [line(head), line(["-" * width for width in widths]), *map(line, cells)])
