"""Map the resource types of the audit trail to endpoints."""

import re
from collections.abc import Sequence
from functools import lru_cache

from segment_dagster.endpoints import CATALOGUE, Endpoint

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def concerned(resource_type: str | None, catalogue: Sequence[Endpoint] = CATALOGUE) -> tuple[Endpoint, ...]:
    """Return the endpoints whose records may have changed after an event on a resource of this type.

    Segment does not document how types are spelled: case, spaces, underscores, hyphens and a plural `s` are ignored.

    Args:
        resource_type: Resource type of an event in the audit trail.
        catalogue: The endpoints to choose from.

    Returns:
        Endpoints that declare the type, or have its name, in the catalogue's order; empty if none does.
    """
    name = _normalized(resource_type or "")
    return tuple(
        endpoint for endpoint in catalogue if name and name in map(_normalized, (*endpoint.audited_as, endpoint.name))
    )


def audit_trail(endpoints: Sequence[Endpoint]) -> Endpoint | None:
    """Return the audit trail among these endpoints; `None` if it is not there."""
    return next((endpoint for endpoint in endpoints if endpoint.audit_fields), None)


@lru_cache(maxsize=1024)
def _normalized(name: str) -> str:
    return "".join(word.lower().removesuffix("s") for word in _WORD.findall(name))
