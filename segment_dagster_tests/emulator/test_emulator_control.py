import os
import signal
import socket
import subprocess
import sys

import pytest
import requests

from segment_dagster.emulator import Fault, running
from segment_dagster.emulator.__main__ import main


def test_faults_are_controlled_over_http_without_a_token(api, emulator):
    url = f"{emulator.url}/_emulator/faults"
    emulator.faults.add(Fault("500"))
    given = [{"kind": "503-html", "endpoint": "sources"}, "slow:spaces:value=0"]
    listed = requests.put(url, json=given, timeout=10).json()
    assert [fault["kind"] for fault in listed] == ["503-html", "slow"]
    assert emulator.faults.active == [Fault("503-html", "sources"), Fault("slow", "spaces", value=0)]
    assert requests.get(url, timeout=10).json() == listed
    assert api.get("/sources").status_code == 503
    assert requests.delete(url, timeout=10).status_code == 204
    assert api.get("/sources").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        '{"kind": "500"}',
        "[{}]",
        "[1]",
        "[",
        '["explode"]',
        '[{"kind": "500", "after": "x"}]',
        '[{"kind": "500", "x": 1}]',
    ],
)
def test_faults_that_are_not_valid_change_nothing(emulator, body):
    emulator.faults.add(Fault("500"))
    response = requests.put(f"{emulator.url}/_emulator/faults", data=body, timeout=10)
    assert (response.status_code, response.json()["errors"][0]["type"]) == (422, "bad-request")
    assert emulator.faults.active == [Fault("500")]


def test_stats_are_read_and_cleared_over_http(api, emulator):
    url = f"{emulator.url}/_emulator/stats"
    api.get("/sources?pagination.count=1")
    found = requests.get(url, timeout=10).json()
    assert found["requests"][0].pop("at") == emulator.stats.requests[0].at
    assert found == {
        "total": 1,
        "most_open": 1,
        "by_endpoint": {"sources": 1},
        "refused": {},
        "by_status": {"200": 1},
        "requests": [
            {
                "endpoint": "sources",
                "method": "GET",
                "path": "/sources",
                "query": "pagination.count=1",
                "accept": "*/*",
                "status": 200,
            }
        ],
    }
    assert requests.delete(url, timeout=10).status_code == 204
    assert emulator.stats.total == 0


def test_limits_and_features_are_controlled_over_http(api, emulator):
    url = f"{emulator.url}/_emulator"
    given: dict = {"enforced": True, "minute": 1.5, "token_limit": 2}
    assert requests.put(f"{url}/limits", json=given, timeout=10).json() == given
    assert requests.get(f"{url}/limits", timeout=10).json() == given
    assert [api.get("/sources").status_code for _ in range(3)] == [200, 200, 429]
    given = {"enforced": False, "token_limit": 1000}
    assert requests.put(f"{url}/limits", json=given, timeout=10).json() == given | {"minute": 1.5}
    given = {"without": ["Protocols"], "status": 404}
    assert requests.put(f"{url}/features", json=given, timeout=10).json() == given
    assert requests.get(f"{url}/features", timeout=10).json() == given
    assert api.get("/tracking-plans").status_code == 404
    assert requests.put(f"{url}/features", json={}, timeout=10).json() == {"without": [], "status": 404}
    assert api.get("/tracking-plans").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("limits", "[]", "JSON object"),
        ("limits", '{"enforced": 1}', "enforced"),
        ("limits", '{"minute": true}', "minute"),
        ("limits", '{"minute": 0}', "above 0"),
        ("limits", '{"token_limit": 0}', "1 or more"),
        ("limits", '{"speed": 1}', "unknown 'speed'; there are enforced, minute, token_limit"),
        ("features", '{"without": "Protocols"}', "without"),
        ("features", '{"without": [1]}', "without"),
        ("features", '{"without": ["Magic"]}', "unknown feature 'Magic'; the features are Live Plugins, "),
        ("features", '{"without": [], "status": 418}', "403 or 404"),
    ],
)
def test_settings_that_are_not_valid_change_nothing(emulator, path, body, says):
    url = f"{emulator.url}/_emulator/{path}"
    before = requests.get(url, timeout=10).json()
    response = requests.put(url, data=body, timeout=10)
    assert response.status_code == 422
    assert says in response.json()["errors"][0]["message"]
    assert requests.get(url, timeout=10).json() == before


def test_a_taken_port_is_an_error(world):
    with running(world=world) as emulator:
        again = running(world=world, port=int(emulator.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"), again:
            pass


def test_the_port_is_free_again_afterwards(world):
    with running(world=world) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        requests.get(emulator.url, timeout=10)
    with running(world=world, port=port) as emulator:
        assert requests.get(emulator.url, timeout=10).status_code == 401


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(number):
    environment = os.environ | {"SEGMENT_EMULATOR_TOKEN": "from-the-environment"}
    command = [
        sys.executable,
        "-m",
        "segment_dagster.emulator",
        "--port",
        "0",
        "--scale",
        "0",
        "--fault",
        "500:sources",
        *("--fault", "503-html:reverse_etl_sync_start"),
        *("--limits", "--minute", "3600", "--token-limit", "3"),
        *("--without", "Protocols", "--without", "Functions", "--gate-status", "404"),
        *("--now", "2024-03-15T12:30:00Z", "--quiet-audit", "--quiet-syncs", "--events-a-day", "40"),
        "--planted",
    ]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            words = process.stdout.readline().split()
            headers = {"Authorization": "Bearer from-the-environment"}
            assert requests.get(words[-1], headers=headers, timeout=10).status_code == 200
            assert requests.get(f"{words[-1]}/sources", headers=headers, timeout=10).status_code == 500
            assert requests.get(f"{words[-1]}/tracking-plans", headers=headers, timeout=10).status_code == 404
            assert requests.get(f"{words[-1]}/destinations", headers=headers, timeout=10).status_code == 429
            assert requests.get(f"{words[-1]}/_emulator/clock", timeout=10).json() == {"now": "2024-03-15T12:30:00Z"}
            numbers = requests.get(f"{words[-1]}/_emulator/numbers", timeout=10).json()
            assert {each["kind"] for each in numbers} == {"traffic", "outcome"}
            assert requests.get(f"{words[-1]}/_emulator/audit", timeout=10).json() == {"quiet": True}
            assert requests.get(f"{words[-1]}/_emulator/syncs", timeout=10).json() == {"quiet": True, "syncs": []}
            process.send_signal(number)
            rest, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, rest, errors) == (0, "", "")


def test_the_command_says_that_a_port_is_taken(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            assert main(["--port", str(port), "--scale", "0"]) == 1
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    assert capsys.readouterr() == ("", f"segment_dagster.emulator: port {port} is taken\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fault", "explode"], "unknown fault 'explode'; the faults are 429-retry-after"),
        (["--port", "70000"], "'70000' is not a whole number from 0 to 65535"),
        (["--scale", "-1"], "'-1' is not a whole number"),
        (["--cursor-place", "nowhere"], "page.next"),
        (["--without", "Magic"], "unknown feature 'Magic'; the features are Live Plugins"),
        (["--gate-status", "500"], "403"),
        (["--now", "noon"], "'noon' is not a time"),
        (["--minute", "0"], "'0' is not a number of seconds above 0"),
        (["--minute", "inf"], "'inf' is not a number"),
        (["--token-limit", "0"], "'0' is not a whole number above 0"),
        (["--colour"], "unrecognized arguments"),
        (["--host", "0.0.0.0"], "unrecognized arguments: --host 0.0.0.0"),  # noqa: S104
        (["--bind=::"], "unrecognized arguments: --bind=::"),
        (["--token", "a-token-4711"], "argument --token: everyone on this machine can read it here"),
    ],
)
def test_the_command_refuses_bad_arguments_in_one_line(capsys, arguments, says):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    errors = capsys.readouterr().err
    assert stopped.value.code == 1
    assert says in errors
    assert errors.count("\n") == 1
    assert "a-token-4711" not in errors


def answering(port):
    """Which addresses of this machine other than 127.0.0.1 a port is open at; a port that is open to all is at each."""

    def answers(host, family):
        with socket.socket(family) as connection:
            connection.settimeout(5)
            return connection.connect_ex((host, port)) == 0

    others = {"127.0.0.2": socket.AF_INET, "::1": socket.AF_INET6, "::ffff:127.0.0.2": socket.AF_INET6}
    return {host for host, family in others.items() if answers(host, family)}


def test_only_this_machine_is_served(emulator):
    assert emulator.url.startswith("http://127.0.0.1:")
    port = int(emulator.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        assert answering(port) == set()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_a_port_that_is_open_to_all_is_found(family):
    with socket.create_server(("", 0), family=family, dualstack_ipv6=family is socket.AF_INET6) as opened:
        assert "127.0.0.2" in answering(opened.getsockname()[1])
