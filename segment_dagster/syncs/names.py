"""Names that a selection has, and names as parts of keys."""

import re
from collections.abc import Sequence, Set

from segment_dagster.errors import SettingError

_OTHER = re.compile(r"[^a-z0-9_]+")


def check_names(attribute: str, wanted: Sequence[str], known: Set[str], problem: str) -> None:
    """Refuse a name that is not known.

    Raises:
        SettingError: One is not.
    """
    if missing := [value for value in wanted if value not in known]:
        raise SettingError(
            attribute, f"names {missing[0]!r}, {problem}", f"There are: {', '.join(sorted(known)) or 'none'}."
        )


def plain_name(name: str, default: str) -> str:
    """Return a name as a part of a key: lower-case letters, digits and `_`; the default if nothing is left."""
    return _OTHER.sub("_", name.lower()).strip("_") or default
