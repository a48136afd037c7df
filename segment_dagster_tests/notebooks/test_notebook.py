"""The notebook, run without a browser: its figures are those of the report."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import marimo
import pytest

from notebooks import segment_overview as overview
from segment_dagster.report.build import build_report
from segment_dagster.report.figures import Column, Matrix, Neighbourhood, Neighbourhoods, Stats, Table, Target
from segment_dagster.report.formats import shown
from segment_dagster.report.sections.connections import matrix
from segment_dagster_tests.destinations.engines import ENGINES
from segment_dagster_tests.report.loaded import (
    HOSTILE,
    IMAGE,
    LAST_DAY,
    LINK,
    NOW,
    USAGE,
    execute,
    load,
    loaded,
    query,
)
from segment_dagster_tests.text_finder import TextFinder

pytestmark = [pytest.mark.server, pytest.mark.slow]

NOTEBOOK = Path(overview.__file__)


@pytest.fixture(scope="module")
def dataset(one_emulator, tmp_path_factory):
    with loaded(one_emulator, tmp_path_factory.mktemp("notebook")) as file:
        execute(file, *USAGE)
        yield file


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())


@pytest.fixture
def copy(dataset):
    """A file that a test may change, where the notebook looks for one."""
    return Path(shutil.copy(dataset, "segment.duckdb"))


def run():
    """What the cells show, as the text of a page, and what they define."""
    outputs, defined = overview.app.run()
    return "\n".join(marimo.as_html(output).text for output in outputs if output is not None), defined


def test_the_figures_are_those_of_the_marts(copy, one_emulator, monkeypatch):
    before = copy.read_bytes()
    page, defined = run()
    report = defined["report"]
    assert copy.read_bytes() == before, "it only reads"
    assert report == build_report(defined["tables"])
    assert f"Data as of <b>{LAST_DAY:%Y-%m-%d}</b>" in page
    ((sources, destinations, warehouses),) = query(
        copy,
        "SELECT (SELECT count(*) FROM sources), (SELECT count(*) FROM destinations), "
        "(SELECT count(*) FROM warehouse_connected_sources)",
    )
    assert len(defined["neighbourhoods"]) == sources
    assert sum(len(each.targets) for each in defined["neighbourhoods"]) == destinations + warehouses
    (events,) = query(copy, "SELECT sum(events_7d) FROM health_sources")
    stats = {
        stat.label: stat.value
        for section in report.sections.values()
        for figure in section.figures
        if isinstance(figure, Stats)
        for stat in figure.stats
    }
    assert stats["in 7 days"] == shown(events[0], "count")
    assert all(value in page for value in stats.values())
    # that of the tracking plans is not made
    assert re.findall(r"materialize (.*?)\.", re.sub("<.*?>", "", page)) == ["segment/tracking_plan_coverage"]
    assert TextFinder(one_emulator.world.secrets).found(page) == set()
    assert one_emulator.token not in page


def test_names_that_are_markup_stay_text(copy):
    execute(copy, *HOSTILE)
    page, defined = run()
    assert {IMAGE, LINK} <= {source.source for source in defined["neighbourhoods"]}
    # what the API said is data of tables and charts, and is escaped where it is in the page itself
    assert "<img" not in page and "<a " not in page and "href" not in page
    held = json.dumps(IMAGE)[1:-1]
    assert held in unescape(unescape(page)) and LINK in unescape(unescape(page))


def test_without_the_forecast_it_says_which_asset_to_materialize(copy):
    execute(copy, "DROP TABLE usage_forecast", "DROP TABLE health_destinations", "DROP TABLE warehouses")
    page, defined = run()
    text = re.sub("<.*?>", "", page)
    assert "materialize segment/usage_forecast." in text and "materialize segment/health_destinations." in text
    assert "materialize segment/health_destinations, segment/warehouses, segment/warehouse_connected_sources." in text
    assert defined["report"].sections["usage"].figures == []


@pytest.mark.long
@pytest.mark.parametrize(
    "engine", [each for each in ENGINES if each.name == "postgres"], ids=lambda engine: engine.name
)
def test_it_reads_another_destination(engine, emulator, tmp_path, monkeypatch):
    directory = tmp_path / "engine"
    directory.mkdir()
    emulator.clock.set(NOW)
    with engine.started(directory) as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        deliveries = [f"delivery_overview_{which}_delivery" for which in ("successful", "failed")]
        tables = ["workspace", "sources", "destinations", "warehouses", "warehouse_connected_sources", "events_volume"]
        load([*tables, *deliveries], ["health_sources", "health_destinations"])
        _, defined = run()
    assert {name: len(rows) for name, rows in defined["tables"].items()}["health_sources"] == len(
        emulator.records("sources")
    )
    assert len(defined["tables"]["events_daily"]) > 28 and len(defined["tables"]["deliveries_daily"]) > 28
    assert len(defined["tables"]["connected_warehouses"]) == len(emulator.records("warehouse_connected_sources"))
    assert not Path("segment.duckdb").exists()


@pytest.mark.long
def test_as_a_script_it_sums_up_in_a_line(dataset):
    env = os.environ | {"DESTINATION__DUCKDB__CREDENTIALS": str(dataset)}
    ran = subprocess.run([sys.executable, NOTEBOOK], env=env, capture_output=True, text=True, timeout=100)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(r"10 of 11 tables: 40 sources, 126 connections, \d+ need attention\n", ran.stdout)


def test_where_nothing_is_loaded_it_says_how_to_and_makes_no_file():
    page, defined = run()
    assert "Nothing is loaded yet" in page and "make demo" in page
    assert defined["tables"] == {}
    assert list(Path.cwd().iterdir()) == []


def test_a_setting_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("SEGMENT_DESTINATION", "<b>nowhere</b>")
    page, _ = run()
    assert "SEGMENT_DESTINATION is" in page and "which is no destination" in page
    assert "<b>nowhere" not in page


def test_a_file_that_a_run_holds_says_to_come_back(copy, monkeypatch):
    monkeypatch.setattr(overview, "PATIENCE", 0.0)
    hold = "import duckdb, sys; held = duckdb.connect('segment.duckdb'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == b"held\n"
        page, _ = run()
        process.stdin.close()
    assert "Reload this page" in page


def many(number):
    """Sources of two types, each with a destination and a warehouse that they share."""
    return [
        Neighbourhood(
            source=f"Web {each}",
            type="iOS" if each % 2 else "Javascript",
            state="live",
            labels=[("team", "growth")] if each % 3 else [],
            targets=[
                Target(name=f"Slack {each}", type="Slack", state="failing"),
                Target(name="Snowflake", type="Snowflake (warehouse)", state="synced"),
            ],
        )
        for each in range(number)
    ]


def test_sources_are_found_by_name_type_state_and_label():
    sources = many(8)
    assert [each.source for each in overview.found(sources, "WEB 7 ios")] == ["Web 7"]
    assert len(overview.found(sources, "growth live")) == 5
    assert overview.found(sources, "") == sources and overview.found(sources, "android") == []


def rows_of(drawn, layer):
    """The rows of a layer of a chart, which all layers may share."""
    return drawn["datasets"][layer["data"]["name"]]


def test_one_source_is_drawn_with_the_names_of_its_neighbours_and_several_with_their_types():
    alone = json.dumps(overview.graph(many(1)).to_dict())
    assert "Slack 0: Slack, failing" in alone and "Snowflake: Snowflake (warehouse), synced" in alone
    several = overview.graph(many(3)).to_dict()
    assert [len(rows_of(several, layer)) for layer in several["layer"]] == [6, 3, 2]
    assert "Slack 0" not in json.dumps(several)


def test_the_chart_of_400_sources_has_a_row_for_each_type():
    drawn = overview.heat(matrix(many(400), "source type")).to_dict()
    assert {(cell["row"], cell["column"]): cell["count"] for cell in rows_of(drawn, drawn)} == {
        (kind, to): 200 for kind in ("iOS", "Javascript") for to in ("Slack", "Snowflake (warehouse)")
    }


def test_every_kind_of_figure_is_drawn():
    assert overview.drawn(Neighbourhoods(sources=[])) is None, "they have a cell of their own"
    assert "<marimo-table" in overview.drawn(Table(columns=[Column(name="a")], rows=[["b"]])).text
    assert "All is well" in overview.drawn(Table(columns=[], rows=[], empty="All is well")).text
    assert overview.drawn(Matrix(label="a", rows=[], columns=[], counts={})).to_dict()["title"] == "a"


def test_an_address_that_the_api_gives_is_no_link():
    assert overview.no_link("see https://x.example/a, data:image/png;base64,AA and mailto:a@x") == (
        "see https:\u2060//x.example/a, data:\u2060image/png;base64,AA and mailto:\u2060a@x"
    )
    assert overview.no_link("failed: timeout (3)") == "failed: timeout (3)"
    table = overview.drawn(Table(columns=[Column(name="a")], rows=[["https://x.example"]]))
    assert "https:\u2060//x.example" in unescape(unescape(table.text))
