"""Format numbers for messages."""


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 row` or `2,400 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Format seconds for people: `no time`, `45 s`, `12 min`, `1 h 36 min`."""
    whole = round(seconds)
    if whole <= 0:
        return "no time"
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
