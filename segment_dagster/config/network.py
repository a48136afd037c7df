"""The proxy and the certificates that the environment has for the API, checked: requests takes them as they come."""

import importlib.util
import os
import re
import socket
import ssl
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from segment_dagster._compat.requests_proxies import environment_proxy
from segment_dagster.errors import SettingError
from segment_dagster.foreign_text import foreign_text

CERTIFICATE_SETTINGS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Settings with a file or directory of trusted certificates; the first that is set is used."""

HOST = re.compile(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?|[0-9a-f:]*:[0-9a-f:.]*")
"""The host of a URL, in small letters."""

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def is_loopback(url: str) -> bool:
    """Return whether a URL points to this machine. Requests to it must not go through a proxy."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return (mapped or address).is_loopback
    except ValueError:
        pass
    try:
        # 127.1, 2130706433
        return socket.inet_aton(host)[0] == 127
    except OSError:
        return False


@dataclass(frozen=True)
class Network:
    """How the API is reached from here: requests would look it up in the environment for every request."""

    proxy: str | None = field(default=None, repr=False)
    """Address of the proxy, which may hold a password; `None` if there is none."""

    proxy_setting: str = ""
    """The setting that it comes from."""

    certificates: str | None = None
    """File or directory of trusted certificates; `None` for those of certifi."""

    certificates_setting: str = ""
    """The setting that they come from."""

    def check_certificates(self) -> None:
        """Check the certificates that are set.

        Raises:
            SettingError: They cannot be used.
        """
        if self.certificates is None:
            return
        try:
            if Path(self.certificates).is_dir():
                next(Path(self.certificates).iterdir(), None)
            else:
                ssl.create_default_context(cafile=self.certificates)
        except OSError as error:
            shown = f"names {foreign_text(self.certificates, 200)!r}"
            if isinstance(error, ssl.SSLError):
                problem = f"{shown}, which holds no certificates"
            elif isinstance(error, FileNotFoundError):
                problem = f"{shown}, which does not exist"
            else:
                problem = f"{shown}, which cannot be read ({error.strerror})"
            remedy = "Set it to a file of certificates in PEM form, or unset it: those of certifi count then."
            raise SettingError(self.certificates_setting, problem, remedy) from None


def resolve_network(url: str) -> Network:
    """Return the proxy and the certificates that the environment has for a URL, checked.

    Raises:
        SettingError: One of them cannot be used.
    """
    proxy, scheme = None if is_loopback(url) else environment_proxy(url), urlsplit(url).scheme
    environment = os.environ  # noqa: TID251 - the edge
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    proxy_setting = next(
        (name for name in names if proxy and environment.get(name) == proxy), f"{scheme.upper()}_PROXY"
    )
    certificates_setting = next((name for name in CERTIFICATE_SETTINGS if environment.get(name)), "")
    network = Network(proxy, proxy_setting, environment.get(certificates_setting) or None, certificates_setting)
    if proxy and (problem := _proxy_problem(proxy)):
        raise SettingError(
            proxy_setting,
            problem,
            "Set it to an address such as http://proxy.example.com:3128, user name and password percent-encoded; "
            "or name the API's host in NO_PROXY.",
        )
    if scheme == "https":
        network.check_certificates()
    return network


def _proxy_problem(proxy: str) -> str | None:
    """Return what is wrong with a proxy's address. The text omits the address, which may contain a password."""
    if not proxy.isprintable() or any(character.isspace() for character in proxy):
        return "holds a space, a line break or another character that no address has"
    try:
        parts = parse_url(proxy if "://" in proxy else f"http://{proxy}")
        split = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host = (parts.host or "").strip("[]")
        if ":" not in host:
            # DNS resolution encodes the host in the same way
            host.encode("idna")
        unusable = not host or parts.port == 0
        for text in (split.username, split.password):
            if any(ord(character) < 32 for character in unquote(text or "")):
                return "has a user name or a password with a character that none has"
            unquote(text or "").encode("latin-1")
    except (LocationParseError, UnicodeError) as error:
        if isinstance(error, UnicodeEncodeError) and error.encoding == "latin-1":
            return "has a user name or a password that no header can hold (it is not in Latin-1)"
        return "is no address of a proxy"
    except ValueError:
        return "is no address of a proxy"
    if unusable:
        return "is no address of a proxy"
    if parts.scheme not in _SCHEMES:
        return "has a scheme that no proxy has"
    if parts.scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        return "is a SOCKS proxy, which needs the package PySocks, and that is not installed"
    return None
