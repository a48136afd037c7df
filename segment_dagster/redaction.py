"""What never leaves: write keys, passwords and other secrets inside a record's settings."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from segment_dagster.endpoints import Endpoint, Secrecy
from segment_dagster.settings import Settings

REDACTED = "[redacted]"
"""What stands for a secret where no fingerprint key is set."""

SECRET_PARTS = (
    *("accesscode", "mnemonic", "passcode", "passphrase", "passw", "pwd"),
    *("certificate", "credential", "creds", "key", "kubeconfig", "pfx", "private", "secret"),
    *("auth", "bearer", "cookie", "jwt", "sessid", "sessionid", "signature", "signing", "token"),
    *("connectionstring", "connstr", "webhook"),
)
"""Names that hold one of these anywhere are secret. They take in too much, not too little: `keyspace` is one."""

SECRET_STARTS = ("cert", "salt")
SECRET_ENDS = ("cert", "certs", "dsn", "pass", "pem", "salt")
"""Names with a word that starts or ends so are secret: `certfile`, `dbpass`."""

SECRET_WORDS = frozenset(
    (
        *("crt", "jks", "p12", "p8", "pkcs", "ppk"),
        *("cred", "hmac", "jwk", "otp", "pat", "pin", "pincode", "sas", "seed", "session", "sig", "totp"),
    )
)
"""Names with one of these as a whole word are secret: `pinCode` and `PIN_2`, but not `pinned` or `shipping`."""

HARMLESS_WORDS = frozenset({"basalt", "bypass", "compass", "concert", "encompass", "trespass"})
"""Words that only start or end like a secret one."""

SECRET_FORMATS = {
    "PEM": r"-----(?i:BEGIN) ",
    "PEM in base64": r"LS0tLS1CRUdJTi",
    "JSON in base64": r"^\s*(?:eyJ|ewog)[\w+/-]{20}",
    "authorization header": r"^\s*(?i:Bearer|Basic)\s+\S",
    # digits and a slash are a port; the limit is for a long text without an @
    "address with a password": r"://[^/\s:]*:(?!\d+/)[^\s@]{1,4096}@",
    "address of an Azure function": r"[?&]code=[^\s&]{16}",
    "webhook of Slack": r"hooks\.slack\.com/\w",
    "webhook of Discord": r"discord(?:app)?\.com/api/webhooks/\w",
}
"""Formats of texts that are secrets whatever their name."""

SECRET_PREFIXES = {
    "AWS": r"(?:AKIA|ASIA)[A-Z0-9]{12}",
    "Databricks": r"dapi[0-9a-f]{24}",
    "GitHub": r"(?:gh[oprsu]|github_pat)_\w{8}",
    "GitLab": r"glpat-[\w-]{8}",
    "Google": r"AIza[\w-]{16}",
    "JSON Web Token": r"eyJ[\w-]{4,}\.[\w-]+\.[\w-]*",
    "OpenAI and Anthropic": r"sk-[\w-]{32}",
    "Segment": r"sgp_\w{8}",
    "SendGrid": r"SG\.[\w-]{8,}\.[\w-]{8}",
    "Slack": r"xox[a-z]-[\w-]{8}",
    "Stripe": r"(?:[rs]k_(?:live|test)|whsec)_\w{8}",
}
"""How the keys and tokens start that these issue."""

SECRET_VALUE = re.compile(
    "|".join((*SECRET_FORMATS.values(), rf"(?<![A-Za-z0-9])(?:{'|'.join(SECRET_PREFIXES.values())})"))
)
"""Finds any of them in a text."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
# `token=x` in an address, `Password=x;` in a connection string, `X-Api-Key: x` in a header, `"apiKey":"x"` in JSON
_ASSIGNED = re.compile(r"""(?<![\w.%\[\]-])([\w.%\[\]-]+)["']?(?:\s*=\s*|\s*:\s+|:(?=["']))(?=["']?[^\s"'=&;])""")
_NAMING = frozenset({"field", "header", "key", "label", "name", "param", "parameter", "property", "setting"})
_NAMED = frozenset({"val", "value", "values"})

Redact = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns a record into one without secrets. The record given to it stays as it is."""

_StandIn = Callable[[str], str]
_Options = frozenset[str]


def redactor(endpoint: Endpoint, settings: Settings) -> Redact:
    """How the records of an endpoint lose their secrets under these settings.

    Returns:
        A function from record to record. Numbers, booleans, nulls and empty texts stay under any name, a PIN that is
        written as a number too. A secret text becomes `[redacted]` or, where a fingerprint key is set, `hmac:` and 32
        hexadecimal digits of its HMAC-SHA256. So does a text that holds a secret among other things, and a map's key
        that is one; keys that would become the same are numbered.
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


@lru_cache(maxsize=8192)
def is_secret_name(name: str) -> bool:
    """Whether a setting of this name is taken to hold a secret."""
    words = _WORD.sub(" ", name).lower().split()
    whole = "".join(words)
    return (
        any(part in whole for part in SECRET_PARTS)
        or any(_is_secret_word(word) for word in words)
        or whole in SECRET_WORDS
    )


def _is_secret_word(word: str) -> bool:
    bare = word.rstrip("0123456789")
    if bare in HARMLESS_WORDS:
        return False
    return bool({word, bare} & SECRET_WORDS) or bare.startswith(SECRET_STARTS) or bare.endswith(SECRET_ENDS)


def _clean(value: Any, secret: bool, options: _Options, stand_in: _StandIn) -> Any:
    if isinstance(value, dict):
        return _clean_map(value, secret, options, stand_in)
    if isinstance(value, list):
        return [_clean(held, secret, options, stand_in) for held in value]
    if isinstance(value, str) and value and (secret or _is_secret_text(value, options)):
        return stand_in(value)
    return value


def _clean_map(value: dict[str, Any], secret: bool, options: _Options, stand_in: _StandIn) -> dict[str, Any]:
    options |= _password_options(value)
    paired = _names_a_secret(value, options)
    cleaned: dict[str, Any] = {}
    for name, held in value.items():
        below = secret or name in options or is_secret_name(name) or (paired and name.lower() not in _NAMING)
        kept = _unused(stand_in(name), cleaned, value) if _is_secret_text(name, options) else name
        cleaned[kept] = _clean(held, below, options, stand_in)
    return cleaned


def _names_a_secret(value: Mapping[str, Any], options: _Options) -> bool:
    """Whether a header or a parameter is written as `{"name": "Authorization", "value": "..."}`."""
    return any(name.lower() in _NAMED for name in value) and any(
        isinstance(held, str) and name.lower() in _NAMING and (held in options or is_secret_name(held))
        for name, held in value.items()
    )


def _is_secret_text(text: str, options: _Options) -> bool:
    """Whether a text is a secret or holds one, whatever its name."""
    if SECRET_VALUE.search(text):
        return True
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            held = json.loads(text)
            return bool(_clean(held, False, options, _redacted) != held)
        except RecursionError:
            return True
        except ValueError:
            pass  # it only starts like JSON
    if "=" not in text and ":" not in text:
        return False
    return any(name in options or is_secret_name(name) for name in _ASSIGNED.findall(text))


def _unused(name: str, *taken: Collection[str]) -> str:
    free, count = name, 1
    while any(free in names for names in taken):
        count += 1
        free = f"{name} {count}"
    return free


def _password_options(held: Mapping[str, Any]) -> _Options:
    """Names of the options that the metadata in a record or a map types as `password`."""
    metadata = held.get("metadata")
    options = metadata.get("options") if isinstance(metadata, dict) else None
    return frozenset(
        option["name"]
        for option in (options if isinstance(options, list) else ())
        if isinstance(option, dict)
        and str(option.get("type")).lower() == "password"
        and isinstance(option.get("name"), str)
    )


def _redacted(_: str) -> str:
    return REDACTED


def _fingerprint(key: str) -> _StandIn:
    def fingerprint(secret: str) -> str:
        digest = hmac.new(key.encode(), secret.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"hmac:{digest.hexdigest()[:32]}"

    return fingerprint
