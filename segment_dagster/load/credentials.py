"""Check the driver and dlt's settings of a destination, before it is connected to."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import DestinationException
from dlt.common.exceptions import DltException, MissingDependencyException

from segment_dagster._compat.dlt_missing_settings import ConfigFieldMissingException, missing_settings
from segment_dagster.errors import SettingError
from segment_dagster.load.capabilities import Driver

MASKED = "***"
SHORTEST = 4
"""Characters of the shortest secret that is masked; a shorter one would match by chance in any text."""


def check_extra(setting: str, value: str, driver: Driver) -> None:
    """Refuse a destination whose driver is not installed.

    Args:
        setting: The setting that chose the destination.
        value: Its value.
        driver: The driver of the destination.

    Raises:
        SettingError: The driver is not installed. The message says how to install it.
    """
    if missing := [module for module in driver.modules if not _is_installed(module)]:
        remedy = f"Install it: pip install 'segment_dagster[{driver.extra}]'."
        raise SettingError(setting, f"is {value!r}, which needs {', '.join(missing)}: not installed", remedy)


def configuration_of(name: str, kind: str, destination: Destination[Any, Any], dataset: str) -> BaseConfiguration:
    """Return dlt's complete settings of a destination, without connecting to it.

    Args:
        name: dlt's name of the destination.
        kind: dlt's type of it.
        destination: dlt's object for it.
        dataset: The dataset.

    Raises:
        SettingError: A setting is missing or cannot be used. The message names it and shows no value.
    """
    section = f"DESTINATION__{name.upper()}"
    try:
        spec: Any = destination.spec()
        spec.dataset_name = dataset
        configuration: BaseConfiguration = destination.configuration(spec)
    except ConfigFieldMissingException as error:
        missing = missing_settings(error, section)
        remedy = f"Set {'it' if len(missing) == 1 else 'them'}, or the same in dlt's secrets.toml."
        raise SettingError(", ".join(missing), "is missing" if len(missing) == 1 else "are missing", remedy) from None
    except MissingDependencyException as error:
        needed = ", ".join(error.dependencies)
        # our extras have the same names as dlt's
        remedy = f"Install it: pip install '{needed.replace('dlt[', 'segment_dagster[')}'."
        raise SettingError(section, f"needs {needed}: not installed", remedy) from None
    except (ConfigurationException, DltException, ValueError) as error:
        remedy = f"See https://dlthub.com/docs/dlt-ecosystem/destinations/{kind} for what it takes."
        # dlt's message repeats the value
        raise SettingError(f"{section}__CREDENTIALS", f"cannot be used ({type(error).__name__})", remedy) from None
    return configuration


def secrets_of(configuration: BaseConfiguration) -> frozenset[str]:
    """Return the secret values in dlt's settings."""
    return frozenset(text for text in _secret_values(configuration) if len(text) >= SHORTEST)


def mask_secrets(text: str, secrets: frozenset[str]) -> str:
    """Replace secrets in a text with `MASKED`."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASKED)
    return text


def driver_errors(driver: Driver) -> tuple[type[Exception], ...]:
    """Return the exception classes that a driver raises for a failed connection or login."""
    named = [error.partition(":") for error in driver.errors]
    return tuple(getattr(import_module(module), name) for module, _, name in named)


def failures_of(driver: Driver) -> tuple[type[Exception], ...]:
    """Return the exception classes that dlt, the system and the driver raise while a destination is read."""
    return (DestinationException, OSError, *driver_errors(driver))


def _is_installed(module: str) -> bool:
    # raised if the parent package is missing
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _secret_values(configuration: BaseConfiguration) -> Iterator[str]:
    for name, hint in configuration.get_resolvable_fields().items():
        value = getattr(configuration, name, None)
        if isinstance(value, BaseConfiguration):
            yield from _secret_values(value)
        elif isinstance(value, str) and is_secret_hint(hint):
            yield value
