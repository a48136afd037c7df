"""What `_compat/requests_proxies.py` takes for granted of requests."""

import pytest
import requests

from segment_dagster._compat.requests_proxies import environment_proxy

URL = "https://api.example.com/sources"
PROXY, OTHER = "http://proxy.example.com:3128", "http://other.example.com:3128"
BREAKS = "requests takes another proxy than is checked: see segment_dagster/_compat/requests_proxies.py"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTP_PROXY": OTHER}, None),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": OTHER}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "api.example.com"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "other.example.com"}, PROXY),
    ],
    ids=str,
)
def test_it_is_the_proxy_that_a_session_takes(environment, proxy, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert environment_proxy(URL) == proxy, BREAKS
    with requests.Session() as session:
        taken = session.merge_environment_settings(URL, {}, False, None, None)["proxies"]
    assert (taken.get("https") or taken.get("all")) == proxy, BREAKS
