"""Decide by a field's name whether its value is a secret."""

import re
import unicodedata
from functools import lru_cache

SECRET_PARTS = (
    *("accesscode", "mnemonic", "passcode", "passphrase", "passw", "pwd", "pswd", "passkey"),
    *("certificate", "credential", "creds", "key", "kubeconfig", "pfx", "private", "secret"),
    *("auth", "bearer", "cookie", "jwt", "sessid", "sessionid", "signature", "signing", "token", "tkn"),
    *("csrf", "xsrf", "nonce", "licence", "license", "connectionstring", "connstr", "webhook"),
    *("recoverycode", "backupcode", "securitycode", "verificationcode", "onetimecode", "securityanswer"),
    *("unlockcode", "activationcode", "invitecode", "invitationcode", "confirmationcode", "logincode", "resetcode"),
    *("magiclink", "magicurl", "resetlink", "reseturl", "loginlink", "signinlink", "activationlink", "invitelink"),
    *("idrsa", "idecdsa", "ided25519"),
    # the same in other languages, without accents
    *(
        "contrasena",
        "motdepasse",
        "passwort",
        "kennwort",
        "geheim",
        "schluessel",
        "schlussel",
        "senha",
        "segredo",
        "segreto",
    ),
    *("parola", "salasana", "losenord", "wachtwoord", "adgangskode", "haslo", "heslo", "matkhau", "credencial"),
    *("парол", "секрет", "токен", "ключ", "κωδικ", "סיסמ", "كلمةالمرور", "كلمةالسر", "رمزالمرور", "पासवर्ड", "รหัสผ่าน"),
    *(
        "密码",
        "密碼",
        "口令",
        "令牌",
        "密钥",
        "密鑰",
        "秘密",
        "凭证",
        "憑證",
        "秘钥",
        "パスワード",
        "暗証番号",
        "トークン",
        "シークレット",
    ),
    *("비밀번호", "암호", "토큰", "비밀"),
)
"""Names that contain one of these are secret. They match too much rather than too little, such as `keyspace`."""

SECRET_STARTS = ("cert", "salt")
SECRET_ENDS = ("cert", "certs", "dsn", "pass", "pem", "salt")
"""Names with a word that starts or ends like this are secret: `certfile`, `dbpass`."""

SECRET_WORDS = frozenset(
    (
        *("crt", "jks", "p12", "p8", "pkcs", "ppk", "gpg", "pgp", "asc"),
        *("cred", "hmac", "jwk", "otp", "pat", "pin", "pincode", "puk", "sas", "seed", "session", "sid", "sig", "totp"),
        *("psk", "pw", "pword", "pws", "tok", "mfa", "tfa", "2fa", "cvv", "cvc", "assertion", "wpa", "wep"),
        *("clave", "mdp", "cle", "chave", "chiave", "jeton", "sifre"),
    )
)
"""Names with one of these as a whole word are secret: `pinCode` and `PIN_2`, but not `pinned` or `shipping`."""

HARMLESS_WORDS = frozenset(
    (
        *("basalt", "bypass", "compass", "concert", "encompass", "trespass"),
        *("author", "authors", "coauthor", "keyboard", "keyboards", "keyword", "keywords", "keynote", "keynotes"),
        *("monkey", "turkey", "hockey", "jockey", "donkey", "whiskey"),
        *("monkeys", "turkeys", "jockeys", "donkeys", "hotkey", "hotkeys"),
        *("authored", "authoring", "authority", "authorities", "authorized", "authorised", "authoritative"),
        *("certified", "certification", "certifications"),
        *("tokenize", "tokenized", "tokenizer", "tokenizers", "tokenization", "tokenisation"),
    )
)
"""Words that only look secret."""

HARMLESS_KEYS = (
    *("sort", "primary", "foreign", "partition", "dist", "object", "event", "merge", "dedupe"),
    *("surrogate", "composite", "cluster", "clustering", "hot"),
)
"""Words before `key` if it is a column or a position: `sortKey`."""

HARMLESS_OF = ("key", "token", "cookie", "session", "auth", "signature", "license", "licence", "webhook")
HARMLESS_LAST = (
    *("name", "type", "method", "domain", "timeout", "version", "column", "prefix", "field", "count", "enabled"),
)
"""Words that follow a secret word in a name for a harmless property: `tokenType`."""

HARMLESS_NAMES = frozenset(
    (
        *(first + key for first in HARMLESS_KEYS for key in ("key", "keys")),
        *(first + last for first in HARMLESS_OF for last in HARMLESS_LAST),
        *("publickeyid", "isprivate"),
    )
)
"""Up to three words that are harmless together. The rest of a name may still be secret."""

NAMING = frozenset(
    (
        *("name", "names", "n", "key", "k", "header", "field", "label", "title", "id", "identifier", "slug"),
        *("param", "parameter", "property", "prop", "setting", "option", "attribute", "attr", "claim"),
        *("variable", "var", "env", "type", "kind", "format", "mode", "widget", "visibility", "classification"),
    )
)
"""Last words of keys whose value may be the name of an adjacent value: `headerName`, `title`."""

VALUED = frozenset(
    (
        *("value", "values", "val", "vals", "v", "content", "contents", "text", "data", "default", "current"),
        *("payload", "body", "string", "raw", "plaintext", "input", "answer", "plain", "example"),
    )
)
"""Last words of keys that hold a value named by an adjacent key: `headerValue`, `content`."""

ASSIGNED_ENDS = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "pswd", "secret", "token", "tkn", "signature", "jwt"),
    *("credential", "credentials", "creds", "authorization", "cookie", "connectionstring", "sharedaccesssignature"),
    *("apikey", "accesskey", "secretkey", "privatekey", "signingkey", "encryptionkey", "authkey", "accountkey"),
    *("sharedaccesskey", "masterkey", "licensekey", "licencekey", "subscriptionkey", "functionskey", "writekey"),
    *("recoverycode", "recoverycodes", "contrasena", "motdepasse", "passwort", "kennwort", "senha", "wachtwoord"),
    *("пароль", "密码", "密碼", "パスワード", "비밀번호"),
)
ASSIGNED_WORDS = frozenset(
    ("pass", "passwd", "pw", "psk", "pat", "otp", "sig", "sas", "csrf", "xsrf", "auth", "userpass")
)
"""Names that end in one of these, or in one of these words, mark a secret even within a text: `token=...`.

The list is shorter: `key`, `session` and similar words occur in ordinary sentences and as columns in queries.
"""

MAX_NAME = 100
"""Most characters of a name; a longer text is not a name."""

MAX_CACHED = 128
"""Most characters of a name whose result is cached; long names rarely repeat."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
_UNSEEN = frozenset(("Mn", "Cf"))
_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ß": "ss"}
)


def is_secret_name(name: str) -> bool:
    """Return whether a setting of this name is treated as a secret."""
    return _is_secret_name(name) if len(name) <= MAX_CACHED else _holds_secret_word(name)


def is_assigned_name(name: str) -> bool:
    """Return whether a name within a text marks the value after it as a secret."""
    return _is_assigned_name(name) if len(name) <= MAX_CACHED else _ends_in_secret_word(name)


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case and without accents: `apiKey` and `API_KEY` have two."""
    if not name.isascii():
        # full-width letters become plain ones; accents and invisible characters are removed
        # sorting many accents in a row would take long, so separate accents are removed first
        plain = unicodedata.normalize("NFKD", _without_unseen(name.translate(_LETTERS)))
        name = unicodedata.normalize("NFC", _without_unseen(plain))
    return _WORD.sub(" ", name).lower().split()


def _without_unseen(name: str) -> str:
    """Return a name without accents and invisible characters; other combining marks separate words."""
    seen = (c for c in name if unicodedata.category(c) not in _UNSEEN)
    return "".join(" " if unicodedata.combining(c) else c for c in seen)


def last_word(name: str) -> str:
    """Return the last word of a name; empty if it is longer than `MAX_NAME`."""
    return _last_word(name) if len(name) <= MAX_NAME else ""


def _last_word_of(name: str) -> str:
    return (words_of(name) or [""])[-1]


def _holds_secret_word(name: str) -> bool:
    words = _without_harmless_words(words_of(name))
    joined = "".join(words)
    return any(part in joined for part in _PARTS) or any(map(_is_secret_word, words)) or joined in SECRET_WORDS


def _without_harmless_words(words: list[str]) -> list[str]:
    left: list[str] = []
    place = 0
    while place < len(words):
        for number in (3, 2, 1):
            joined = "".join(words[place : place + number]).rstrip("0123456789")
            if joined in HARMLESS_NAMES or (number == 1 and joined in HARMLESS_WORDS):
                place += number
                break
        else:
            left.append(words[place])
            place += 1
    return left


def _is_secret_word(word: str) -> bool:
    bare = word.rstrip("0123456789")
    return bool({word, bare} & SECRET_WORDS) or bare.startswith(SECRET_STARTS) or bare.endswith(SECRET_ENDS)


def _ends_in_secret_word(name: str) -> bool:
    words = words_of(name)
    while words and words[-1].isdecimal():
        words.pop()
    if not words:
        return False
    last = words[-1].rstrip("0123456789")
    return last in ASSIGNED_WORDS or "".join(words).rstrip("0123456789").endswith(_ASSIGNED_ENDS)


# normalized like the names that they are compared with
_PARTS = tuple("".join(words_of(part)) for part in SECRET_PARTS)
_ASSIGNED_ENDS = tuple("".join(words_of(end)) for end in ASSIGNED_ENDS)
_is_secret_name = lru_cache(maxsize=8192)(_holds_secret_word)
_is_assigned_name = lru_cache(maxsize=8192)(_ends_in_secret_word)
_last_word = lru_cache(maxsize=8192)(_last_word_of)
