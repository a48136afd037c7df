"""What `_compat/urllib3_connections.py` takes for granted of urllib3 and http.client."""

import http.client

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

from segment_dagster._compat.urllib3_connections import watch_sockets
from segment_dagster_tests.client.raw_server import serving

BREAKS = "an endless answer is hung up no more: see segment_dagster/_compat/urllib3_connections.py"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_urllib3_makes_its_sockets_in_new_conn():
    for connection in (HTTPConnection, HTTPSConnection):
        assert callable(getattr(connection, "_new_conn", None)), (
            f"urllib3 has no {connection.__name__}._new_conn: {BREAKS}"
        )


def test_urllib3_takes_the_class_of_a_connection_from_its_pool_and_of_a_pool_from_its_manager():
    with urllib3.PoolManager() as manager:
        pools = getattr(manager, "pool_classes_by_scheme", {})
    assert pools.keys() == {"http", "https"}, f"urllib3 has no PoolManager.pool_classes_by_scheme: {BREAKS}"
    assert issubclass(HTTPConnectionPool.ConnectionCls, HTTPConnection), f"urllib3 has no ConnectionCls: {BREAKS}"


def test_every_socket_is_passed_on_before_its_request_a_kept_one_too():
    def answer(raw, connection):
        connection.sendall(OK)
        connection.recv(65536)
        connection.sendall(OK)
        raw.stopping.wait(20)

    sockets: list[int] = []
    with serving(answer) as raw, urllib3.PoolManager() as manager:
        watch_sockets(manager, lambda sock: sockets.append(sock.fileno()))
        for _ in range(2):
            assert manager.request("GET", raw.url, retries=False).data == b"ok"
    assert len(raw.asked) == 1, "one connection"
    # new, and before the first request; kept, and before the second
    assert len(set(sockets)) == 1, f"a socket was not passed on: {BREAKS}"
    assert len(sockets) >= 2, f"a connection that is kept was not passed on: {BREAKS}"


def test_http_client_makes_responses_of_the_connections_class():
    assert http.client.HTTPConnection.response_class is http.client.HTTPResponse, (
        "http.client has no HTTPConnection.response_class: urllib3 logs odd heads of answers as they are"
    )


def test_an_odd_head_is_in_no_log(caplog):
    odd = b"HTTP/1.1 200 OK\r\nX-A: b\r\nno colon \x1b[31m\r\nContent-Length: 2\r\n\r\nok"

    def logged(watched):
        caplog.clear()
        with serving(lambda _, connection: connection.sendall(odd)) as raw, urllib3.PoolManager() as manager:
            if watched:
                watch_sockets(manager, lambda _: None)
            manager.request("GET", raw.url, retries=False)
        return [
            record for record in caplog.records if record.name.startswith("urllib3") and record.levelname == "WARNING"
        ]

    assert logged(watched=False), "urllib3 logs no odd heads any more: _QuietResponse is not needed"
    assert not logged(watched=True), "urllib3 logs odd heads of answers as they are: http.client changed begin or msg"
