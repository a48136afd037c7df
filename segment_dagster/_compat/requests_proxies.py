"""Ask requests which proxy it would take for an address.

Private to: requests 2.34 (`get_environ_proxies` and `select_proxy` of `requests.utils`, which no page of its
documentation names).

If it changes: the API is asked by another proxy than the environment names, or by one though `NO_PROXY` names it.
"""

from requests.utils import get_environ_proxies, select_proxy


def environment_proxy(url: str) -> str | None:
    """Return the address of the proxy that requests takes from the environment for an address, if any."""
    return select_proxy(url, get_environ_proxies(url)) or None
