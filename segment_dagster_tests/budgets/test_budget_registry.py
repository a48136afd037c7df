"""Who shares a budget: the clients of one token and address; and what the setting leads to."""

import logging
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace

import pytest

from segment_dagster.assets import SegmentResource
from segment_dagster.client import SegmentClient
from segment_dagster.client.budgets import PROCESS, owner_of, registry
from segment_dagster.client.budgets.machine import default_directory
from segment_dagster.components.workspace import WorkspaceAttributes
from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.errors import SettingError

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
FREE, LIMITED = ROWS["sources"], replace(ROWS["segments"], requests_per_minute=3)
URL = "http://127.0.0.1:1"
PASSWORD = "S3cr3tOfTheServer"


@pytest.fixture
def client():
    clients = []

    def make(**settings):
        made = SegmentClient(ApiSettings(**{"token": "mine", "base_url": URL, "minute": 3600.0, **settings}))
        clients.append(made)
        return made

    yield make
    for each in clients:
        each.close()


def free(client, endpoint=FREE):
    """How many more requests a client may send at once."""
    limits, sent = client.limits, 0
    while not limits._budgets.take(limits._budgets_of(endpoint)).wait:
        sent += 1
    return sent


def test_clients_of_one_token_and_address_share_its_budgets(client):
    first, second = client(requests_per_minute=10), client(requests_per_minute=10)
    with first.limits.slot(LIMITED), first.limits.slot(FREE):
        pass
    assert free(second, LIMITED) == 2
    assert free(second) == 6
    assert free(first) == 0


def test_each_of_them_keeps_to_its_own_setting(client):
    careful, other = client(requests_per_minute=2), client(requests_per_minute=5)
    assert free(careful) == 2
    assert free(other) == 3
    assert free(careful) == 0


def test_runs_leave_a_part_of_the_token_to_a_sensor_that_cannot_wait_for_a_minute(client):
    run, sensor = client(requests_per_minute=100), client(requests_per_minute=100, rate_limit_seconds=15.0)
    assert (free(run), free(sensor)) == (98, 2)
    # what is said of the allowed is the setting
    assert run.limits.allowed(FREE) == 100


@pytest.mark.parametrize(
    "other",
    [{"token": "another"}, {"base_url": "http://127.0.0.1:2"}, {"minute": 3599.0}],
    ids=lambda other: next(iter(other)),
)
def test_another_token_address_or_minute_has_budgets_of_its_own(client, other):
    assert free(client(requests_per_minute=2)) == 2
    assert free(client(requests_per_minute=2, **other)) == 2


def test_a_429_keeps_all_of_them_back(client):
    first, second = client(), client()
    first.limits.on_429(LIMITED, 600)
    assert free(second, LIMITED) == 0
    first.limits.on_429(FREE, 600)
    assert free(second) == 0


def test_what_headers_say_holds_for_all_of_them(client):
    first, second = client(requests_per_minute=10), client(requests_per_minute=10)
    with first.limits.slot(FREE) as slot:
        first.limits.update_from_headers(FREE, slot, "2", "998", 600)
    assert free(second) == 2


def test_closing_one_wakes_its_own_threads_alone(client):
    first, second = client(), client()
    first.limits.on_429(FREE, 3600)
    went = threading.Event()

    def wait(each):
        with each.limits.slot(FREE):
            went.set()

    threads = [threading.Thread(target=wait, args=(each,)) for each in (first, second)]
    for thread in threads:
        thread.start()
    first.close()
    threads[0].join(timeout=10)
    assert went.is_set() and threads[1].is_alive()
    second.close()
    threads[1].join(timeout=10)


def test_the_name_of_a_token_tells_nothing_of_it():
    names = {owner_of("mine", URL), owner_of("mine", f"{URL}/"), owner_of("mine2", URL)}
    assert len(names) == 3
    assert all(len(name) == 64 and "mine" not in name for name in names)


def test_processes_share_the_budgets_of_a_token_without_a_setting(client, monkeypatch, tmp_path):
    monkeypatch.delenv("SEGMENT_BUDGET_URL")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    code = (
        "from segment_dagster.client import SegmentClient; from segment_dagster.config import ApiSettings\n"
        "from segment_dagster.endpoints import CATALOGUE\n"
        "endpoint = {each.name: each for each in CATALOGUE}['sources']\n"
        f"settings = ApiSettings(token='mine', base_url={URL!r}, minute=3600.0)\n"
        "with SegmentClient(settings) as client, client.limits.slot(endpoint): pass"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert default_directory().parent == tmp_path
    assert free(client(requests_per_minute=3)) == 2


def test_a_default_directory_that_cannot_be_used_stops_nothing(client, monkeypatch, tmp_path, caplog):
    monkeypatch.delenv("SEGMENT_BUDGET_URL")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    default_directory().touch()
    assert free(client(requests_per_minute=2)) == 2
    assert free(client(requests_per_minute=2)) == 0
    assert [record.getMessage() for record in caplog.records] == [
        f"{default_directory()} does not work (File exists): each process keeps to the rate limits by itself until it "
        "works again"
    ]


def test_without_the_locks_of_unix_each_process_has_its_own_budget():
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from segment_dagster.client.budgets import PROCESS, Budget\n"
        "budgets = PROCESS.budgets(None)\n"
        "print([budgets.take([Budget('me', 'token', 2, 10**9)]).wait > 0 for _ in range(3)])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("[False, False, True]\n", "")


def test_a_forked_child_opens_its_own(client):
    assert free(client(requests_per_minute=2)) == 2
    opened = dict(PROCESS._opened)
    assert opened
    child = os.fork()
    if not child:
        os._exit(0 if PROCESS._opened == {} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert PROCESS._opened == opened


def refused(url, *parts, **settings):
    with pytest.raises(SettingError) as caught:
        SegmentClient(ApiSettings(token="mine", base_url=URL, budget_url=url, **settings))
    text = str(caught.value)
    assert text.startswith("SEGMENT_BUDGET_URL ") and text.splitlines() == [text]
    assert PASSWORD not in text
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    "url",
    [
        "memory",
        "mysql://me:{}@host",
        "postgresql+psycopg2://me:{}@host",
        "redis://",
        "redis://:{}@host:port",
        "redis://:{}@host:99999",
        "redis://:{}@host:0",
        "redis://:{}@[host",
        "redis://:{}@host\n",
        "redis://:{} @host",
        "file://",
        "file:///",
        "file://host/directory",
        "file:directory",
    ],
)
def test_an_address_that_leads_nowhere_is_refused_unseen(url):
    refused(url.format(PASSWORD), "is no address of PostgreSQL, Redis or a directory", "file:///directory")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:{}@127.0.0.1:1/budgets",
        "postgres://me:{}@127.0.0.1:1,127.0.0.1:2/budgets",
        "redis://:{}@127.0.0.1:1",
        "rediss://:{}@127.0.0.1:1/3",
    ],
)
def test_a_server_that_cannot_be_reached_stops_the_run_at_its_start(url):
    refused(
        url.format(PASSWORD), "which does not work (it cannot be reached)", "Correct the address or start the server"
    )


@pytest.mark.parametrize("url", ["redis://:{}@h?socket_timeout=soon", "postgres://me:{}@h:port/budgets"])
def test_what_the_driver_cannot_read_is_refused_unseen(url):
    refused(url.format(PASSWORD), "which does not work (its address is malformed)")


@pytest.mark.parametrize(
    ("url", "extra", "driver"), [("redis://h", "redis", "redis"), ("postgres://h", "postgres", "psycopg2")]
)
def test_a_driver_that_is_missing_is_named_by_its_extra(url, extra, driver, monkeypatch):
    monkeypatch.setitem(sys.modules, driver, None)
    refused(url, "whose driver is not installed", f"pip install 'segment_dagster[{extra}]'")


def test_a_directory_that_cannot_be_used_is_refused_where_it_was_chosen(tmp_path):
    tmp_path.chmod(0o755)
    refused(f"file://{tmp_path}", f"leads to {tmp_path}, which cannot be used (others may use it)", "mode 700")


def test_a_directory_may_have_any_name(tmp_path, client):
    free(client(budget_url=f"file://{tmp_path}/a%20b", requests_per_minute=2))
    assert (tmp_path / "a b").is_dir()


def test_the_address_is_shown_nowhere(monkeypatch, caplog):
    url = f"redis://:{PASSWORD}@127.0.0.1:1"
    with caplog.at_level(logging.DEBUG):
        assert ApiSettings(budget_url=url).budget_url == url
        shown = [repr(ApiSettings(budget_url=url)), repr(SegmentResource(budget_url=url))]
        shown.append(repr(WorkspaceAttributes(budget_url=url)))
        monkeypatch.setenv("SEGMENT_BUDGET_URL", url)
        assert ApiSettings().budget_url == url
        shown.append(repr(ApiSettings()))
    assert PASSWORD not in "".join(shown) + caplog.text


def test_an_empty_address_is_none(monkeypatch):
    monkeypatch.setenv("SEGMENT_BUDGET_URL", "")
    assert ApiSettings().budget_url is None


def test_the_resource_and_the_component_pass_it_on(tmp_path):
    url = f"file://{tmp_path}/theirs"
    assert SegmentResource(budget_url=url).settings().budget_url == url
    assert WorkspaceAttributes(budget_url=url).resource().settings().budget_url == url


def test_the_setting_is_named_as_the_settings_name_it():
    assert registry.SETTING == "SEGMENT_BUDGET_URL"
