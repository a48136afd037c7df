"""dlt's own settings: checked before anything is read, as dlt reads each one only when it needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import dlt
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException, ConfigValueCannotBeCoercedException
from dlt.common.normalizers.naming.exceptions import NormalizersException
from dlt.common.schema import Schema

from segment_dagster._compat.dlt_specs import SPECS
from segment_dagster.errors import SegmentError, SettingError

DEFAULT_LAYOUT = "%s_staging"
"""dlt's default name of a staging dataset."""

TRUNCATE_STAGING = "load.truncate_staging_dataset"
"""Whether staging tables are emptied after a load."""

DELETE_COMPLETED_JOBS = "load.delete_completed_jobs"
"""Whether files are deleted after they are loaded."""

AT_LEAST_ONE = ("workers", "max_parallel_items", "raise_on_max_retries")


def check_dlt_settings() -> None:
    """Check the settings that dlt itself does not check up front.

    Raises:
        SettingError: A setting cannot be used. The message names it and shows no value.
    """
    for spec, sections in SPECS:
        prefix = "__".join([*sections, ""]).upper()
        try:
            settings = resolve_configuration(spec(), sections=sections, accept_partial=True)
        except ConfigurationException as error:
            raise setting_error(error, prefix) from None
        for name in AT_LEAST_ONE:
            value = getattr(settings, name, None)
            if isinstance(value, int) and value < 1 and (name, value) != ("raise_on_max_retries", 0):
                raise SettingError(f"{prefix}{name.upper()}", f"is {value}", "Legal values: 1 and more.")
    try:
        Schema("settings")
    except NormalizersException as error:
        raise SettingError("SCHEMA__NAMING", f"cannot be used ({type(error).__name__})", "Unset it.") from None


def staging_layout(destination: str) -> str:
    """Return the layout of the staging dataset's name."""
    for section in (f"destination.{destination}.", "destination.", ""):
        layout: object = dlt.config.get(f"{section}staging_dataset_name_layout")  # noqa: TID251 - the edge
        if isinstance(layout, str):
            return layout
    return DEFAULT_LAYOUT


@contextmanager
def load_defaults(*, truncate_staging: bool) -> Iterator[None]:
    """Set defaults of dlt's load step within the block, where the user has not set them. dlt has no arguments for them.

    Args:
        truncate_staging: Whether to empty staging tables after a load.
    """
    wanted = {DELETE_COMPLETED_JOBS: True, **({TRUNCATE_STAGING: True} if truncate_staging else {})}
    unset = [name for name in wanted if dlt.config.get(name) is None]  # noqa: TID251 - there are no arguments
    for name in unset:
        dlt.config[name] = wanted[name]  # noqa: TID251 - as above
    try:
        yield
    finally:
        # another pipeline of the process has its own
        for name in unset:
            dlt.config[name] = None  # noqa: TID251 - as above


def setting_error(error: ConfigurationException, prefix: str = "") -> SegmentError:
    """Return the error for a setting that dlt cannot use.

    Args:
        error: dlt's error. Its message, and that of its cause, may contain the value.
        prefix: The prefix of the setting's environment variable.
    """
    if isinstance(error, ConfigValueCannotBeCoercedException):
        legal = get_args(error.hint)
        names = legal and all(isinstance(each, str) for each in legal)
        wanted = (
            f"one of {', '.join(legal)}" if names else f"a value of type {getattr(error.hint, '__name__', error.hint)}"
        )
        return SettingError(
            f"{prefix}{error.field_name.upper()}", "has a value of the wrong type", f"Set it to {wanted}."
        )
    return SettingError("A setting of dlt", f"cannot be used ({type(error).__name__})", "See dlt's config.toml.")


@contextmanager
def explain_settings() -> Iterator[None]:
    """Translate dlt's configuration errors into errors of one line.

    Raises:
        SegmentError: A setting of dlt cannot be used.
    """
    try:
        yield
    except ConfigurationException as error:
        raise setting_error(error) from None
