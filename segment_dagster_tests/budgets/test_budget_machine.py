"""The files that the processes of a machine share: whose they are, and what becomes of broken ones."""

import gc
import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from segment_dagster.client.budgets import window_bytes, window_file
from segment_dagster.client.budgets.budget import MAX_BLOCK, SECOND, StoreError
from segment_dagster.client.budgets.machine import STALE, MachineStore, default_directory
from segment_dagster.client.budgets.memory import monotonic
from segment_dagster.client.budgets.window import SlidingWindow
from segment_dagster.client.budgets.window_bytes import from_bytes, to_bytes
from segment_dagster_tests.budgets.store_contract import HOUR, two


@pytest.fixture
def store(tmp_path):
    return MachineStore(tmp_path / "shared")


def file_of(store, budget):
    return store.directory / budget.key


def in_a_process(code, *arguments, **options):
    """Start Python; it has `store` of the directory and `budgets`, and ends where its input ends."""
    head = (
        "import sys, json; from pathlib import Path\n"
        "from segment_dagster.client.budgets.budget import Budget\n"
        "from segment_dagster.client.budgets.machine import MachineStore\n"
        "store = MachineStore(Path(sys.argv[1]))\n"
        "budgets = [Budget(*each) for each in json.loads(sys.argv[2])]\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def arguments(store, budgets):
    return str(store.directory), json.dumps([[each.owner, each.name, each.limit, each.minute] for each in budgets])


def test_processes_share_what_they_took(store):
    budgets = two(3, 10)
    assert store.take(budgets).wait == 0
    code = "print([store.take(budgets).wait > 0 for _ in range(3)])"
    with in_a_process(code, *arguments(store, budgets)) as process:
        assert process.communicate()[0] == "[False, False, True]\n"
    assert store.take(budgets).wait > 0


def test_a_process_that_ends_says_nothing(store):
    with in_a_process("store.take(budgets)", *arguments(store, two()), stderr=subprocess.PIPE) as process:
        assert process.communicate() == ("", "")
        assert process.returncode == 0


def test_a_store_that_nobody_has_any_more_closes_its_files(tmp_path):
    store = MachineStore(tmp_path / "shared")
    store.take(two())
    opened = [file._descriptor for file in store._files.values()]
    assert all(os.fstat(each) for each in opened)
    del store
    gc.collect()
    for each in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(each)


def test_a_process_that_is_killed_with_the_lock_lets_go_of_it(store):
    budgets = two()
    code = "with store._locked(budgets):\n print('locked', flush=True); sys.stdin.read()"
    with in_a_process(code, *arguments(store, budgets)) as process:
        assert process.stdout.readline() == "locked\n"
        process.kill()
    assert store.take(budgets).wait == 0


def test_a_process_that_is_stopped_with_the_lock_is_not_waited_for_for_ever(store, monkeypatch):
    monkeypatch.setattr(window_file, "LOCK_TIMEOUT", 0.01)
    budgets = two()
    code = "with store._locked(budgets):\n print('locked', flush=True); sys.stdin.read()"
    with in_a_process(code, *arguments(store, budgets)) as process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(StoreError, match=r"another process has locked it for more than 0\.01 s"):
            store.take(budgets)
        process.communicate("")
    assert store.take(budgets).wait == 0


def test_a_forked_child_does_not_have_the_lock_of_its_parent(store, monkeypatch):
    monkeypatch.setattr(window_file, "LOCK_TIMEOUT", 0.01)
    budgets = two()
    store.take(budgets)
    with store._locked(budgets):
        child = os.fork()
        if not child:
            try:
                store._files[budgets[0].key].lock()
            except StoreError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_directory_and_files_are_this_users_alone(store):
    previous = os.umask(0)
    try:
        store.open()
        store.take(two())
    finally:
        os.umask(previous)
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) for each in store.directory.iterdir()] == [0o600, 0o600]


def test_all_processes_of_a_user_find_the_same_directory():
    code = "from segment_dagster.client.budgets.machine import default_directory; print(default_directory())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == f"{default_directory()}\n"
    assert str(os.geteuid()) in default_directory().name


def test_no_token_is_in_the_directory(store, tmp_path):
    store.take(two())
    names = [path.name for path in store.directory.iterdir()]
    assert sorted(name.rpartition(".")[2] for name in names) == ["segments", "token"]
    assert all(len(name.partition(".")[0]) == 64 for name in names)


def open_to_others(path):
    path.mkdir(mode=0o700)
    path.chmod(0o770)


def linked(path):
    path.with_name("other").mkdir(mode=0o700)
    path.symlink_to(path.with_name("other"))


def of_another(path):
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (open_to_others, "others may use it"),
        (linked, "Not a directory|Too many levels of symbolic links"),
        (Path.touch, "File exists|Not a directory"),
    ],
    ids=["open to others", "a link", "a file"],
)
def test_a_directory_that_others_may_have_made_is_not_used(store, made, reason):
    made(store.directory)
    for use in (store.open, lambda: store.take(two()), lambda: store.block(two()[0], SECOND)):
        with pytest.raises(StoreError, match=reason):
            use()
    assert not store.directory.is_dir() or list(store.directory.iterdir()) == []


def test_a_directory_of_another_user_is_not_used(tmp_path):
    # root can give one away; who is not root finds one of root's
    directory = tmp_path / "shared" if os.geteuid() == 0 else Path("/usr")
    if os.geteuid() == 0:
        of_another(directory)
    with pytest.raises(StoreError, match="it belongs to another user"):
        MachineStore(directory).take(two())


def linked_file(path):
    path.with_name("other").touch(mode=0o600)
    path.symlink_to(path.with_name("other"))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda path: (path.touch(), path.chmod(0o660)), "others may use it"),
        (linked_file, "Too many levels of symbolic links"),
        (os.mkfifo, "it is of another kind|No such device"),
        (Path.mkdir, "Is a directory"),
    ],
    ids=["open to others", "a link", "a pipe", "a directory"],
)
def test_a_file_that_others_may_have_made_is_not_used(store, made, reason):
    budgets = two()
    store.open()
    made(file_of(store, budgets[0]))
    with pytest.raises(StoreError, match=reason):
        store.take(budgets)


@pytest.mark.parametrize(
    "broken",
    [
        lambda content: b"x",
        lambda content: content[:-8],
        lambda content: content + b"\0" * 8,
        lambda content: content[:-1] + b"\xff",
        lambda content: b"otherone" + content[8:],
        lambda content: content[:8] + b"\0\0\0\0" + content[12:],
        lambda content: b"\xff" * len(content),
        lambda content: os.urandom(4096),
    ],
    ids=["one byte", "cut off", "longer", "a bit", "another form", "checksum", "ones", "chance"],
)
def test_a_broken_file_is_begun_anew_with_one_warning(store, broken, caplog):
    budgets = two(2, 5)
    store.take(budgets)
    for _ in range(2):
        file = file_of(store, budgets[0])
        file.write_bytes(broken(file.read_bytes()))
        assert [store.take(budgets[:1]).wait > 0 for _ in range(3)] == [False, False, True]
    assert [record.getMessage() for record in caplog.records] == [
        f"{file_of(store, budgets[0])} does not hold what was written: requests of a token are counted anew"
    ]


def test_a_file_that_is_far_too_long_is_not_read(store, monkeypatch, caplog):
    budgets = two()
    monkeypatch.setattr(window_file, "MAX_SIZE", 10)
    store.take(budgets)
    assert store.take(budgets).wait == 0
    assert "does not hold what was written" in caplog.text


def test_a_file_or_directory_that_was_deleted_is_made_anew(store):
    budgets = two(2, 5)
    for _ in range(2):
        assert [store.take(budgets).wait > 0 for _ in range(3)] == [False, False, True]
        file_of(store, budgets[0]).unlink()
        file_of(store, budgets[1]).unlink()
    store.take(budgets)
    for path in store.directory.iterdir():
        path.unlink()
    store.directory.rmdir()
    assert store.take(budgets).wait == 0


def test_a_disk_that_is_full_is_an_error_of_the_store(store):
    # a file of this process may have no byte
    code = (
        "import resource, signal\n"
        "from segment_dagster.client.budgets.budget import StoreError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "try: store.take(budgets)\n"
        "except StoreError as error: print(error)\n"
    )
    with in_a_process(code, *arguments(store, two())) as process:
        assert process.communicate()[0] == "File too large\n"


def test_a_disk_with_room_for_half_a_file_is_an_error_too(store):
    code = (
        "import resource, signal\n"
        "from segment_dagster.client.budgets.budget import StoreError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "try: store.take(budgets)\n"
        "except StoreError as error: print(error)\n"
    )
    budgets = two()
    with in_a_process(code, *arguments(store, budgets)) as process:
        assert process.communicate()[0] == "there is no room left\n"
    # and what it left is begun anew
    assert store.take(budgets).wait == 0


def test_what_nobody_wrote_for_two_hours_is_deleted(store):
    old, new = two(), two()
    store.take(old)
    store.take(new)
    for budget in old:
        past = file_of(store, budget).stat().st_mtime - STALE - 60
        os.utime(file_of(store, budget), (past, past))
    MachineStore(store.directory).open()
    assert {path.name for path in store.directory.iterdir()} == {budget.key for budget in new}
    # who has it open is not misled
    assert [store.take(old).wait > 0 for _ in range(3)] == [False, False, True]


def test_a_file_that_another_process_deletes_meanwhile_is_no_error(store, monkeypatch):
    monkeypatch.setattr(os, "listdir", lambda directory: ["gone"])
    store.open()


def window(**state):
    made = SlidingWindow(HOUR)
    for name, value in state.items():
        getattr(made, name).extend(value) if isinstance(value, list) else setattr(made, name, value)
    return made


WHOLE = {"in_flight": [5, 6], "answered": [1, 7], "blocked_until": 20, "shrunk_to": 3, "shrunk_until": 30}


def state_of(made):
    return {name: list(value) if name in ("in_flight", "answered") else value for name, value in vars(made).items()}


def test_a_window_comes_back_from_its_bytes():
    assert state_of(from_bytes(to_bytes(window(**WHOLE)), HOUR, 10)) == {**WHOLE, "minute": HOUR}
    assert state_of(from_bytes(to_bytes(window()), HOUR, 0)) == state_of(window())
    assert state_of(from_bytes(b"", HOUR, 0)) == state_of(window())


@pytest.mark.parametrize(
    "later",
    [
        {"in_flight": [5, 11]},
        {"answered": [5, 11]},
        {"in_flight": [11], "answered": [3]},
        {"blocked_until": 11 + MAX_BLOCK},
        {"shrunk_until": 11 + HOUR},
    ],
    ids=str,
)
def test_times_that_have_not_come_are_of_another_boot(later):
    assert state_of(from_bytes(to_bytes(window(**later)), HOUR, 10)) == state_of(window())
    assert state_of(from_bytes(to_bytes(window(**later)), HOUR, 11)) != state_of(window())


def test_a_window_of_another_boot_is_empty(monkeypatch):
    content = to_bytes(window(**WHOLE))
    window_bytes._boot.cache_clear()
    monkeypatch.setattr(window_bytes, "_BOOT_ID", Path("/nothing/of/the/kind"))
    try:
        assert state_of(from_bytes(content, HOUR, 10)) == state_of(window())
        assert state_of(from_bytes(to_bytes(window(**WHOLE)), HOUR, 10)) == {**WHOLE, "minute": HOUR}
    finally:
        window_bytes._boot.cache_clear()


def test_time_is_the_same_in_all_processes():
    before = monotonic()
    code = "from segment_dagster.client.budgets.memory import monotonic; print(monotonic())"
    between = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert before <= between <= monotonic()


def test_a_store_that_works_logs_nothing(store, caplog):
    with caplog.at_level(logging.DEBUG):
        store.open()
        store.take(two())
    assert caplog.records == []
