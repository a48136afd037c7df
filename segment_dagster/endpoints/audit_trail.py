"""What the audit trail speaks of: from its words for a resource to the endpoints that hold it."""

import re
from collections.abc import Sequence
from functools import lru_cache

from segment_dagster.endpoints import CATALOGUE, Endpoint

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def concerned(resource_type: str | None, catalogue: Sequence[Endpoint] = CATALOGUE) -> tuple[Endpoint, ...]:
    """The endpoints whose records may have changed when something happened to a resource of this type.

    Segment does not document how it writes the types: case, spaces, underscores, hyphens and a plural `s` do not count.

    Args:
        resource_type: As an event of the audit trail names it.
        catalogue: The endpoints to choose from.

    Returns:
        Those whose rows name the type, in the catalogue's order; none where no row does.
    """
    name = _normalized(resource_type or "")
    return tuple(endpoint for endpoint in catalogue if name and name in map(_normalized, endpoint.audited_as))


def audit_trail(endpoints: Sequence[Endpoint]) -> Endpoint | None:
    """The endpoint among these that is the audit trail, if one is."""
    return next((endpoint for endpoint in endpoints if endpoint.audit_fields), None)


@lru_cache(maxsize=1024)
def _normalized(name: str) -> str:
    return "".join(word.lower().removesuffix("s") for word in _WORD.findall(name))
