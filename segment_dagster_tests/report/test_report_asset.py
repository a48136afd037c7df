"""`segment/report`: one file that asks nothing of anybody, with the figures of the marts."""

import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from segment_dagster import DestinationResource, SegmentResource, SegmentTranslator
from segment_dagster.assets.translator import AssetSpecs
from segment_dagster.config import HealthSettings
from segment_dagster.endpoints import TABLES as ENDPOINTS
from segment_dagster.report import NAME, report_asset, report_spec
from segment_dagster_tests.report.loaded import HOSTILE, IMAGE, LAST_DAY, LINK, NOW, USAGE, execute, loaded, query
from segment_dagster_tests.text_finder import TextFinder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(one_emulator, tmp_path_factory):
    with loaded(one_emulator, tmp_path_factory.mktemp("report")) as file:
        execute(file, *USAGE)
        yield file


@pytest.fixture(scope="module")
def once(dataset):
    """The report of the dataset as it is by default: the metadata, the page, and the file."""
    with pytest.MonkeyPatch.context() as settings:
        settings.setenv("SEGMENT_NOW", NOW.isoformat())
        return made(asset(dataset, path=dataset.parent / "made" / "health.html"))


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", NOW.isoformat())


@pytest.fixture
def copy(dataset):
    """A file that a test may change."""
    return Path(shutil.copy(dataset, "segment.duckdb"))


class Prefixed(SegmentTranslator):
    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=spec.key.with_prefix("prod"), owners=["team:growth"])


def asset(file, *, translator=None, marts=("health_sources",), workspace=None, **arguments):
    specs = AssetSpecs(translator or SegmentTranslator(), ENDPOINTS)
    for name in marts:
        specs.add(name, dg.AssetSpec(["segment", name]))
    specs.add(NAME, report_spec())
    return report_asset(
        specs,
        name="segment_report",
        workspace=workspace or SegmentResource(),
        destination=DestinationResource(database=str(file)),
        settings=HealthSettings(),
        **arguments,
    )


def made(definition, instance=None):
    """The metadata of the materialization, and the file."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        done = dg.materialize([definition], instance=instance or ephemeral)
        (materialization,) = done.asset_materializations_for_node("segment_report")
        file = Path(str(materialization.metadata["segment/report"].value))
        return materialization, file.read_text(encoding="utf-8"), file


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text, self.inside = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text.append(data)


def test_the_file_has_the_figures_of_the_marts(dataset, once):
    materialization, page, file = once
    text = Elements(page).text
    assert file == dataset.parent / "made" / "health.html" and list(file.parent.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600
    assert materialization.metadata["segment/data_as_of"].value == LAST_DAY.isoformat()
    assert LAST_DAY.isoformat() in text
    failing = query(dataset, "SELECT destination_name FROM health_destinations WHERE state = 'failing'")
    silent = query(dataset, "SELECT 1 FROM health_sources WHERE enabled AND state IN ('dead', 'quiet', 'never')")
    # the usage of two metrics besides
    assert materialization.metadata["segment/needs_attention"].value == len(failing) + len(silent) + 2 > 2
    assert all(any(" ".join(name.split()) in each for each in text) for (name,) in failing)
    ((sources, live),) = query(
        dataset, "SELECT count(*), count(*) FILTER (enabled AND state = 'live') FROM health_sources"
    )
    stats = set(pairwise(text))
    assert {
        (str(sources), "sources"),
        (str(live), "live"),
        ("1.17M", "MTU so far"),
        ("13.4B", "API calls by the end of the month"),
    } <= stats
    assert "plan 12B" in text
    assert "forecast 1.87M, 1.72M to 2.02M" in text
    # one figure for the billed users, and none with more than three digits
    assert "1165587" not in page and "1,165,587" not in page


def test_the_report_says_what_is_not_loaded_by_the_keys_of_the_instance(copy):
    execute(copy, "DROP TABLE usage_forecast")
    definition = asset(copy, translator=Prefixed(), marts=("usage_forecast",))
    assert next(iter(definition.specs)).owners == ["team:growth"]
    materialization, page, file = made(definition)
    assert "materialize <code>prod/segment/usage_forecast</code>" in page
    assert materialization.metadata["segment/not_loaded"].value == [
        "prod/segment/usage_forecast",
        "segment/tracking_plan_coverage",
    ]
    assert file.parts[-3:] == ("prod", "segment", "report.html")


def test_it_depends_on_what_the_instance_has_of_the_tables():
    (spec,) = asset("x.duckdb", marts=("health_sources", "unused")).specs
    deps = {dep.asset_key.path[-1] for dep in spec.deps}
    assert {"health_sources", "unused", "events_volume", "warehouses"} <= deps
    assert "usage_forecast" not in deps


def test_a_page_that_shows_the_same_has_the_same_version_and_the_link_that_is_given(dataset, once, monkeypatch):
    monkeypatch.setenv("SEGMENT_NOW", NOW.replace(hour=9).isoformat())
    with dg.DagsterInstance.ephemeral() as instance:
        materialization, page, file = made(asset(dataset, url="https://dagster.example.com/health.html"), instance)
        assert file == Path(instance.storage_directory()) / "segment" / "report.html"
    assert "made 2026-03-20 06:30 UTC" in once[1] and "made 2026-03-20 09:30 UTC" in page
    assert materialization.tags["dagster/data_version"] == once[0].tags["dagster/data_version"]
    assert materialization.metadata["segment/report_url"].value == "https://dagster.example.com/health.html"


def test_the_page_loads_nothing_from_anywhere(once):
    _, page, _ = once
    elements = Elements(page).found
    assert not {"img", "link", "iframe", "object", "base", "form", "video"} & {tag for tag, _ in elements}
    for tag, attributes in elements:
        assert not {"src", "srcset", "style", "action", "xlink:href"} & set(attributes), tag
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in page and "@import" not in page and "://" not in page
    policy = next(attributes["content"] for tag, attributes in elements if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; ")
    for name in ("style", "script"):
        (text,) = re.findall(f"<{name}>(.*?)</{name}>", page, re.DOTALL)
        assert f"{name}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy


def test_names_that_are_markup_stay_text(copy):
    execute(copy, *HOSTILE)
    _, page, _ = made(asset(copy, workspace=SegmentResource(preview="on")))
    elements = Elements(page)
    assert not [tag for tag, attributes in elements.found if tag == "img" or "onerror" in attributes]
    assert {attributes.get("href", "#")[0] for tag, attributes in elements.found if tag == "a"} == {"#"}
    assert page.count("<script>") == 1
    said = "".join(elements.text)
    assert said.count(IMAGE) > 10 and said.count(LINK) > 10


def people(file):
    """Names and addresses in the marts."""
    rows = query(
        file, "SELECT user_name, user_email FROM access_review UNION SELECT actor, actor_email FROM changes_weekly"
    )
    return {text for row in rows for text in row if text and len(text) > 5}


def test_people_are_masked_by_default_and_where_nothing_is_previewed(dataset, once):
    _, by_default, _ = once
    _, page, _ = made(asset(dataset, workspace=SegmentResource(preview="off")))
    assert TextFinder(people(dataset)).found(page + by_default) == set()
    assert "@e***" in page and "@e***" in by_default


def test_people_are_shown_where_the_setting_says_so(dataset):
    _, page, _ = made(asset(dataset, workspace=SegmentResource(preview="on")))
    emails = {email for (email,) in query(dataset, "SELECT DISTINCT user_email FROM access_review")} - {None}
    assert sum(email in page.replace("&#x27;", "'") for email in emails) > 10


def test_an_address_in_the_name_of_a_source_is_masked_too(copy):
    execute(copy, "UPDATE health_sources SET source_name = 'of ann@example.com'")
    _, page, _ = made(asset(copy))
    assert "ann@example.com" not in page and "of a***@e***" in page


def failure(definition):
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([definition], instance=instance, raise_on_error=False)
    (event,) = done.get_step_failure_events()
    told = event.step_failure_data.user_failure_data
    assert told is not None
    return str(told.description)


def test_without_a_mart_it_says_what_to_materialize():
    assert failure(asset("none.duckdb")) == (
        "segment/report: the dataset segment_data has none of the tables that it shows. "
        "Materialize segment/health_sources first."
    )
    assert not Path("none.duckdb").exists()


def test_a_file_that_cannot_be_written_is_told(dataset, tmp_path):
    (tmp_path / "taken").write_text("somebody's")
    said = failure(asset(dataset, path=tmp_path / "taken" / "report.html"))
    assert said.startswith(f"report path leads to {tmp_path}/taken/report.html, which cannot be written (")
    assert said.endswith("Set it to a file in a directory that can be written to.")
    (tmp_path / "directory").mkdir()
    assert "cannot be written (Is a directory)" in failure(asset(dataset, path=tmp_path / "directory"))
    assert sorted(each.name for each in tmp_path.iterdir() if each.name not in ("work", "home", "budgets")) == [
        "directory",
        "taken",
    ]
