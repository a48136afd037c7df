"""What dlt's own settings say about requests and files, and the token that its secrets hold."""

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from segment_dagster.errors import SettingError

if TYPE_CHECKING:
    from dlt.common.configuration.specs import RuntimeConfiguration

LEAST = {
    "request_max_attempts": 1,
    "request_timeout": 0.001,
    "request_backoff_factor": 0,
    "request_max_retry_delay": 0,
}
"""The least legal values, which dlt does not check."""


class DltSource(PydanticBaseSettingsSource):
    """dlt's settings `[runtime]` of requests, and `[sources.segment_source] api_key` if no token is set otherwise."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing: all values are found together."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values.

        Raises:
            SettingError: One of them cannot be used.
        """
        runtime = check_runtime()
        values: dict[str, Any] = {
            "request_timeout": float(runtime.request_timeout),
            "request_backoff_factor": float(runtime.request_backoff_factor),
            "request_max_retry_delay": float(runtime.request_max_retry_delay),
            "request_max_attempts": _written_attempts(),
        }
        if "token" not in self.current_state and (token := _token()):
            # pydantic-settings can log what a source returns
            values["token"] = SecretStr(token)
        return {name: value for name, value in values.items() if value is not None}


def check_runtime() -> "RuntimeConfiguration":
    """Return dlt's settings of requests, checked: dlt takes them as they come.

    Raises:
        SettingError: One of them cannot be used.
    """
    from dlt.common.configuration import resolve_configuration
    from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
    from dlt.common.configuration.specs import RuntimeConfiguration
    from dlt.common.exceptions import MissingDependencyException

    from segment_dagster._compat.dlt_toml import TomlProviderReadException

    try:
        runtime = resolve_configuration(RuntimeConfiguration())
    except TomlProviderReadException as error:
        # its message, and that of its cause, may repeat a line of the file
        raise SettingError(f"dlt's {error.file_name}", "is no TOML", f"Mend {' or '.join(error.full_paths)}.") from None
    except ConfigValueCannotBeCoercedException as error:
        setting = f"RUNTIME__{error.field_name.upper()}"
        wanted = getattr(error.hint, "__name__", str(error.hint))
        raise SettingError(setting, "has a value of the wrong type", f"Set it to a {wanted}.") from None
    except MissingDependencyException:
        problem = "is set, and the package sentry-sdk is not installed"
        raise SettingError("RUNTIME__SENTRY_DSN", problem, "Unset it, or install sentry-sdk.") from None
    except ValueError:
        # dlt sets up its log when its settings are first looked at
        remedy = "Legal values: a level such as WARNING, and JSON or a format with {message}."
        raise SettingError("RUNTIME__LOG_LEVEL or RUNTIME__LOG_FORMAT", "cannot be used", remedy) from None
    for name, minimum in LEAST.items():
        if not getattr(runtime, name) >= minimum:
            setting, value = f"RUNTIME__{name.upper()}", getattr(runtime, name)
            raise SettingError(setting, f"is {value}", f"Legal values: {minimum} and more.")
    return runtime


def compresses_files() -> bool:
    """Return whether dlt takes files of lines of JSON compressed."""
    import dlt

    return not dlt.config.get("normalize.data_writer.disable_compression", bool)  # noqa: TID251


def _written_attempts() -> int | None:
    """Return how often to try if that is set; dlt's default is not ours."""
    import dlt

    found = (
        provider.get_value("request_max_attempts", int, None, "runtime")[0]
        for provider in dlt.config.config_providers  # noqa: TID251
    )
    written = next((value for value in found if value is not None), None)
    # `check_runtime` has seen that it is a whole number
    return None if written is None else int(written)


def _token() -> str | None:
    # dlt reads its files on first use: nothing is read when this module is imported
    import dlt

    # not by `dlt.secrets.get`: dlt keeps what it has given out, with its value, in the trace of the next run
    found = (
        provider.get_value("api_key", str, None, "sources", "segment_source")[0]
        for provider in dlt.secrets.config_providers  # noqa: TID251
    )
    return next((str(token) for token in found if token), None)
