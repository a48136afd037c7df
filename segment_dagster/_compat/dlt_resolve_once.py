"""Resolve dlt's settings of a destination once for a run: dlt would look them up again some fifty times a load.

Private to: dlt 1.31, which reads a destination's parameters from the signature of its class (so this one has no
`__init__`), calls `configuration` and `capabilities` for every client, and keeps DuckDB's connections in
`credentials.conn_pool`, which a copy does not have, and the credentials that a machine of Google's, Amazon's or Azure's
has by default beside the fields, which a copy does not have either.

If it changes: a load takes a third more processor time; DuckDB's file cannot be opened with a copied configuration; or
default credentials are asked for as if they were missing.
"""

from dataclasses import fields
from functools import cached_property
from typing import Any

from dlt.common.configuration.specs.base_configuration import BaseConfiguration, CredentialsWithDefault
from dlt.common.destination import Destination, DestinationCapabilitiesContext


class ResolvesOnce(Destination[Any, Any]):
    """A destination of dlt's that keeps its resolved settings. Settings that change during a run are not seen."""

    # no `__init__`: dlt reads its own from the class's signature
    @cached_property
    def _resolved(self) -> dict[object, Any]:
        return {}

    @cached_property
    def _capabilities(self) -> dict[object, DestinationCapabilitiesContext]:
        return {}

    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        """Return a copy of its own for each caller: clients change theirs."""
        key = _key_of(initial_config, accept_partial)
        if key is None:
            return super().configuration(initial_config, accept_partial)
        if key not in self._resolved:
            self._resolved[key] = super().configuration(initial_config, accept_partial)
        kept = self._resolved[key]
        made = kept.copy()
        credentials = made.credentials
        if isinstance(credentials, CredentialsWithDefault) and kept.credentials.has_default_credentials():
            credentials._set_default_credentials(kept.credentials.default_credentials())
        # a copy of DuckDB's has no pool of connections before it is resolved again; no others have one
        if getattr(credentials, "conn_pool", credentials) is None:
            made.credentials.resolve()
        return made

    def capabilities(self, config: Any = None, naming: Any = None) -> DestinationCapabilitiesContext:
        """Return a copy of its own for each caller."""
        if config is not None:
            return super().capabilities(config, naming)
        key = naming and (type(naming), naming.max_length)
        if key not in self._capabilities:
            self._capabilities[key] = super().capabilities(None, naming)
        return self._capabilities[key].copy()


def _key_of(config: Any, accept_partial: bool) -> object | None:
    """Return what tells a configuration that is to be resolved from others; `None` where it holds credentials."""
    if config is None:
        return (None, accept_partial)
    values = [(field.name, getattr(config, field.name, None)) for field in fields(config)]
    if any(isinstance(value, BaseConfiguration) for _, value in values):
        return None
    return (type(config), accept_partial, repr(values))
