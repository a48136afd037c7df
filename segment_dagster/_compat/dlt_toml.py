"""The error of a settings file of dlt's that is no TOML.

Private to: dlt 1.31 (`dlt.common.configuration.providers.toml`, which no page of its documentation names; the error
has the attributes `file_name` and `full_paths`).

If it changes: a line of `secrets.toml` that cannot be read may be shown in the error, secrets among it.
"""

from dlt.common.configuration.providers.toml import TomlProviderReadException

__all__ = ["TomlProviderReadException"]
