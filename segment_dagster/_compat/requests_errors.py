"""Find in the errors of requests what it has no field for: an untrusted certificate, and the status of a proxy.

Private to: requests 2.34 and urllib3 2.8, which wrap each other's errors in `args`, `reason` and `original_error`, in
no documented order; http.client of Python 3.10 to 3.13, which has the status of a proxy in the text of its error alone
(`Tunnel connection failed: 407 Proxy Authentication Required`).

If it changes: an untrusted certificate is reported as a host that cannot be reached, after minutes of retries; a proxy
that refuses is retried, and its status is missing in the error.
"""

import re
import ssl
from collections.abc import Iterator

_REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (4\d\d)\b")


def is_untrusted(failure: BaseException) -> bool:
    """Return whether the server's certificate was not trusted."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(failure))


def proxy_status(failure: BaseException) -> int | None:
    """Return the status, 400 to 499, with which a proxy refused to connect to the server; `None` if it did not."""
    found = (_REFUSED_BY_PROXY.search(str(each)) for each in _causes(failure) if isinstance(each, OSError))
    return next((int(match[1]) for match in found if match), None)


def _causes(failure: BaseException) -> Iterator[BaseException]:
    waiting, seen = [failure], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (*each.args, getattr(each, "reason", None), getattr(each, "original_error", None))
        waiting += [cause for cause in (*inner, each.__cause__) if isinstance(cause, BaseException)]
