"""Lists that answer 404: asked for again where what they are asked with is still listed, and then told."""

import tempfile

import pytest

from segment_dagster.client.errors import NotFoundError
from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.endpoints import CATALOGUE
from segment_dagster.extract.extractor import Extractor
from segment_dagster.extract.not_found import MAX_NAME, names_of
from segment_dagster.extract.times import StreamSlice

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
SETTINGS, FILTERS, PLUGINS = (
    ROWS[name] for name in ("source_schema_settings", "destination_filters", "source_live_plugins")
)


@pytest.fixture(autouse=True)
def spools(tmp_path, monkeypatch):
    directory = tmp_path / "spools"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))


@pytest.fixture
def extractor(emulator):
    # one after the other, so that a fault hits the request that it is meant for
    with Extractor(ApiSettings(concurrency=1)) as extractor:
        yield extractor


def asked(emulator, *names):
    return tuple(emulator.stats.by_endpoint.get(name, 0) for name in names)


def deletes(emulator, endpoint, place):
    identity = emulator.records(endpoint)[place]["id"]
    return lambda: emulator.edits.add(Edit(endpoint, "delete", identity))


@pytest.mark.parametrize(
    "name", ["source_schema_settings", "destination_filters", "user_group_users", "tracking_plan_sources"]
)
def test_a_list_that_is_found_when_it_is_asked_for_again_is_whole(name, extractor, emulator):
    emulator.faults.add(Fault("not-found", name, after=1, times=2))
    row = ROWS[name]
    extract = extractor.extract(row)
    with Extractor(ApiSettings()) as other:
        whole = other.extract(row)
    assert (extract.rows, extract.not_found, extract.still_listed) == (whole.rows, 0, 0)
    assert extract.lists == whole.lists


@pytest.mark.parametrize("missing", [1, 5, 39])
def test_parents_that_are_listed_and_answer_404_twice_are_told(missing, extractor, emulator, caplog):
    emulator.faults.add(Fault("not-found", SETTINGS.name, after=1, times=missing))
    emulator.faults.add(Fault("not-found", SETTINGS.name, after=40))
    extract = extractor.extract(SETTINGS)
    assert (extract.lists, extract.not_found, extract.still_listed) == (40, missing, missing)
    assert extract.rows == 40 - missing
    # the list of parents once more, and each of those that are still there
    assert asked(emulator, "sources", SETTINGS.name) == (2, 40 + missing)
    sources = [record["id"] for record in emulator.records("sources")]
    assert list(extract.still_listed_names) == [f"sourceId={each}" for each in sources[1 : 1 + min(missing, 3)]]
    assert f"{missing} list{'s' * (missing > 1)} answered 404 twice though still listed" in caplog.text


def test_parents_that_were_deleted_are_gone_and_not_asked_for_again(extractor, emulator):
    emulator.hooks.at(2, deletes(emulator, "sources", 5), SETTINGS.name)
    extract = extractor.extract(SETTINGS)
    assert (extract.rows, extract.not_found, extract.still_listed) == (39, 1, 0)
    assert asked(emulator, "sources", SETTINGS.name) == (2, 40)


def test_of_those_that_answer_404_only_the_listed_ones_are_told(extractor, emulator):
    emulator.hooks.at(2, deletes(emulator, "sources", 39), SETTINGS.name)
    emulator.faults.add(
        Fault("not-found", SETTINGS.name, after=1, times=2), Fault("not-found", SETTINGS.name, after=40)
    )
    extract = extractor.extract(SETTINGS)
    assert (extract.rows, extract.not_found, extract.still_listed) == (37, 3, 2)


def test_parents_are_looked_up_only_where_some_answered_404(extractor, emulator):
    assert extractor.extract(SETTINGS).not_found == 0
    assert asked(emulator, "sources", SETTINGS.name) == (1, 40)


def test_where_none_is_listed_any_more_the_table_is_empty(extractor, emulator):
    first = ROWS["warehouse_connection_states"]
    for warehouse in emulator.records("warehouses"):
        emulator.hooks.at(
            1, lambda each=warehouse["id"]: emulator.edits.add(Edit("warehouses", "delete", each)), first.name
        )
    extract = extractor.extract(first)
    assert (extract.rows, extract.lists, extract.not_found, extract.still_listed) == (0, 3, 3, 0)


def test_where_all_are_listed_and_none_is_found_the_endpoint_fails(extractor, emulator):
    emulator.faults.add(Fault("not-found", SETTINGS.name))
    with pytest.raises(NotFoundError):
        extractor.extract(SETTINGS)
    assert asked(emulator, "sources", SETTINGS.name) == (2, 40)


def test_what_a_parent_may_have_none_of_is_not_asked_for_again(extractor, emulator):
    emulator.faults.add(Fault("not-found", PLUGINS.name, after=1, times=5))
    extract = extractor.extract(PLUGINS)
    assert (extract.not_found, extract.still_listed) == (5, 0)
    assert asked(emulator, "sources", PLUGINS.name) == (1, 40)


@pytest.mark.parametrize("name", ["space_entity_properties", "profiles_warehouse_selective_syncs", "reverse_etl_syncs"])
def test_of_grandparents_the_lists_concerned_alone_are_looked_up(name, emulator):
    row = ROWS[name]
    assert row.parent
    parent = row.parent.endpoint
    emulator.faults.add(Fault("gone", name))
    with Extractor(ApiSettings()) as extractor:
        lists = extractor.extract(ROWS[parent]).lists
        before = asked(emulator, parent)[0]
        extract = extractor.extract(row)
    assert (extract.not_found, extract.still_listed) == (1, 1)
    assert lists > 1
    assert asked(emulator, parent)[0] == before + 1


def test_records_whose_grandparent_went_are_gone(emulator):
    row = ROWS["space_entity_properties"]
    space = emulator.records("spaces")[1]["id"]
    emulator.hooks.at(1, lambda: emulator.edits.add(Edit("spaces", "delete", space)), row.name)
    with Extractor(ApiSettings()) as extractor:
        extract = extractor.extract(row)
    assert extract.not_found > 0
    assert extract.still_listed == 0


@pytest.mark.parametrize(
    "fault",
    [Fault("not-found", "usage_api_calls_daily", after=1), Fault("gone", "functions")],
    ids=lambda fault: fault.endpoint,
)
def test_a_list_without_a_parent_is_always_listed(fault, extractor, emulator):
    emulator.faults.add(fault)
    extract = extractor.extract(ROWS[fault.endpoint])
    assert (extract.not_found, extract.still_listed) == (1, 1)


def test_names_are_short_and_of_one_line():
    lists = [
        StreamSlice({"eventName": "a\nb\x1b[2J" + "x" * 100, "spaceId": "s"}),
        *[StreamSlice({"id": str(n)}) for n in range(9)],
    ]
    first, *others = names_of(lists)
    assert first == "eventName=" + (r"a b\x1b[2J" + "x" * 100)[: MAX_NAME - 3] + "..., spaceId=s"
    assert others == ["id=0", "id=1"]
