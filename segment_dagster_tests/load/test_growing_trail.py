"""An audit trail that grows while it is read: rows that moved to the next page come twice and are in the table once."""

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.extractor import Extractor
from segment_dagster.load import inspect_dataset, load_extracts, resolve_destination
from segment_dagster.load.verify import LoadedTable, failed_checks, row_count

pytestmark = pytest.mark.slow

AUDIT = next(endpoint for endpoint in CATALOGUE if endpoint.name == "audit_events")
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
EVENTS, PAGE = 50, 10


def event(number, **other):
    at = (NOW - timedelta(minutes=10) + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
    return {"id": f"e{number}", "timestamp": at, "type": "Source Modified", "actor": "u", "resourceId": "r"} | other


def answers(kind):
    """The pages of the trail's newest piece, by their cursors; all other pieces are empty."""
    state = {"asked": 0}

    def page(offset):
        grows = kind not in ("same page", "still", "all over")
        state["asked"] += grows
        events = [event(number) for number in reversed(range(EVENTS + state["asked"]))]
        shown = events[offset : offset + PAGE]
        if kind == "other values" and offset == 20:
            shown[0] = event(int(shown[0]["id"][1:]), type="Source Deleted")
        if kind == "same page" and offset == 20:
            shown[1] = shown[0]
        if kind == "lost" and offset == 20:
            shown = shown[:-2]
        after = offset + PAGE if offset + PAGE < len(events) else None
        pagination = {"current": offset, "totalEntries": len(events)} | ({"next": after} if after else {})
        return {"data": {"events": shown, "pagination": pagination}}

    return page


@pytest.fixture
def trail(monkeypatch):
    """Serves a trail of one kind."""
    servers = []

    def serve(kind):
        page = answers(kind)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                newest = "endTime" not in asked
                empty = {"data": {"events": [], "pagination": {"current": 0, "totalEntries": 0}}}
                body = json.dumps(page(int(asked.get("pagination.cursor", 0))) if newest else empty).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SEGMENT_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("SEGMENT_API_TOKEN", "t" * 20)
        monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def loaded(kind, trail):
    """What the API delivered, what the checks find of it and what the one of the rows' number says."""
    trail(kind)
    with Extractor(ApiSettings(concurrency=1, page_size=PAGE)) as extractor:
        extract = extractor.extract(AUDIT)
        load_extracts([extract], resolve_destination(DestinationSettings()), now=ApiSettings().now)
        with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
            failed = [name for _, name, _ in failed_checks([extract], tables)]
            return extract, failed, row_count(LoadedTable.of(extract, tables)).description


def test_rows_that_moved_to_the_next_page_are_no_fault(trail):
    extract, failed, said = loaded("growing", trail)
    assert failed == [], said
    assert (extract.rows, extract.records, extract.repeated) == (56, 56, 5)
    assert said.startswith("51 rows found of ") and said.endswith(", 56 delivered, 5 of them again on a later page.")


@pytest.mark.parametrize(
    ("kind", "found", "ends"),
    [
        ("other values", 51, "but delivered 56, 4 of them again on a later page."),
        ("same page", 49, "but delivered 50."),
    ],
)
def test_keys_that_come_twice_in_another_way_are_told(kind, found, ends, trail):
    _, failed, said = loaded(kind, trail)
    assert failed == ["row_count"]
    assert said.startswith(f"{found} rows found of ") and said.endswith(ends)


def test_rows_that_are_missing_are_told_though_others_came_twice(trail):
    _, failed, said = loaded("lost", trail)
    assert failed == ["row_count"]
    assert "total_entries 56" in said


def test_a_trail_that_stands_still_is_as_delivered(trail):
    extract, failed, said = loaded("still", trail)
    assert (failed, extract.repeated) == ([], 0)
    assert said.endswith(", as delivered.")
