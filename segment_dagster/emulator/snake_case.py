"""Names in a warehouse."""

import re


def snake_case(name: str) -> str:
    """Return a name as Segment writes it in a warehouse: in the way of segmentio/go-snakecase.

    Words are runs of capitals or digits followed by small letters or digits, all of them ASCII. What starts the name in
    that form already is kept.
    """
    kept = re.match(r"(?:[a-z0-9]|_(?=[a-z0-9]))*", name)
    assert kept is not None
    place = kept.end()
    if place == len(name):
        return name
    # a digit before something else begins a word
    place -= place > 0 and name[place - 1].isdecimal()
    words = re.findall(r"[A-Z0-9]+[a-z0-9]*|[a-z][a-z0-9]*", name[place:])
    return "_".join([name[:place]] * bool(place) + words).lower()
