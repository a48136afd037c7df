"""Choose endpoints by domain and name."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from segment_dagster.endpoints import TABLES, Endpoint
from segment_dagster.errors import SettingError


@dataclass(frozen=True)
class EndpointSelection:
    """Which endpoints an instance has. What is not selected has no asset, no check and no request.

    The requests of a child still read its parent, without an asset for it.

    Raises:
        SettingError: A domain or an endpoint does not exist, or nothing is selected.
    """

    domains: Sequence[str] | None = None
    """Domains whose endpoints are selected; all if neither domains nor endpoints are named."""

    endpoints: Sequence[str] | None = None
    """Names of further endpoints."""

    exclude: Sequence[str] = ()
    """Names of endpoints that are left out."""

    def of(self, catalogue: Sequence[Endpoint] = TABLES) -> tuple[Endpoint, ...]:
        """Return the selected endpoints, in the order of the catalogue."""
        names = names_of(catalogue)
        _check("domains", self.domains or (), domains_of(catalogue))
        _check("endpoints", self.endpoints or (), names)
        _check("exclude", self.exclude, names)
        everything = self.domains is None and self.endpoints is None
        selected = tuple(
            endpoint
            for endpoint in catalogue
            if endpoint.name not in self.exclude
            and (everything or endpoint.domain in (self.domains or ()) or endpoint.name in (self.endpoints or ()))
        )
        if not selected:
            raise SettingError("select", "leaves no endpoint", "Name a domain or an endpoint.")
        return selected


def domains_of(catalogue: Sequence[Endpoint] = TABLES) -> list[str]:
    """Return the domains of endpoints, each once."""
    return list(dict.fromkeys(endpoint.domain for endpoint in catalogue))


def names_of(catalogue: Sequence[Endpoint] = TABLES) -> list[str]:
    """Return the names of endpoints."""
    return [endpoint.name for endpoint in catalogue]


def _check(attribute: str, wanted: Sequence[str], legal: Sequence[str]) -> None:
    for name in wanted:
        if name not in legal:
            close = difflib.get_close_matches(name, legal)
            remedy = f"Did you mean {' or '.join(close)}?" if close else f"Legal values: {', '.join(legal)}."
            raise SettingError(f"select.{attribute}", f"names {name!r}, which does not exist", remedy)
