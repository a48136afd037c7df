"""Which names say that what they name is a secret."""

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
"""Names that hold one of these anywhere are secret. They take in too much, not too little: `keyspace` is one."""

SECRET_STARTS = ("cert", "salt")
SECRET_ENDS = ("cert", "certs", "dsn", "pass", "pem", "salt")
"""Names with a word that starts or ends so are secret: `certfile`, `dbpass`."""

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
"""Words that only look like a secret one."""

HARMLESS_KEYS = (
    *("sort", "primary", "foreign", "partition", "dist", "object", "event", "merge", "dedupe"),
    *("surrogate", "composite", "cluster", "clustering", "hot"),
)
"""What stands before `key` where it is a column or a place: `sortKey`."""

HARMLESS_OF = ("key", "token", "cookie", "session", "auth", "signature", "license", "licence", "webhook")
HARMLESS_LAST = (
    *("name", "type", "method", "domain", "timeout", "version", "column", "prefix", "field", "count", "enabled"),
)
"""What is told of a secret without telling it: `tokenType`."""

HARMLESS_NAMES = frozenset(
    (
        *(first + key for first in HARMLESS_KEYS for key in ("key", "keys")),
        *(first + last for first in HARMLESS_OF for last in HARMLESS_LAST),
        *("publickeyid", "isprivate"),
    )
)
"""Up to three words which together are harmless. What is left of a name without them may still be secret."""

NAMING = frozenset(
    (
        *("name", "names", "n", "key", "k", "header", "field", "label", "title", "id", "identifier", "slug"),
        *("param", "parameter", "property", "prop", "setting", "option", "attribute", "attr", "claim"),
        *("variable", "var", "env", "type", "kind", "format", "mode", "widget", "visibility", "classification"),
    )
)
"""Last words of the names of a map whose value may be the name of what is beside it: `headerName`, `title`."""

VALUED = frozenset(
    (
        *("value", "values", "val", "vals", "v", "content", "contents", "text", "data", "default", "current"),
        *("payload", "body", "string", "raw", "plaintext", "input", "answer", "plain", "example"),
    )
)
"""Last words of the names of a map that hold what is named beside them: `headerValue`, `content`."""

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
"""Names that end in one of these, or in one of these words, say so even of a value within a text: `token=...`.

They are fewer: `key`, `session` and the like are words of any sentence and column of any query.
"""

MAX_NAME = 100
"""Characters of a name; what is longer is no name."""

MAX_CACHED = 128
"""Characters of a name whose answer is kept: long ones are not asked for again."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
_UNSEEN = frozenset(("Mn", "Cf"))
_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ß": "ss"}
)


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name is taken to hold a secret."""
    return _is_secret_name(name) if len(name) <= MAX_CACHED else _holds_secret_word(name)


def is_assigned_name(name: str) -> bool:
    """Whether a name within a text says that the value after it is a secret."""
    return _is_assigned_name(name) if len(name) <= MAX_CACHED else _ends_in_secret_word(name)


def words_of(name: str) -> list[str]:
    """The words that a name is written of, in small letters and without accents: `apiKey` and `API_KEY` have two."""
    if not name.isascii():
        # wide letters become plain ones, accents and what is not seen go
        # many accents in a row would take long to be put in order: those that are apart go first
        plain = unicodedata.normalize("NFKD", _without_unseen(name.translate(_LETTERS)))
        name = unicodedata.normalize("NFC", _without_unseen(plain))
    return _WORD.sub(" ", name).lower().split()


def _without_unseen(name: str) -> str:
    """A name without accents and what is not seen; a mark of another kind parts words."""
    seen = (c for c in name if unicodedata.category(c) not in _UNSEEN)
    return "".join(" " if unicodedata.combining(c) else c for c in seen)


def last_word(name: str) -> str:
    """The last word of a name, or nothing where it is too long for a name."""
    return _last_word(name) if len(name) <= MAX_NAME else ""


def _last_word_of(name: str) -> str:
    return (words_of(name) or [""])[-1]


def _holds_secret_word(name: str) -> bool:
    words = _without_harmless_words(words_of(name))
    whole = "".join(words)
    return any(part in whole for part in _PARTS) or any(map(_is_secret_word, words)) or whole in SECRET_WORDS


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


# written as the names are that they are compared with
_PARTS = tuple("".join(words_of(part)) for part in SECRET_PARTS)
_ASSIGNED_ENDS = tuple("".join(words_of(end)) for end in ASSIGNED_ENDS)
_is_secret_name = lru_cache(maxsize=8192)(_holds_secret_word)
_is_assigned_name = lru_cache(maxsize=8192)(_ends_in_secret_word)
_last_word = lru_cache(maxsize=8192)(_last_word_of)
