"""The HTTP session: token, time-outs, proxies, no redirects, and connections that can be hung up."""

from typing import Any

from dlt.sources.helpers.requests import Response, Session
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from requests.adapters import HTTPAdapter  # noqa: TID251 - dlt does not hand it on
from requests.exceptions import RequestException  # noqa: TID251 - dlt does not hand it on

from segment_dagster._compat.urllib3_connections import watch_sockets
from segment_dagster.client.deadline import watch
from segment_dagster.config.network import Network


class ApiSession(Session):
    """dlt's requests session, set up for the API. Threads may share one.

    Args:
        token: The API's token, sent with every request.
        timeout: Seconds to wait for a connection, and for an answer.
        max_connections: Connections at once.
        network: The proxy and the certificates.
    """

    def __init__(self, token: str, timeout: tuple[float, float], max_connections: int, network: Network) -> None:
        super().__init__(timeout=timeout, raise_for_status=False)
        self.auth = BearerTokenAuth(token)
        # requests would read the environment for every request
        self.trust_env = False
        self.verify = network.certificates or True
        for scheme in ("http://", "https://"):
            self.mount(scheme, WatchedAdapter(max_connections, network))
            if network.proxy:
                self.proxies[scheme.removesuffix("://")] = network.proxy

    def get_redirect_target(self, resp: Response) -> None:
        """Follow no redirect: the token would go with it."""


class WatchedAdapter(HTTPAdapter):
    """A transport whose connections, to proxies too, have the deadline of the attempt. Threads may share one.

    Args:
        max_connections: Connections at once. Who finds all of them in use waits for one.
        network: The certificates.
    """

    def __init__(self, max_connections: int, network: Network) -> None:
        self._network = network
        super().__init__(pool_maxsize=max_connections, pool_block=True)
        watch_sockets(self.poolmanager, watch)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the connections to a proxy."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            watch_sockets(manager, watch)
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
            self._network.check_certificates()
            raise
