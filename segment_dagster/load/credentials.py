"""What a destination needs before it can be asked: the extra that brings its driver, and dlt's settings of it."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException, LookupTraces
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import DestinationException
from dlt.common.exceptions import DltException, MissingDependencyException

from segment_dagster.errors import SettingError
from segment_dagster.load.capabilities import Driver

MASKED = "***"
SHORTEST = 4
"""Characters of the shortest secret that is looked for in messages: one that is shorter is in every text."""


def check_extra(setting: str, value: str, driver: Driver) -> None:
    """Refuse a destination whose driver is not installed.

    Args:
        setting: What the user set to choose it.
        value: To what.
        driver: What it needs.

    Raises:
        SettingError: It is not; the message says how to install it.
    """
    if missing := [module for module in driver.modules if not _found(module)]:
        remedy = f"Install it: pip install 'segment_dagster[{driver.extra}]'."
        raise SettingError(setting, f"is {value!r}, which needs {', '.join(missing)}: not installed", remedy)


def configuration_of(name: str, destination: Destination[Any, Any], dataset: str) -> BaseConfiguration:
    """The settings that dlt has of a destination, complete. It is not asked.

    Args:
        name: dlt's name of it.
        destination: As dlt has it.
        dataset: The dataset.

    Raises:
        SettingError: A setting is missing or cannot be used; the message names it, and shows no value.
    """
    section = f"DESTINATION__{name.upper()}"
    try:
        spec: Any = destination.spec()
        spec.dataset_name = dataset
        found: BaseConfiguration = destination.configuration(spec)
    except ConfigFieldMissingException as error:
        missing = list(_missing(error.traces, section))
        remedy = f"Set {'it' if len(missing) == 1 else 'them'}, or the same in dlt's secrets.toml."
        raise SettingError(", ".join(missing), "is missing" if len(missing) == 1 else "are missing", remedy) from None
    except MissingDependencyException as error:
        needed = ", ".join(error.dependencies)
        # ours have the names of dlt's
        remedy = f"Install it: pip install '{needed.replace('dlt[', 'segment_dagster[')}'."
        raise SettingError(section, f"needs {needed}: not installed", remedy) from None
    except (ConfigurationException, DltException, ValueError) as error:
        remedy = f"See https://dlthub.com/docs/dlt-ecosystem/destinations/{name} for what it takes."
        # dlt's message repeats the value
        raise SettingError(f"{section}__CREDENTIALS", f"cannot be used ({type(error).__name__})", remedy) from None
    return found


def secrets_of(configuration: BaseConfiguration) -> frozenset[str]:
    """The texts in dlt's settings that are secret."""
    return frozenset(text for text in _secrets(configuration) if len(text) >= SHORTEST)


def mask_secrets(text: str, secrets: frozenset[str]) -> str:
    """A text without secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASKED)
    return text


def driver_errors(driver: Driver) -> tuple[type[Exception], ...]:
    """What a driver raises where it cannot reach anything or is not let in."""
    named = [error.partition(":") for error in driver.errors]
    return tuple(getattr(import_module(module), name) for module, _, name in named)


def failures_of(driver: Driver) -> tuple[type[Exception], ...]:
    """What dlt, the system and the driver raise where a destination is looked at and something is wrong with it."""
    return (DestinationException, OSError, *driver_errors(driver))


def _found(module: str) -> bool:
    # a package within one that is missing
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _missing(traces: Mapping[str, Any], section: str) -> Iterator[str]:
    for name, found in traces.items():
        inner = [trace for trace in found if isinstance(trace, LookupTraces)]
        # one that is not of its own kind: the first says what it takes
        if inner:
            yield from _missing(inner[0].traces, f"{section}__{name.upper()}")
        # dlt finds the directory itself
        elif name != "local_dir":
            yield f"{section}__{name.upper()}"


def _secrets(configuration: BaseConfiguration) -> Iterator[str]:
    for name, hint in configuration.get_resolvable_fields().items():
        value = getattr(configuration, name, None)
        if isinstance(value, BaseConfiguration):
            yield from _secrets(value)
        elif isinstance(value, str) and is_secret_hint(hint):
            yield value
