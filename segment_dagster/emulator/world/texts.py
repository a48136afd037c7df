"""Display texts, some with unusual characters."""

ODD = (
    'the "best" ones',
    "back\\slash C:\\temp",
    "line\u2028separator",
    "paragraph\u2029separator",
    "party 🎉 family 👩‍👩‍👧",
    "日本語の名前",
    "한국어 이름",
    "first line\nsecond line",
    "tab\there",
    "\u202bمرحبا بالعالم\u202c",  # noqa: RUF001
    "שלום עולם",
    "<b>bold</b> & more",
    "it's; a, list | of / marks",
    "e\u0301 decomposed, é composed",
    "100% {curly} ${dollar} $.path",
    " spaces around ",
)
"""Texts that break careless handling of quotes, line ends, character widths or text direction."""


def display_name(base: str, number: int) -> str:
    """Return a display name. Every seventh has an unusual text appended."""
    return base if number % 7 else f"{base} {ODD[number // 7 % len(ODD)]}"
