"""An HTTP session that asks again after a passing fault, and that can be ended in the middle of a request."""

import http.client
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from dlt.sources.helpers.requests import Response, Session
from requests.adapters import HTTPAdapter  # noqa: TID251 - dlt does not hand it on
from requests.exceptions import RequestException  # noqa: TID251 - dlt does not hand it on
from tenacity import Retrying
from urllib3.connection import HTTPConnection
from urllib3.poolmanager import PoolManager

from segment_dagster.client.deadline import Deadlines
from segment_dagster.network import check_certificates, is_loopback


class _Response(http.client.HTTPResponse):
    """An answer whose head urllib3 says nothing about: what it logs of an odd one is the sender's own text."""

    def begin(self) -> None:
        super().begin()
        self.msg.defects.clear()
        if not self.msg.is_multipart():
            self.msg.set_payload("")


class _WatchedConnection(HTTPConnection):
    """A connection that is hung up when its attempt's time is over. Mixed into those of urllib3."""

    deadlines: Deadlines
    response_class = _Response

    def _new_conn(self) -> Any:
        sock = super()._new_conn()
        # before the handshakes with a proxy and of TLS, in which it can be kept waiting as well
        self.deadlines.watch(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.deadlines.watch(self.sock)
        super().request(*args, **kwargs)


class WatchedAdapter(HTTPAdapter):
    """A transport for requests whose connections, to proxies too, have a deadline. Threads may share one.

    Args:
        deadlines: Those of the attempts.
        most: Connections at once, at most. Who finds all of them in use waits for one.
    """

    def __init__(self, deadlines: Deadlines, most: int) -> None:
        super().__init__(pool_maxsize=most, pool_block=True)
        self._deadlines = deadlines
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the connections to a proxy."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            self._watch(manager)
        return manager

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request, once.

        Raises:
            SettingError: The certificates that are set are no longer there.
        """
        try:
            return super().send(request, *args, **kwargs)
        except RequestException:
            raise
        except OSError:
            # requests has no error of its own for a file that it does not find
            check_certificates()
            raise

    def _watch(self, manager: PoolManager) -> None:
        pools: dict[str, Any] = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": self._watched(pool.ConnectionCls)})
            for scheme, pool in pools.items()
        }

    def _watched(self, connection: type[Any]) -> type[Any]:
        return type(connection.__name__, (_WatchedConnection, connection), {"deadlines": self._deadlines})


class RetryingSession(Session):
    """A session of dlt's requests helper whose every `send` is tried as often as told. Threads may share one.

    Args:
        timeout: Seconds to wait for a connection, and for an answer.
        retrying: Says, for each `send` anew, when to try again and when to stop.
        turn: Entered for every try.
        deadlines: Those of the tries.
        most_open: Connections at once, at most.
    """

    def __init__(
        self,
        timeout: tuple[float, float],
        retrying: Callable[[], Retrying],
        turn: Callable[[], AbstractContextManager[None]],
        deadlines: Deadlines,
        most_open: int,
    ) -> None:
        super().__init__(timeout=timeout, raise_for_status=False)
        self._retrying = retrying
        self._turn = turn
        for scheme in ("http://", "https://"):
            self.mount(scheme, WatchedAdapter(deadlines, most_open))

    def merge_environment_settings(self, url: Any, *args: Any, **kwargs: Any) -> Any:
        """Take proxies and certificates from the environment; for this machine itself, no proxy whatever that says."""
        merged = super().merge_environment_settings(url, *args, **kwargs)
        if is_loopback(url):
            merged["proxies"] = {}
        return merged

    def send(self, request: Any, **kwargs: Any) -> Response:
        """Send a prepared request until an answer passes the response hooks."""
        send_once = super().send

        def attempt() -> Response:
            with self._turn():
                response: Response = send_once(request, **kwargs)  # type: ignore[no-untyped-call] # dlt leaves it untyped
                return response

        return self._retrying()(attempt)
