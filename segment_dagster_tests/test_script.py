"""`python segment_pipeline.py` as a person runs it: a process of its own in a directory of its own."""

import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from segment_dagster.emulator import Edit, Fault, World, running
from segment_dagster.endpoints import CATALOGUE, TABLES
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent.parent / "segment_pipeline.py"
TOKEN = "S3cr3tTokenOfMine"
CREDENTIALS = "DESTINATION__DUCKDB__CREDENTIALS"
SIX = {"workspace", "sources", "destinations", "warehouses", "spaces", "segments"}
FOREIGN = ("SEGMENT_", "DESTINATION__", "SOURCES__", "DAGSTER_", "DLT_", "RUNTIME__", "NORMALIZE__", "LOAD__")


def run(directory, home, *arguments, stderr=subprocess.PIPE, **settings):
    """Run the script in a directory under a home, with these settings and none of the machine's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    own |= {"HOME": str(home), "DLT_DATA_DIR": f"{home}/.dlt", "RUNTIME__DLTHUB_TELEMETRY": "false"}
    own |= {"RUNTIME__REQUEST_BACKOFF_FACTOR": "0.001", "RUNTIME__REQUEST_MAX_ATTEMPTS": "2"}
    own["SEGMENT_MINUTE_SECONDS"] = "0.05"
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=directory,
        env=own | settings,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.fixture
def script(emulator, tmp_path):
    """Runs the script against the emulator in the working directory: for the six first endpoints if not told others."""
    settings = {"SEGMENT_BASE_URL": emulator.url, "SEGMENT_API_TOKEN": emulator.token}
    return lambda *arguments, **more: run(Path.cwd(), tmp_path / "home", *(arguments or sorted(SIX)), **settings | more)


def counts(file="segment.duckdb", dataset="segment_data"):
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [dataset]
        ).fetchall()
        return {
            name: connection.sql(f"SELECT count(*) FROM {dataset}.{name}").fetchall()[0][0]
            for (name,) in names
            if not name.startswith(("_dlt", "_segment"))
        }


def world_counts(emulator, names):
    return {name: len(emulator.world.records(name)) for name in names}


def error_lines(ran, number):
    lines = ran.stderr.splitlines()
    assert [line[:7] for line in lines] == ["error: "] * number, ran.stderr
    assert "Traceback" not in ran.stderr
    return lines


def test_the_workspace_lands(script, emulator):
    ran = script()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert counts() == world_counts(emulator, SIX)
    assert "1 load package(s) were loaded to destination duckdb and into dataset segment_data" in ran.stdout
    assert "segments: 2,400 rows in 14 requests" in ran.stdout.splitlines()
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["segment.duckdb"]
    assert emulator.token not in ran.stdout

    again = script()
    assert (again.returncode, again.stderr) == (0, "")
    assert counts() == world_counts(emulator, SIX)


@pytest.mark.long
def test_history_lands_where_it_is_asked_for(script, emulator):
    gone = Edit("sources", "delete", emulator.world.records("sources")[0]["id"])
    for edits, rows in (([], 40), ([gone], 39)):
        emulator.edits.replace(edits)
        ran = script("sources", "regulations", SEGMENT_HISTORY="true")
        assert (ran.returncode, ran.stderr) == (0, "")
        regulations = world_counts(emulator, ["regulations"])
        assert counts() == {"sources": rows, "sources_history": 40, **regulations}


@pytest.mark.long
def test_all_but_the_slow_ones_are_read_where_none_is_named(emulator, tmp_path):
    settings = {"SEGMENT_BASE_URL": emulator.url, "SEGMENT_API_TOKEN": emulator.token}
    ran = run(Path.cwd(), tmp_path / "home", **settings)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert set(counts()) == {endpoint.name for endpoint in TABLES if not endpoint.slow}
    assert "warehouses: 3 rows in 1 request" in ran.stdout.splitlines()


def test_the_token_of_another_workspace_is_refused_in_a_line(script, emulator):
    assert script("labels").returncode == 0
    with running(world=World(0, seed=8)) as other:
        ran = script("labels", "roles", SEGMENT_BASE_URL=other.url)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert error_lines(ran, 1)[0].startswith("error: The dataset 'segment_data' of duckdb in ")
    assert counts() == world_counts(emulator, ["labels"])


def test_a_day_before_all_that_there_is_is_one_line(script, emulator):
    ran = script("usage_mtu_daily", "--start", "0001-01-01")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert error_lines(ran, 1)[0].endswith("'0001-01-01' is before 2000: nothing of that time is there")
    assert emulator.stats.total == 0


def test_the_slow_ones_can_be_named(script):
    ran = script("warehouse_syncs", "roles")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert set(counts()) == {"warehouse_syncs", "roles"}


def test_what_is_no_endpoint_is_one_line(script):
    ran = script("roles", "rolls")
    assert (ran.returncode, ran.stdout) == (1, "")
    said = "error: endpoints names 'rolls', which the 'public' layout does not have. Did you mean roles?"
    assert error_lines(ran, 1) == [said]
    assert list(Path.cwd().iterdir()) == []


def test_the_endpoints_can_be_listed(script):
    ran = script("--list", SEGMENT_API_TOKEN="")
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = {line.split()[0]: line for line in ran.stdout.splitlines()}
    assert list(lines) == [endpoint.name for endpoint in TABLES]
    for endpoint in TABLES:
        assert endpoint.path in lines[endpoint.name] and lines[endpoint.name].endswith(endpoint.description)
        assert (" weekly " in lines[endpoint.name]) is endpoint.slow
    assert list(Path.cwd().iterdir()) == []


def test_an_endpoint_that_is_named_twice_is_loaded_once(script):
    ran = script("roles", "warehouses", "roles")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line for line in ran.stdout.splitlines() if line.startswith("roles")] == ["roles: 10 rows in 1 request"]
    assert set(counts()) == {"roles", "warehouses"}


def test_a_summary_is_said_in_the_end(script, emulator):
    emulator.faults.add(Fault("forbidden", "roles"))
    ran = script("warehouses", "roles", "sources")
    assert ran.returncode == 1
    # the workspace is asked for as well
    summary = r"2 tables, 43 rows, 4 requests, 1 failed, 0 failed checks, \d+\.\d s"
    assert re.fullmatch(summary, ran.stdout.splitlines()[-1])


def test_the_status_is_what_the_checks_would_say(script, emulator):
    emulator.faults.add(Fault("wrong-total", "sources"), Fault("duplicate", "destinations"))
    ran = script("warehouses", "sources", "destinations")
    assert ran.returncode == 1
    assert error_lines(ran, 3) == [
        "error: sources: row_count: 40 rows found, but total_entries 41.",
        "error: destinations: row_count: 81 rows found, but total_entries 80.",
        "error: destinations: primary_key: 1 key more than once or null.",
    ]
    assert counts() == {"warehouses": 3, "sources": 40, "destinations": 81}
    assert ", 0 failed, 3 failed checks, " in ran.stdout.splitlines()[-1]

    # what is wrong in a table that is unchanged is told as well
    again = script("sources")
    assert (again.returncode, error_lines(again, 1)) == (
        1,
        ["error: sources: row_count: 40 rows found, but total_entries 41."],
    )


@pytest.mark.long
def test_a_history_that_does_not_end_in_the_rows_fails_the_script(script):
    assert script("roles", SEGMENT_HISTORY="true").returncode == 0
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(
            "UPDATE segment_data.roles_history SET valid_to = valid_from - INTERVAL 1 DAY "
            "WHERE id = (SELECT min(id) FROM segment_data.roles)"
        )
    ran = script("roles", SEGMENT_HISTORY="true")
    assert ran.returncode == 1
    (line,) = error_lines(ran, 1)
    assert line == "error: roles: history: 1 key with a version that ends before it begins."


def test_what_the_checks_only_warn_of_is_told_and_no_failure(script, emulator):
    emulator.faults.add(Fault("extra-field", "roles"), Fault("gone", "user_group_users"))
    ran = script("roles", "user_group_users")
    assert ran.returncode == 0
    warnings = [line for line in ran.stderr.splitlines() if line.startswith("warning: ")]
    assert warnings[0] == "warning: roles: schema: new: beta_limits, beta_tier."
    assert warnings[1].startswith("warning: user_group_users: row_count: ")
    assert "1 list answered 404 twice though still listed (userGroupId=" in warnings[1]


def test_a_child_alone_tells_that_its_parent_is_incomplete(script, emulator):
    emulator.faults.add(Fault("wrong-total", "users"), Fault("gone", "warehouse_connected_sources"))
    ran = script("user_user_groups", "warehouse_selective_syncs")
    assert ran.returncode == 1
    warning, error = (line for line in ran.stderr.splitlines() if line.startswith(("warning: ", "error: ")))
    assert error == (
        "error: user_user_groups: row_count: 114 rows found, but its parent users delivered 60 records of 61."
    )
    assert warning.startswith("warning: warehouse_selective_syncs: row_count: ")
    assert warning.endswith(
        ", but 1 list of its parent warehouse_connected_sources answered 404 twice though still listed."
    )
    assert ", 0 failed, 1 failed check, " in ran.stdout.splitlines()[-1]


def test_a_terminal_sees_one_line_and_then_what_became_of_all(emulator, tmp_path):
    emulator.faults.add(Fault("slow", "warehouses", value=1.0), Fault("500", "roles", times=1))
    mine, theirs = pty.openpty()
    settings = {"SEGMENT_BASE_URL": emulator.url, "SEGMENT_API_TOKEN": emulator.token, "COLUMNS": "150"}
    ran = run(Path.cwd(), tmp_path / "home", "warehouses", "roles", stderr=theirs, **settings)
    os.close(theirs)
    said = b""
    # the end of a terminal that nobody has open any more is an error
    with suppress(OSError):
        while more := os.read(mine, 65536):
            said += more
    os.close(mine)
    assert ran.returncode == 0
    text = said.decode()
    assert re.search(r"\d s: 1 of 2 endpoints read, 11 rows, \d requests; waiting for warehouses", text)
    # one warning above the line, and no other line
    (warning,) = (line for line in text.splitlines(keepends=True) if line.endswith("\n"))
    assert "roles: GET /roles failed (500)" in warning
    assert ran.stdout.splitlines()[-1].startswith("2 tables, 13 rows, ")


def test_an_unknown_option_is_one_line(script):
    ran = script("--everything")
    assert (ran.returncode, ran.stdout) == (1, "")
    error_lines(ran, 1)


def test_what_the_plan_lacks_is_skipped_and_told(script, emulator):
    emulator.faults.add(Fault("missing-feature", "tracking_plans"))
    ran = script("tracking_plans", "tracking_plan_rules", "roles")
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    lacks = "GET /tracking-plans was refused (403): the workspace's plan lacks the feature 'Protocols'"
    assert f"tracking_plans: skipped, because {lacks}" in lines
    assert f"tracking_plan_rules: skipped, because it takes one request per record of tracking_plans: {lacks}" in lines
    assert set(counts()) == {"roles"}


def test_what_the_plan_lacks_can_be_made_a_failure(script, emulator):
    emulator.faults.add(Fault("missing-feature", "tracking_plans"))
    ran = script("tracking_plans", "roles", SEGMENT_ON_UNAVAILABLE="fail")
    assert ran.returncode == 1
    assert error_lines(ran, 1)[0].startswith("error: tracking_plans: not available, because GET /tracking-plans was")
    assert set(counts()) == {"roles"}


def test_the_versioned_layout_has_no_spaces(emulator, tmp_path):
    settings = {"SEGMENT_BASE_URL": emulator.url, "SEGMENT_API_TOKEN": emulator.token}
    ran = run(Path.cwd(), tmp_path / "home", SEGMENT_API_LAYOUT="versioned", **settings)
    assert (ran.returncode, ran.stderr) == (0, "")
    names = {endpoint.name for endpoint in CATALOGUE if endpoint.versioned}
    assert SIX - names == {"spaces"}
    assert "spaces: skipped, because the 'versioned' layout has no such endpoint" in ran.stdout.splitlines()
    assert counts() == world_counts(emulator, names)


def test_settings_move_file_and_dataset(script, emulator, tmp_path):
    ran = script(**{CREDENTIALS: str(tmp_path / "moved.duckdb"), "SEGMENT_DATASET": "mine"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert set(counts(tmp_path / "moved.duckdb", "mine")) >= SIX
    assert list(Path.cwd().iterdir()) == []


def test_one_endpoint_that_fails_costs_no_other(script, emulator):
    emulator.faults.add(Fault("forbidden", "spaces"))
    ran = script("spaces", "segments", "sources")
    assert ran.returncode == 1
    lines = error_lines(ran, 2)
    assert lines[0].startswith("error: spaces: GET /spaces was refused (403)")
    assert lines[1].startswith("error: segments: not read, because it takes one request per record of spaces")
    assert counts() == world_counts(emulator, {"sources"})
    assert "sources: 40 rows in 1 request" in ran.stdout.splitlines()


def test_a_failed_endpoint_keeps_its_old_rows(script, emulator):
    assert script().returncode == 0
    emulator.faults.add(Fault("renamed-key", "destinations"))
    ran = script()
    assert ran.returncode == 1
    error_lines(ran, 1)
    assert counts()["destinations"] == 80


def test_a_token_that_is_refused_leaves_nothing(script, tmp_path):
    ran = script(SEGMENT_API_TOKEN=TOKEN)
    assert (ran.returncode, ran.stdout) == (1, "")
    lines = ran.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert "the token is not valid (401)" in lines[0]
    assert TOKEN not in ran.stderr
    assert list(Path.cwd().iterdir()) == []


def test_a_passing_fault_is_no_failure(script, emulator):
    emulator.faults.add(Fault("500", "sources", times=1))
    ran = script()
    assert ran.returncode == 0
    assert counts()["sources"] == 40
    assert all(line.startswith("sources: GET /sources failed (500)") for line in ran.stderr.splitlines())


def test_a_file_that_another_process_holds_is_one_line(script, emulator):
    assert script().returncode == 0
    holding = "import duckdb, sys; c = duckdb.connect('segment.duckdb'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin and holder.stdout
        assert holder.stdout.readline() == "held\n"
        ran = script(SEGMENT_LOCK_TIMEOUT="0.2")
        holder.stdin.close()
    assert (ran.returncode, ran.stdout) == (1, "")
    waiting, error = ran.stderr.splitlines()
    assert error.startswith(f"error: {Path.cwd()}/segment.duckdb is locked by ")
    assert "python" in error.partition("(process")[0].partition("locked by")[2]
    assert f"(process {holder.pid}), and was for 0.2 s" in error
    assert waiting.startswith(f"{Path.cwd()}/segment.duckdb is in use by ")
    assert f"(process {holder.pid}): waiting for it" in waiting
    assert counts()["sources"] == 40


def directory_with(name, content=b"", mode=0o644):
    def make(directory):
        path = directory / name
        path.write_bytes(content)
        path.chmod(mode)

    return make


def nothing(directory):
    pass


GOOD = {"SEGMENT_API_TOKEN": TOKEN, "SEGMENT_BASE_URL": "http://127.0.0.1:9"}
DUCKDB_HEAD = b"\0" * 8 + b"DUCK" + b"\0" * 100
BAD = {
    "no token": ({"SEGMENT_API_TOKEN": ""}, "SEGMENT_API_TOKEN is not set", nothing),
    "token with a line break": ({"SEGMENT_API_TOKEN": f"{TOKEN}\n"}, "SEGMENT_API_TOKEN holds a space", nothing),
    "token with a space": ({"SEGMENT_API_TOKEN": f"{TOKEN} {TOKEN}"}, "SEGMENT_API_TOKEN holds a space", nothing),
    "region": ({"SEGMENT_REGION": "mars"}, "SEGMENT_REGION is 'mars'", nothing),
    "layout": ({"SEGMENT_API_LAYOUT": "v1"}, "SEGMENT_API_LAYOUT is 'v1'", nothing),
    "address without scheme": ({"SEGMENT_BASE_URL": "api.example"}, "SEGMENT_BASE_URL is no address", nothing),
    "address in the clear": ({"SEGMENT_BASE_URL": "http://api.example"}, "SEGMENT_BASE_URL starts with", nothing),
    "address with a user": ({"SEGMENT_BASE_URL": f"https://u:{TOKEN}@a.example"}, "SEGMENT_BASE_URL holds a", nothing),
    "address without a port": ({"SEGMENT_BASE_URL": "https://127.0.0.1:port"}, "SEGMENT_BASE_URL", nothing),
    "page size": ({"SEGMENT_PAGE_SIZE": "0"}, "SEGMENT_PAGE_SIZE is '0'", nothing),
    "concurrency": ({"SEGMENT_CONCURRENCY": "many"}, "SEGMENT_CONCURRENCY is 'many'", nothing),
    "a time out of range": ({"SEGMENT_NOW": "0001-01-01T00:00:00+05:00"}, "SEGMENT_NOW is '0001-01-01T", nothing),
    "a log level": ({"RUNTIME__LOG_LEVEL": "NOPE"}, "RUNTIME__LOG_LEVEL or RUNTIME__LOG_FORMAT cannot be", nothing),
    "sentry": ({"RUNTIME__SENTRY_DSN": TOKEN}, "RUNTIME__SENTRY_DSN is set, and the package sentry-sdk", nothing),
    "a time-out": ({"RUNTIME__REQUEST_TIMEOUT": TOKEN}, "RUNTIME__REQUEST_TIMEOUT has a value of the", nothing),
    "include secrets": ({"SEGMENT_INCLUDE_SECRETS": "maybe"}, "SEGMENT_INCLUDE_SECRETS is 'maybe'", nothing),
    "destination": ({"SEGMENT_DESTINATION": "oracle"}, "SEGMENT_DESTINATION is 'oracle'", nothing),
    "dataset": ({"SEGMENT_DATASET": "My-Data"}, "SEGMENT_DATASET is 'My-Data'", nothing),
    "missing directory": ({CREDENTIALS: "missing/x.duckdb"}, f"{CREDENTIALS} names ", nothing),
    "a directory": ({CREDENTIALS: "."}, f"{CREDENTIALS} names ", nothing),
    "MotherDuck": ({CREDENTIALS: f"md:x?motherduck_token={TOKEN}"}, f"{CREDENTIALS} is 'md:x'", nothing),
    "memory": ({CREDENTIALS: ":memory:"}, f"{CREDENTIALS} ", nothing),
    "file named like the dataset": ({CREDENTIALS: "segment_data.duckdb"}, f"{CREDENTIALS} names the file", nothing),
    "no DuckDB file": ({}, f"{CREDENTIALS} names ", directory_with("segment.duckdb", b"hello")),
    "read-only file": ({}, f"{CREDENTIALS} names ", directory_with("segment.duckdb", DUCKDB_HEAD, 0o444)),
    "broken secrets.toml": ({"SEGMENT_API_TOKEN": ""}, "", directory_with("secrets.toml", b"[sources\napi_key = x")),
}


def snapshot(directory):
    return {path: path.read_bytes() if path.is_file() else None for path in directory.rglob("*")}


@pytest.mark.parametrize("case", often(BAD, 4))
def test_a_bad_input_is_one_line_and_leaves_nothing(case, tmp_path):
    settings, said, make = BAD[case]
    root = tmp_path / "of_its_own"
    directory = root / "work"
    (directory / ".dlt" if case == "broken secrets.toml" else directory).mkdir(parents=True)
    make(directory / ".dlt" if case == "broken secrets.toml" else directory)
    before = snapshot(root)
    ran = run(directory, root / "home", **GOOD | settings)
    (line,) = error_lines(ran, 1)
    assert line.startswith(f"error: {said}")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert TOKEN not in line
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("setting", "says"),
    often(
        [
            ("RESTORE_FROM_DESTINATION", "RESTORE_FROM_DESTINATION has a value of the wrong type."),
            ("LOAD__WORKERS", "LOAD__WORKERS has a value of the wrong type."),
            ("EXTRACT__WORKERS", "EXTRACT__WORKERS has a value of the wrong type."),
            ("SCHEMA__NAMING", "SCHEMA__NAMING cannot be used"),
        ],
        1,
    ),
)
def test_a_setting_of_dlt_that_is_used_late_is_one_line(setting, says, script):
    ran = script("warehouses", **{setting: "nonsense"})
    assert (ran.returncode, ran.stdout) == (1, "")
    assert error_lines(ran, 1)[0].startswith(f"error: {says}")


@pytest.mark.parametrize("told", often([signal.SIGINT, signal.SIGTERM], 1), ids=["interrupted", "terminated"])
def test_a_script_that_waits_for_an_answer_ends_when_it_is_told(told, emulator, tmp_path):
    # longer than a test may take: only hanging up ends it
    emulator.faults.add(Fault("slow", "segments", value=300))
    spools = tmp_path / "spools"
    spools.mkdir()
    with subprocess.Popen(
        [sys.executable, SCRIPT],
        env={**os.environ, "TMPDIR": str(spools)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as script:
        while emulator.stats.most_open < 2:
            with pytest.raises(subprocess.TimeoutExpired):
                script.wait(0.05)
        script.send_signal(told)
        _, said = script.communicate(timeout=110)
    assert script.returncode == 128 + told
    assert b"Traceback" not in said
    assert list(spools.iterdir()) == []
    assert not Path("segment.duckdb").exists()
