"""Adding an endpoint is adding a row: asset, table, checks and documentation follow from it."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import pytest

from segment_dagster.assets import segment_assets
from segment_dagster.checks import standard_checks
from segment_dagster.config import DefinitionSettings
from segment_dagster.endpoints import CATALOGUE, Column, Endpoint, Parent, ParentParam, Reference, Secrecy

pytestmark = pytest.mark.slow

GADGETS = Endpoint(
    name="gadgets",
    domain="toys",
    description="Every gadget of the workspace.",
    documentation="https://example.com/gadgets",
    path="/gadgets",
    selector=("data", "gadgets"),
    media_type="application/vnd.segment.v1+json",
    page_size=2,
    primary_key=("gadgetId", "region"),
    references=(Reference(field="workspaceId", endpoint="workspace"),),
    requests_per_minute=30,
    columns=(
        Column(field="gadgetId", type="text", description="Which gadget."),
        Column(field="region", type="text", description="Where."),
        Column(field="workspaceId", type="text", description="Whose."),
        Column(field="count", type="bigint", description="How many."),
        Column(field="weight", type="double", description="How heavy."),
        Column(field="broken", type="bool", description="Whether it works."),
        Column(field="madeAt", type="timestamp", description="When."),
        Column(field="parts", type="json", description="Of what."),
        Column(field="loginKeys", type="json", description="Who gets in.", secrecy=Secrecy.ALL),
    ),
)
SCREWS = Endpoint(
    name="screws",
    domain="toys",
    description="Every screw of every gadget.",
    documentation="https://example.com/screws",
    path="/gadgets/{gadgetId}/screws",
    selector=("data", "screws"),
    media_type="application/vnd.segment.v1+json",
    page_size=100,
    primary_key=("id",),
    parent=Parent(endpoint="gadgets", binds=(ParentParam(parameter="gadgetId", field="gadgetId"),)),
    columns=(
        Column(field="id", type="text", description="Which screw."),
        Column(field="size", type="bigint", description="How large."),
    ),
)
WORKSPACE = {"id": "w1", "slug": "toys", "name": "Toys"}
RECORDS = [
    {
        "gadgetId": f"g/{number}",
        "region": "eu",
        "workspaceId": "w1",
        "count": str(number),
        "weight": number / 4,
        "broken": number % 2 == 0,
        "madeAt": f"2024-01-0{number}T12:00:00Z",
        "parts": [{"name": "cog", "teeth": number}],
        "loginKeys": ["hush-hush-1", "hush-hush-2"],
    }
    for number in range(1, 6)
]


class Api(BaseHTTPRequestHandler):
    """Two endpoints that the catalogue does not have, in pages."""

    asked: ClassVar[list[str]] = []

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/":
            return self._answer({"workspace": WORKSPACE})
        name = parts.path.rpartition("/")[2]
        gadget = parts.path.split("/")[2] if name == "screws" else ""
        records = [{"id": f"{gadget}-{n}", "size": n} for n in range(3)] if name == "screws" else RECORDS
        query = parse_qs(parts.query)
        start, size = int(query.get("pagination.cursor", ["0"])[0]), int(query["pagination.count"][0])
        pagination = {"current": str(start), "totalEntries": len(records)}
        if start + size < len(records):
            pagination["next"] = str(start + size)
        return self._answer({name: records[start : start + size], "pagination": pagination})

    def _answer(self, data):
        self.asked.append(self.path)
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def api(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        Api.asked.clear()
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SEGMENT_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("SEGMENT_API_TOKEN", "any")
        yield
        server.shutdown()


@pytest.fixture
def assets():
    return segment_assets(
        (CATALOGUE[0], GADGETS, SCREWS),
        standard_checks(DefinitionSettings()),
        name="toys",
    )


def materialize(assets, *names):
    selection = [dg.AssetKey(["segment", name]) for name in names] or None
    return dg.materialize([assets], selection=selection)


def test_the_row_makes_an_asset(assets):
    (spec,) = [spec for spec in assets.specs if spec.key == dg.AssetKey(["segment", "gadgets"])]
    assert spec.group_name == "toys"
    assert {dep.asset_key for dep in spec.deps} == {dg.AssetKey(["segment", "workspace"])}
    assert "`GET /gadgets` ([documentation](https://example.com/gadgets))" in spec.description
    assert "Segment allows 30 requests a minute." in spec.description
    columns = spec.metadata["dagster/column_schema"].columns
    assert [column.name for column in columns][:3] == ["gadget_id", "region", "workspace_id"]


def test_the_row_makes_the_checks_that_apply(assets):
    made = {(spec.asset_key.path[-1], spec.name) for spec in assets.check_specs}
    assert {name for asset, name in made if asset == "gadgets"} == {"row_count", "schema", "primary_key", "references"}
    assert {name for asset, name in made if asset == "screws"} == {"row_count", "schema", "primary_key"}


def test_the_row_makes_a_table(assets, api, duck):
    result = materialize(assets)
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    assert len(result.get_asset_check_evaluations()) == 10
    assert duck.tables() == {"workspace", "gadgets", "screws"}
    types = duck.columns("gadgets")
    assert (types["count"], types["weight"], types["broken"], types["parts"]) == ("BIGINT", "DOUBLE", "BOOLEAN", "JSON")
    rows = duck.query(
        "SELECT gadget_id, count, weight, broken, parts->>'$[0].name' FROM segment_data.gadgets ORDER BY 1"
    )
    assert rows == [(f"g/{n}", n, n / 4, n % 2 == 0, "cog") for n in range(1, 6)]
    keys = duck.query("SELECT DISTINCT login_keys::VARCHAR FROM segment_data.gadgets")
    assert keys == [('["[redacted]","[redacted]"]',)]
    assert duck.query("SELECT count(*) FROM segment_data.screws") == [(15,)]


def test_the_rows_paths_are_asked_page_by_page(assets, api):
    materialize(assets, "gadgets", "screws")
    paths = [urlsplit(path).path for path in Api.asked]
    # the first page once more in the end: has anything moved meanwhile?
    assert paths.count("/gadgets") == 3 + 1
    # a parent's id goes into the path whole, whatever it holds
    assert sorted(set(paths) - {"/", "/gadgets"}) == [f"/gadgets/g%2F{n}/screws" for n in range(1, 6)]


def test_the_row_joins_the_catalogue(api, emulator, monkeypatch):
    monkeypatch.setenv("SEGMENT_BASE_URL", emulator.url)
    monkeypatch.setenv("SEGMENT_API_TOKEN", emulator.token)
    everything = segment_assets((*CATALOGUE, GADGETS), standard_checks(DefinitionSettings()))
    assert len(list(everything.specs)) == len(CATALOGUE) + 1
    result = materialize(everything, "workspace", "warehouses")
    assert result.success


def test_two_families_live_side_by_side(code_location):
    both = dg.Definitions.merge(
        code_location,
        dg.Definitions(assets=[segment_assets((GADGETS,), standard_checks(DefinitionSettings()), name="toys")]),
    )
    own = set(code_location.resolve_all_asset_keys())
    assert set(both.resolve_all_asset_keys()) == own | {dg.AssetKey(["segment", GADGETS.name])}
