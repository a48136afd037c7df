"""What never leaves: write keys, passwords and other secrets inside a record's settings."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

from segment_dagster.endpoints import Endpoint, Secrecy
from segment_dagster.settings import Settings

REDACTED = "[redacted]"
"""What stands for a secret where no fingerprint key is set."""

SECRET_NAME = re.compile(
    r"key|secret|token|\bpass\b|passw|passphrase|passcode|pwd|credential|certificate|\bcert|private|auth|signature|"
    r"signing|bearer|cookie|webhook|connectionstring|dsn|\bpat\b|\bsas\b|accesskey|salt"
)
"""Names of settings that hold secrets. It takes in too much rather than too little: `keyspace` is redacted as well."""

SECRET_VALUE = re.compile(r"-----BEGIN |^[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@|^(Bearer|Basic) \S", re.IGNORECASE)
"""Texts that are secrets whatever their name: private keys, addresses with a password, authorization headers."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")

Redact = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns a record into one without secrets. The record given to it stays as it is."""


def redactor(endpoint: Endpoint, settings: Settings) -> Redact:
    """How the records of an endpoint lose their secrets under these settings.

    Returns:
        A function from record to record. Numbers, booleans, nulls and empty texts stay; a secret text becomes
        `[redacted]` or, where a fingerprint key is set, `hmac:` and 32 hexadecimal digits of its HMAC-SHA256.
    """
    if settings.include_secrets:
        return dict
    stand_in = _fingerprint(settings.fingerprint_key) if settings.fingerprint_key else _redacted
    harmless = {column.field for column in endpoint.columns if column.secrecy is Secrecy.NONE}
    secret = {column.field for column in endpoint.columns if column.secrecy is Secrecy.ALL}
    declared = {column.field for column in endpoint.columns}

    def redact(record: dict[str, Any]) -> dict[str, Any]:
        if record.keys() <= harmless:
            return dict(record)
        options = _password_options(record)
        return {
            field: value
            if field in harmless
            # nobody has looked at a field that is not declared
            else _clean(value, field in secret or (field not in declared and is_secret_name(field)), options, stand_in)
            for field, value in record.items()
        }

    return redact


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name is taken to hold a secret."""
    spaced = _WORD.sub(" ", name).lower()
    return bool(SECRET_NAME.search(spaced) or SECRET_NAME.search(spaced.replace(" ", "")))


def _clean(value: Any, secret: bool, password_options: frozenset[str], stand_in: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        # a header or a parameter may be written as {"name": "Authorization", "value": "..."}
        named = value.get("name") or value.get("key")
        secret = secret or (isinstance(named, str) and "value" in value and is_secret_name(named))
        return {
            name: _clean(held, secret or name in password_options or is_secret_name(name), password_options, stand_in)
            for name, held in value.items()
        }
    if isinstance(value, list):
        return [_clean(held, secret, password_options, stand_in) for held in value]
    if isinstance(value, str) and value and (secret or SECRET_VALUE.search(value)):
        return stand_in(value)
    return value


def _password_options(record: Mapping[str, Any]) -> frozenset[str]:
    """Names of the options that the record's metadata types as `password`."""
    metadata = record.get("metadata")
    options = metadata.get("options") if isinstance(metadata, dict) else None
    return frozenset(
        option["name"]
        for option in (options if isinstance(options, list) else ())
        if isinstance(option, dict) and option.get("type") == "password" and isinstance(option.get("name"), str)
    )


def _redacted(_: str) -> str:
    return REDACTED


def _fingerprint(key: str) -> Callable[[str], str]:
    def fingerprint(secret: str) -> str:
        digest = hmac.new(key.encode(), secret.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"hmac:{digest.hexdigest()[:32]}"

    return fingerprint
