"""Find secrets in JSON values, by keys, by adjacent members and by the format of a text."""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from segment_dagster.redaction.names import (
    MAX_NAME,
    NAMING,
    VALUED,
    is_assigned_name,
    is_secret_name,
    last_word,
    words_of,
)
from segment_dagster.redaction.texts import is_header, is_short, looks_secret, names_secret, without_secrets

KINDS = frozenset(("type", "kind", "format", "mode", "widget", "visibility", "classification"))

SECRET_KINDS = frozenset(("secure", "securestring", "sensitive", "encrypted", "confidential", "hidden", "masked"))
"""Words of a type that mark the adjacent value as secret, in addition to secret names."""

FLAGS = frozenset(
    (
        *("sensitive", "secret", "encrypted", "secure", "confidential", "masked", "hidden", "protected", "private"),
        *("password", "credential", "redacted", "obfuscated", "encrypt", "mask", "writeonly"),
        *("obfuscate", "redact", "hide", "conceal", "concealed", "noecho"),
    )
)
"""Names of flags that mark the adjacent value as secret if true; `isSecret` counts too."""

Options = tuple[frozenset[str], ...]
"""Names of options of type `password`, one set per enclosing map that has any, outermost first.

The sets are not merged: for many small maps inside a map with many options, each merge would take as long as the map.
"""

_TRUE = (True, "true", "True", "TRUE", "yes", "1", 1)
_PAIR = (2, 3)
MAX_REMEMBERED = 512
"""Most characters of a text of which it is remembered whether it is secret: 8,192 such texts are 4 MB."""

_PERCENT_DEPTH = 3
# words of a flag's name that carry no meaning
_OF_FLAG = frozenset(("is", "x", "should", "must", "has", "value", "field"))
# too random for the name of a column, even under `key`
_OPAQUE = re.compile(rf"(?={'[^0-9]*[0-9]' * 4})[\w+/=.-]{{24,}}")


class Cleaner:
    """Replace secrets in JSON values.

    Args:
        stand_in: Returns the replacement of a secret.
        decode_percents: Whether to search texts after percent-decoding, too.
    """

    def __init__(self, stand_in: Callable[[str], str], *, decode_percents: bool = True) -> None:
        self._stand_in = stand_in
        self._decode_percents = decode_percents

    def clean(self, value: Any, secret: bool, options: Options) -> Any:
        """Return a value of settings without secrets.

        Args:
            value: Any JSON value; not modified.
            secret: Whether every text in it is secret.
            options: Names that are secret in addition to those recognized by name.
        """
        if isinstance(value, dict):
            return self._map(value, secret, options)
        if isinstance(value, list):
            return self._list(value, secret, options)
        if isinstance(value, str) and value and (secret or self._is_secret(value, options)):
            return self._stand_in(value)
        return value

    def text_of(self, value: Any) -> Any:
        """Return a value written by people with the secrets in its texts replaced; keys stay."""
        if isinstance(value, str):
            return without_secrets(value, self._stand_in) if value else value
        if isinstance(value, dict):
            return {name: self.text_of(held) for name, held in value.items()}
        if isinstance(value, list):
            return [self.text_of(held) for held in value]
        return value

    def _map(self, value: dict[str, Any], secret: bool, options: Options) -> dict[str, Any]:
        if found := password_options(value):
            options = (*options, *found)
        named = _names_a_secret(value, options)
        flagged = named or _is_flagged(value) or any(_describes_secret(held) for held in value.values())
        cleaned: dict[str, Any] = {}
        free = _FreeNames(value)
        valued = any(last_word(name) in VALUED for name in value)
        places = _secret_places(value, options) if valued else {}
        for name, held in value.items():
            below = (
                secret
                or _is_option(name, options)
                or (is_secret_name(name) and not (valued and _only_names(name, held)))
            )
            if flagged and not below:
                below = last_word(name) in VALUED or (named and last_word(name) not in NAMING)
            kept = free.like(self._stand_in(name)) if name and self._is_secret(name, options) else name
            if places and not below and isinstance(held, list) and len(held) in places:
                secrets = places[len(held)] if last_word(name) in VALUED else ()
                cleaned[kept] = [self.clean(item, place in secrets, options) for place, item in enumerate(held)]
            else:
                cleaned[kept] = self.clean(held, below, options)
        return cleaned

    def _list(self, value: list[Any], secret: bool, options: Options) -> list[Any]:
        cleaned = []
        after = False
        for held in value:
            # headers as pairs: [["Authorization", "x"]]
            if isinstance(held, list) and len(held) in _PAIR and _is_name_of_secret(held[0], options):
                cleaned.append([self.clean(held[0], secret, options), *self.clean(held[1:], True, options)])
                after = False
                continue
            cleaned.append(self.clean(held, secret or after, options))
            after = isinstance(held, str) and _announces_secret(held)
        return cleaned

    def _is_secret(self, text: str, options: Options) -> bool:
        """Return whether a text is or contains a secret, regardless of its name."""
        if _text_is_secret(text, options):
            return True
        if self._decode_percents and "%" in text:
            for _ in range(_PERCENT_DEPTH):
                plain = unquote(text)
                if plain == text:
                    return False
                if _text_is_secret(plain, options):
                    return True
                text = plain
        return False


class _FreeNames:
    """Generate names that a map does not have yet."""

    def __init__(self, taken: Mapping[str, Any]) -> None:
        self._taken = taken
        self._last: dict[str, int] = {}

    def like(self, name: str) -> str:
        """Return the name itself if it is free, or with the smallest number from 2 on that makes it unique."""
        number = self._last.get(name, 0) + 1
        while (free := name if number == 1 else f"{name} {number}") in self._taken:
            number += 1
        self._last[name] = number
        return free


def password_options(held: Mapping[str, Any]) -> Options:
    """Return names of options that the metadata of a record or map declares with the type `password`."""
    metadata = held.get("metadata")
    options = metadata.get("options") if isinstance(metadata, dict) else None
    names = frozenset(
        option["name"]
        for option in (options if isinstance(options, list) else ())
        if isinstance(option, dict)
        and str(option.get("type")).lower() == "password"
        and isinstance(option.get("name"), str)
    )
    return (names,) if names else ()


def _is_option(name: str, options: Options) -> bool:
    return any(name in names for names in options)


def _text_is_secret(text: str, options: Options) -> bool:
    # the metadata of a kind of destination is in the record of each
    return _is_secret_text(text, options) if len(text) > MAX_REMEMBERED else _remembered_is_secret(text, options)


def _is_secret_text(text: str, options: Options) -> bool:
    if looks_secret(text):
        return True
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            held = json.loads(text, object_pairs_hook=_all_members)
            return bool(_FINDER.clean(held, False, options) != held)
        except RecursionError:
            return True
        except ValueError:
            pass  # starts like JSON but is not
    return names_secret(text, lambda name: _is_option(name, options) or is_secret_name(name))


_remembered_is_secret = lru_cache(maxsize=8192)(_is_secret_text)


def _all_members(members: list[tuple[str, Any]]) -> Any:
    """Return a JSON object, or its members as a list if a key repeats: the last would hide the others."""
    found = dict(members)
    return found if len(found) == len(members) else [{name: held} for name, held in members]


def _names_a_secret(value: Mapping[str, Any], options: Options) -> bool:
    """Return whether a map names a secret in a member: `{"name": "Authorization", "value": "..."}`."""
    return any(last_word(name) in VALUED for name in value) and any(
        isinstance(held, str)
        and len(held) <= MAX_NAME
        and (word := last_word(name)) in NAMING
        and (
            _is_option(held, options)
            or (is_secret_name(held) and is_short(held))
            or (word in KINDS and _is_secret_kind(held))
        )
        for name, held in value.items()
    )


def _only_names(name: str, held: Any) -> bool:
    """Return whether a member only names the value next to it: `{"key": "email", "value": "traits.email"}`."""
    return (
        name.lower() in NAMING and isinstance(held, str) and len(held) <= MAX_NAME and _OPAQUE.fullmatch(held) is None
    )


def _secret_places(value: Mapping[str, Any], options: Options) -> dict[int, set[int]]:
    """Return the secret indexes of parallel lists of values, by the length of the list of names."""
    places: dict[int, set[int]] = {}
    for name, held in value.items():
        if isinstance(held, list) and last_word(name).removesuffix("s") in NAMING:
            found = {place for place, item in enumerate(held) if _is_name_of_secret(item, options)}
            if found:
                places[len(held)] = places.get(len(held), set()) | found
    return places


def _is_secret_kind(kind: str) -> bool:
    return not SECRET_KINDS.isdisjoint(words_of(kind))


def _is_flagged(value: Mapping[str, Any]) -> bool:
    """Return whether a map flags its value as secret: `{"sensitive": true, "value": "..."}`."""
    return any(held in _TRUE and _is_flag(name) for name, held in value.items() if isinstance(held, bool | int | str))


def _describes_secret(held: Any) -> bool:
    """Return whether an object describes the value next to it as secret: `{"field": {"type": "password"}}`."""
    if not isinstance(held, dict) or any(last_word(name) in VALUED for name in held):
        return False
    return _is_flagged(held) or any(
        last_word(name) in KINDS
        and isinstance(kind, str)
        and len(kind) <= MAX_NAME
        and (is_secret_name(kind) or _is_secret_kind(kind))
        for name, kind in held.items()
    )


def _is_flag(name: str) -> bool:
    if len(name) > MAX_NAME:
        return False
    words = words_of(name)
    if words[:1] == ["x"] and words[-1] in FLAGS:
        return True
    joined = "".join(words)
    return joined in FLAGS or "".join(w for w in words if w not in _OF_FLAG).removeprefix("is") in FLAGS


def _is_name_of_secret(value: Any, options: Options) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_NAME
        and (_is_option(value, options) or (is_secret_name(value) and is_short(value) and "/" not in value))
    )


def _announces_secret(text: str) -> bool:
    """Return whether the next element of a list is a secret: after `Authorization`, or the argument `--password`."""
    if len(text) > MAX_NAME or any(character.isspace() for character in text):
        return False
    return is_header(text) or (text.startswith("-") and is_assigned_name(text))


def _empty(_: str) -> str:
    return ""


# without percent-decoding: nested JSON would be decoded twice at each level
_FINDER = Cleaner(_empty, decode_percents=False)
"""Detector: it replaces secrets by empty texts, and a secret is never empty, so a change means a secret."""
