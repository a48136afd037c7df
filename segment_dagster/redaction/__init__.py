"""Redact write keys, passwords and other secrets in a record's settings and texts."""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Endpoint, Secrecy
from segment_dagster.redaction.names import is_secret_name
from segment_dagster.redaction.values import Cleaner, password_options

__all__ = ["REDACTED", "Redact", "is_secret_name", "may_be_same", "redactor"]

REDACTED = "[redacted]"
"""Replacement for a secret if no fingerprint key is set."""

_FINGERPRINT = re.compile(r"hmac:[0-9a-f]{32}")
_STANDS_FOR_SECRET = re.compile(rf"{re.escape(REDACTED)}|{_FINGERPRINT.pattern}")

Redact = Callable[[dict[str, Any]], dict[str, Any]]
"""Function that returns a copy of a record without secrets."""


def redactor(endpoint: Endpoint, settings: ApiSettings, name_of: Callable[[str], str] = str) -> Redact:
    """Return a function that redacts the records of an endpoint.

    Args:
        endpoint: The endpoint, whose columns declare how much of a value is secret.
        settings: Whether secrets are kept, and the key of the fingerprints.
        name_of: Returns the name of a field in the records, if it differs from the API's.

    Returns:
        A function from record to record. Numbers, booleans, nulls and empty texts stay under any name, even a PIN that
        is written as a number. A secret text becomes `[redacted]` or, if a fingerprint key is set, `hmac:` and 32
        hexadecimal digits of its HMAC-SHA256. In settings and in undeclared fields, a text that contains a secret is
        replaced as a whole, and so is a key of a map that is a secret; keys that would become equal are numbered. In
        other texts written by people, only the secret is replaced. Fields that identify a record stay unchanged, and
        so do values that are already redacted.
    """
    if settings.include_secrets:
        return dict
    stand_in = _fingerprint(settings.fingerprint_key) if settings.fingerprint_key else _redacted
    cleaner = Cleaner(lambda text: text if _STANDS_FOR_SECRET.fullmatch(text) else stand_in(text))
    declared = {name_of(column.field): column for column in endpoint.columns}
    identifying = {name_of(field) for field in endpoint.identifying}
    written = frozenset(
        name
        for name, column in declared.items()
        if column.secrecy is Secrecy.TEXT and column.type in ("text", "json") and name not in identifying
    )
    secret = {name for name, column in declared.items() if column.secrecy is Secrecy.ALL}
    searched = {name for name, column in declared.items() if column.secrecy in (Secrecy.ALL, Secrecy.SETTINGS)}
    harmless = frozenset(declared.keys() - written - searched)

    def redact(record: dict[str, Any]) -> dict[str, Any]:
        if record.keys() <= harmless:
            return dict(record)
        options = password_options(record)
        cleaned = {}
        for field, value in record.items():
            if field in written:
                cleaned[field] = cleaner.text_of(value)
            elif field in harmless:
                cleaned[field] = value
            else:
                # the secrecy of an undeclared field is unknown, so its name decides
                named = field in secret or (field not in declared and is_secret_name(field))
                cleaned[field] = cleaner.clean(value, named, options)
        return cleaned

    return redact


def may_be_same(one: Any, other: Any) -> bool:
    """Return whether two values may be equal apart from redacted secrets.

    `[redacted]` may stand for any text. A fingerprint matches `[redacted]` and the same fingerprint, but no other one.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(may_be_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(may_be_same, one, other))
    if isinstance(one, str) and isinstance(other, str) and REDACTED in one + other:
        either_whole = REDACTED in (one, other) and bool(one and other)
        return either_whole or _FINGERPRINT.sub(REDACTED, one) == _FINGERPRINT.sub(REDACTED, other)
    return type(one) is type(other) and bool(one == other)


def _redacted(_: str) -> str:
    return REDACTED


def _fingerprint(key: str) -> Callable[[str], str]:
    def fingerprint(secret: str) -> str:
        digest = hmac.new(key.encode(), secret.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"hmac:{digest.hexdigest()[:32]}"

    return fingerprint
