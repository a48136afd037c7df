"""What must not be found, after good runs and bad ones: the workspace's secrets and the token."""

import hashlib
import hmac
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest

from segment_dagster.emulator import Fault, running
from segment_dagster.endpoints import CATALOGUE
from segment_dagster_tests.text_finder import TextFinder

pytestmark = pytest.mark.slow

NAMES = ("workspace", "sources", "destinations", "warehouses", "spaces", "segments")
TOKEN = "sgp_a-Token-like-no-other-4711"
KEY = "fingerprint-key-like-no-other-0815"


@pytest.fixture
def guarded(world, emulator, monkeypatch):
    """An emulator with a token that is found nowhere else."""
    with running(world=world, minute=0.05, token=TOKEN) as emulator:
        monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
        monkeypatch.setenv("SEGMENT_API_TOKEN", TOKEN)
        yield emulator


@pytest.mark.long
@pytest.mark.parametrize("place", ["environment of dlt", "secrets.toml"])
def test_a_token_among_dlts_secrets_stays_out_of_its_traces(guarded, place, monkeypatch, leaks, tmp_path):
    monkeypatch.delenv("SEGMENT_API_TOKEN")
    if place == "secrets.toml":
        Path(".dlt").mkdir()
        Path(".dlt/secrets.toml").write_text(f'[sources.segment_source]\napi_key = "{TOKEN}"\n')
    else:
        monkeypatch.setenv("SOURCES__SEGMENT_SOURCE__API_KEY", TOKEN)
    script = Path(__file__).parent.parent.parent / "segment_pipeline.py"
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stderr
    assert leaks(ran.stdout, ran.stderr, tmp_path / "home" / ".dlt", Path("segment.duckdb")) == set()


@pytest.fixture
def leaks(world):
    """The secrets, and the token, that are found in texts, or in the bytes of files and of all files in directories."""
    finder = TextFinder([*world.secrets, TOKEN, KEY])

    def found(*things):
        contents = []
        for thing in things:
            if isinstance(thing, Path):
                files = [path for path in [thing, *thing.rglob("*")] if path.is_file()]
                assert files, f"nothing is in {thing}"
                contents += [path.read_bytes() for path in files]
            else:
                contents.append(str(thing).encode())
        return {secret for content in contents for secret in finder.found(content)}

    return found


def test_a_leak_is_found(world, leaks, tmp_path):
    secret = min(world.secrets)
    (tmp_path / "file").write_text(f"x{secret}y{TOKEN}")
    assert leaks(tmp_path, f"\n{KEY}") == {text.encode() for text in (secret, TOKEN, KEY)}
    assert leaks(secret[:-1]) == set()


def text_of_all_rows(duck):
    rows = []
    for name in sorted(duck.tables()):
        columns = ", ".join(f'"{column}"::VARCHAR' for column in duck.columns(name))
        rows += duck.query(f"SELECT {columns} FROM segment_data.{name}")
    return str(rows)


@pytest.fixture
def dagster_home(tmp_path):
    home = tmp_path / "dagster_home"
    home.mkdir()
    return home


def test_the_world_has_secrets_to_leak(world):
    assert len(world.secrets) > 100
    assert all(len(secret) >= 8 for secret in world.secrets)


def test_the_command_loads_an_empty_directory_and_nothing_leaks(guarded, dagster, dagster_home, duck, leaks, started):
    done = dagster(
        "job", "execute", "-m", "segment_dagster.definitions", "-j", "segment_sync", DAGSTER_HOME=str(dagster_home)
    )
    assert done.returncode == 0, done.stderr
    assert duck.tables() == {row.name for row in CATALOGUE if not row.slow and not row.partitioned}
    assert [path.name for path in Path.cwd().iterdir()] == ["segment.duckdb"]
    assert "[redacted]" in text_of_all_rows(duck)
    assert leaks(text_of_all_rows(duck), Path("segment.duckdb"), Path(os.environ["DLT_DATA_DIR"])) == set()
    assert leaks(dagster_home, done.stdout, done.stderr) == set()
    assert "'segment_sync'" in started()
    assert leaks(started()) == set()


@pytest.mark.long
def test_nothing_leaks_of_what_is_read_weekly(guarded, run_selection, duck, leaks):
    names = ("audience_destination_connections", "warehouse_source_syncs")
    outcome = run_selection(dg.AssetSelection.keys(*(["segment", name] for name in names)))
    assert outcome.success, outcome.errors
    assert duck.tables() == set(names)
    assert "[redacted]" in text_of_all_rows(duck)
    assert leaks(text_of_all_rows(duck), Path("segment.duckdb")) == set()
    for materialization in outcome.materialized.values():
        assert leaks(materialization.metadata, materialization.metadata["segment/preview"].value) == set()


@pytest.mark.long
def test_nothing_leaks_from_a_command_that_fails(guarded, dagster, dagster_home, leaks):
    guarded.faults.add(
        Fault("wrong-type", "sources", value="name"),
        Fault("bad-json", "warehouses"),
        Fault("null-key", "destinations"),
        Fault("reset", "spaces"),
    )
    done = dagster(
        "job", "execute", "-m", "segment_dagster.definitions", "-j", "segment_sync", DAGSTER_HOME=str(dagster_home)
    )
    assert done.returncode == 1
    # what a step prints, Dagster keeps in its home and mirrors to the console: of a short step it may lose the end
    said = "".join([done.stderr, *(path.read_text() for path in dagster_home.rglob("*.err"))])
    assert re.search(r"\d\d of 50 endpoints failed\.", said)
    assert leaks(Path("segment.duckdb"), Path(os.environ["DLT_DATA_DIR"]), dagster_home) == set()
    assert leaks(done.stdout, done.stderr) == set()


def test_secrets_land_where_they_are_asked_for_and_nowhere_else(
    guarded, sync, monkeypatch, tmp_path, capfd, duck, leaks, world, dagster_home
):
    monkeypatch.setenv("SEGMENT_INCLUDE_SECRETS", "true")
    with dg.DagsterInstance.local_temp(str(dagster_home)) as instance:
        outcome = sync(instance=instance)
        assert outcome.success and not outcome.failed_checks
    text = text_of_all_rows(duck)
    records = str([world.records(name) for name in NAMES])
    finder = TextFinder(world.secrets)
    asked_for = finder.found(records)
    assert len(asked_for) > 100
    assert asked_for <= finder.found(text)
    assert leaks(dagster_home) == set()
    captured = capfd.readouterr()
    assert leaks(captured.out, captured.err) == set()
    for materialization in outcome.materialized.values():
        assert leaks(materialization.metadata) == set()
        assert leaks(materialization.metadata["segment/preview"].value) == set()
    assert "redacted" in outcome.materialized["sources"].metadata["segment/preview"].value
    assert TOKEN not in text


def test_rows_with_secrets_equal_the_records(guarded, sync, monkeypatch, duck, expected):
    monkeypatch.setenv("SEGMENT_INCLUDE_SECRETS", "true")
    assert sync("sources", "destinations", "warehouses").success
    for name in ("sources", "destinations", "warehouses"):
        assert duck.records(name) == expected(name, None)


def test_fingerprints_tell_secrets_apart_without_telling_them(
    guarded, sync, monkeypatch, duck, expected, leaks, capfd, dagster_home
):
    monkeypatch.setenv("SEGMENT_FINGERPRINT_KEY", KEY)
    with dg.DagsterInstance.local_temp(str(dagster_home)) as instance:
        assert sync("sources", "destinations", "warehouses", instance=instance).success

    def fingerprint(secret):
        return f"hmac:{hmac.new(KEY.encode(), secret.encode(), hashlib.sha256).hexdigest()[:32]}"

    for name in ("sources", "destinations", "warehouses"):
        assert duck.records(name) == expected(name, fingerprint)
    captured = capfd.readouterr()
    places = (Path("segment.duckdb"), Path(os.environ["DLT_DATA_DIR"]), dagster_home)
    assert leaks(*places, captured.out, captured.err) == set()


def test_a_preview_shows_stand_ins(whole, leaks):
    for materialization in whole.materialized.values():
        assert leaks(materialization.metadata) == set()
    assert "redacted" in whole.materialized["sources"].metadata["segment/preview"].value


def test_no_event_of_a_run_holds_a_secret(guarded, sync, leaks):
    guarded.faults.add(Fault("forbidden", "sources"), Fault("truncated", "warehouses"))
    outcome = sync("sources", "warehouses", "spaces")
    assert leaks(*outcome.result.all_events, outcome.error) == set()


def test_a_server_that_repeats_the_token_is_not_quoted(sync, monkeypatch, leaks, fresh):
    """An error envelope may hold anything, the header it complains of too."""

    class Tattler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = (
                f'{{"errors": [{{"type": "bad", "message": "bad header {self.headers["Authorization"]}"}}]}}'.encode()
            )
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Tattler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SEGMENT_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("SEGMENT_API_TOKEN", TOKEN)
        outcome = sync("sources", "workspace", instance=fresh)
        logs = [str(entry) for entry in fresh.all_logs(outcome.result.run_id)]
        server.shutdown()
    assert "[token]" in outcome.error
    assert leaks(outcome.error, outcome.failure_metadata, *outcome.result.all_events, *logs) == set()


def test_the_run_shown_in_the_ui_holds_no_token(guarded, sync, fresh):
    outcome = sync("workspace", instance=fresh)
    assert outcome.success
    assert TOKEN not in str(fresh.get_run_by_id(outcome.result.run_id))
