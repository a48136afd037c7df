"""What the checks say of tables that grow: times that are missing, days that are odd, rows that somebody touched."""

import shutil
from datetime import date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest

from segment_dagster.assets.metadata import OFFENDERS_DIGEST
from segment_dagster.assets.offenders import offenders_digest
from segment_dagster.assets.partitions import gaps_of, ranges
from segment_dagster.config import DefinitionSettings
from segment_dagster.definitions import defs
from segment_dagster.emulator import Correction, Fault, Silence, World, running
from segment_dagster.emulator.world import MAKERS
from segment_dagster.endpoints import TABLES
from segment_dagster.errors import SettingError

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
ROWS = {endpoint.name: endpoint for endpoint in TABLES}
VOLUME, OVERVIEW, AUDIT = "events_volume", "delivery_overview_successfully_received", "audit_events"
USAGE, DELTA = "usage_api_calls_per_source_daily", "usage_api_calls_per_source_daily_delta"
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def few(making):
    return [{**source, "enabled": True} for source in MAKERS["sources"](making)[:4]]


@pytest.fixture(scope="module")
def served():
    """An emulator of a workspace of four sources."""
    with running(world=World(1, makers=MAKERS | {"sources": few}), now=NOW, minute=0.05) as emulator:
        yield emulator


@pytest.fixture
def emulator(served, monkeypatch):
    """That emulator as it was at first; the settings point at it, and the client's clock is its own."""
    point_at(served, monkeypatch)
    yield served
    served.faults.clear()
    served.corrections.clear()
    served.clock.set(NOW)


def point_at(emulator, patch):
    patch.setenv("SEGMENT_NOW", NOW.isoformat())
    patch.setenv("SEGMENT_BASE_URL", emulator.url)
    patch.setenv("SEGMENT_API_TOKEN", emulator.token)


def materialize(code_location, instance, *names, first=None, last=None):
    """Materialize endpoints, over a range of partitions where the first is named: the checks that were evaluated."""
    result = code_location.resolve_job_def(f"segment_{ROWS[names[0]].domain}_sync").execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(["segment", name]) for name in names],
        tags=dict(zip(RANGE, (first, last or first), strict=True)) if first else {},
        raise_on_error=False,
    )
    assert result.success
    return {(each.asset_key.path[-1], each.check_name): each for each in result.get_asset_check_evaluations()}


@pytest.fixture
def load(emulator, code_location, fresh):
    return partial(materialize, code_location, fresh)


@pytest.fixture
def known(fresh):
    """Let the instance remember materializations of partitions."""

    def record_load(name, *partitions):
        for partition in partitions:
            event = dg.AssetMaterialization(["segment", name], partition=partition)
            fresh.report_runless_asset_event(event)

    return record_load


@pytest.fixture
def look(check, emulator, fresh):
    """Evaluate the checks of endpoints alone, which asks the API for nothing."""

    def run(*names, instance=fresh, **options):
        emulator.stats.clear()
        outcome = check(*names, instance=instance, **options)
        assert outcome.success and emulator.stats.total == 0
        return outcome.checks

    return run


@pytest.fixture(scope="module")
def kept(served, code_location, tmp_path_factory):
    """What tests start from: the volume of 1 to 30 March, the last day read last, deliveries of two days, the trail."""
    place = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        point_at(served, patch)
        patch.chdir(place)
        patch.setenv("DLT_DATA_DIR", str(place / ".dlt"))
        for first, last in ((1, 29), (30, 30)):
            found = materialize(code_location, instance, VOLUME, first=march(first), last=march(last))
        materialize(code_location, instance, OVERVIEW, first=march(28), last=march(29))
        assert all(check.passed for check in materialize(code_location, instance, AUDIT).values())
        # of two: what is read last is an hour, and the rest is kept
        materialize(code_location, instance, AUDIT)
        assert found[VOLUME, "volume"].description == "1 day looked at, nothing out of the ordinary."
        yield SimpleNamespace(place=place, instance=instance)


@pytest.fixture
def seen(kept, look):
    """Change the tables that were loaded, if at all, and look at them: a check of an endpoint."""
    shutil.copy(kept.place / "segment.duckdb", Path.cwd())

    def changed(name, check, *statements, **options):
        with duckdb.connect("segment.duckdb") as connection:
            for statement in statements:
                connection.execute(statement.format(table=f"segment_data.{name}"))
        return look(name, instance=kept.instance, **options)[name, check]

    return changed


def march(day):
    return f"2026-03-{day:02d}"


def lists(evaluation, name):
    return evaluation.metadata[name].value


def test_a_part_of_the_look_back_leaves_the_rest_missing(load, look):
    for found in (load(OVERVIEW, first=march(25), last=march(27)), look(OVERVIEW)):
        gaps = found[OVERVIEW, "gaps"]
        assert (gaps.passed, gaps.severity) == (False, WARN)
        assert gaps.description == (
            "26 partitions missing that can still be read: 2026-03-02 to 2026-03-24, 2026-03-28 to 2026-03-30."
        )
        assert lists(gaps, "missing") == [march(day) for day in (*range(2, 25), *range(28, 31))]
        assert lists(gaps, "lost") == []


def test_nothing_is_missing_where_the_look_back_is_whole(known, look):
    known(OVERVIEW, *(march(day) for day in range(2, 31)))
    gaps = look(OVERVIEW)[OVERVIEW, "gaps"]
    assert gaps.passed
    assert gaps.description == "None is missing."


def test_what_was_missed_for_too_long_is_lost_for_good(known, look, monkeypatch):
    known(OVERVIEW, *map(march, (2, 3, 4, 5, 9)))
    monkeypatch.setenv("SEGMENT_NOW", (NOW + timedelta(days=10)).isoformat())
    gaps = look(OVERVIEW)[OVERVIEW, "gaps"]
    assert (gaps.passed, gaps.severity) == (False, WARN)
    assert gaps.description == (
        "29 partitions missing that can still be read: 2026-03-12 to 2026-04-09; "
        "5 partitions lost for good: 2026-03-06 to 2026-03-08, 2026-03-10 to 2026-03-11."
    )
    assert lists(gaps, "lost") == [march(day) for day in (6, 7, 8, 10, 11)]


def test_where_segment_states_no_limit_what_is_before_the_first_is_not_missing(known, load, look):
    known(VOLUME, *map(march, (25, 28)))
    assert look(VOLUME)[VOLUME, "gaps"].description == (
        "4 partitions missing that can still be read: 2026-03-26 to 2026-03-27, 2026-03-29 to 2026-03-30."
    )
    known(VOLUME, *map(march, (26, 27)))
    # the partitions of the run itself count, and the present day, which is not over, is none that could be missing
    assert load(VOLUME, first=march(29), last=march(30))[VOLUME, "gaps"].passed
    assert look(VOLUME)[VOLUME, "gaps"].passed


def test_months_that_are_missing_are_named_as_ranges(known, look):
    for name in (USAGE, DELTA):
        known(name, "2025-06-01", "2025-10-01", "2026-01-01")
    found = look(USAGE, DELTA)
    for name in (USAGE, DELTA):
        assert found[name, "gaps"].description == (
            "6 partitions missing that can still be read: "
            "2025-07-01 to 2025-09-01, 2025-11-01 to 2025-12-01, 2026-02-01."
        )
    known(USAGE, "2025-07-01", "2025-08-01", "2025-09-01", "2025-11-01", "2025-12-01", "2026-02-01")
    assert look(USAGE)[USAGE, "gaps"].passed


def test_a_partition_that_failed_is_missing_still(known, load, look, code_location, emulator, fresh):
    known(VOLUME, march(28))
    emulator.faults.add(Fault("forbidden", VOLUME))
    with pytest.raises(AssertionError):
        load(VOLUME, first=march(29), last=march(30))
    assert lists(look(VOLUME)[VOLUME, "gaps"], "missing") == [march(29), march(30)]


def test_nothing_was_materialized_and_all_that_can_be_read_is_missing():
    partitions = dg.DailyPartitionsDefinition(datetime(2025, 1, 1, tzinfo=timezone.utc), end_offset=1)
    gaps = gaps_of(ROWS[OVERVIEW], partitions, (), NOW)
    assert (len(gaps.missing), gaps.lost) == (29, ())
    assert gaps_of(ROWS[VOLUME], partitions, (), NOW) == type(gaps)((), ())


def test_partitions_begin_where_the_setting_says():
    # what is before the first partition can be read by nobody
    partitions = dg.DailyPartitionsDefinition(datetime(2026, 3, 20, tzinfo=timezone.utc), end_offset=1)
    assert gaps_of(ROWS[OVERVIEW], partitions, {march(20)}, NOW).missing == tuple(march(day) for day in range(21, 31))


@pytest.mark.parametrize(
    ("keys", "days", "said"),
    [
        ((), 1, ""),
        (("2026-03-01",), 1, "2026-03-01"),
        (("2026-02-28", "2026-03-01"), 1, "2026-02-28 to 2026-03-01"),
        (("2024-03-01", "2024-02-28"), 1, "2024-02-28, 2024-03-01"),
        (("2025-12-31", "2026-01-01", "2026-01-03"), 1, "2025-12-31 to 2026-01-01, 2026-01-03"),
        (("2026-01-01", "2026-02-01", "2026-03-01", "2026-05-01"), 31, "2026-01-01 to 2026-03-01, 2026-05-01"),
    ],
)
def test_neighbours_are_said_as_ranges(keys, days, said):
    assert ranges(keys, timedelta(days=days)) == said


ON_30 = "time >= '2026-03-30 00:00:00+00' AND time < '2026-03-31 00:00:00+00'"
STEADY = "UPDATE {table} SET count = 100"
"""All days alike: a quarter more of a day is ordinary, twice as much is not."""


def first_source(served):
    return served.world.records("sources")[0]["id"]


def test_days_that_are_like_those_before_are_told_as_such(seen):
    found = seen(VOLUME, "volume")
    assert (found.passed, found.description) == (True, "1 day looked at, nothing out of the ordinary.")
    assert lists(found, "days") == []


def test_a_source_that_goes_silent_is_told_with_the_load(seen, load, emulator):
    silent = first_source(emulator)
    emulator.corrections.add(Silence(silent, date(2026, 3, 30)))
    found = load(VOLUME, first=march(30))[VOLUME, "volume"]
    assert (found.passed, found.severity) == (False, WARN)
    assert found.description.startswith(f"Out of the ordinary: 2026-03-30 {silent}: count 0, ordinary are 1 to ")
    # the day does not count: it is the same source on the next one
    assert found.metadata[OFFENDERS_DIGEST].value == {"WARN": offenders_digest([(silent, "count")])}


def test_a_day_of_many_times_as_much_is_told_with_the_load(seen, load, emulator):
    emulator.corrections.add(Correction("volume", date(2026, 3, 30), 10))
    found = load(VOLUME, first=march(30))[VOLUME, "volume"]
    assert not found.passed
    assert any(day.startswith("2026-03-30 all: count ") for day in lists(found, "days"))


def test_a_late_correction_of_usage_is_told_of_the_day_it_is_for(load, emulator):
    emulator.corrections.add(Correction("usage", date(2026, 3, 20), 100))
    found = load(USAGE, DELTA, first="2026-02-01", last="2026-03-01")[DELTA, "volume"]
    assert not found.passed
    assert any(day.startswith("2026-03-20 all: api_calls ") for day in lists(found, "days"))
    assert "59 days" not in found.description


def test_a_doubled_day_is_told_in_all_and_for_each_source(seen):
    found = seen(VOLUME, "volume", STEADY, f"UPDATE {{table}} SET count = 200 WHERE {ON_30}")
    assert not found.passed
    days = lists(found, "days")
    assert [day for day in days if day.startswith("2026-03-30 all: count ")]
    # the four, one that was deleted, and all together
    assert lists(found, "outliers") == len(days) == 6
    assert found.description.endswith("; 3 more.")


@pytest.mark.parametrize(("count", "passes"), [(150, True), (151, False), (50, True), (49, False), (0, False)])
def test_the_band_ends_where_it_says(seen, count, passes):
    found = seen(VOLUME, "volume", STEADY, f"UPDATE {{table}} SET count = {count} WHERE {ON_30}")
    assert found.passed == passes


def test_a_source_without_rows_on_a_day_on_which_others_have_some_is_a_zero(seen, emulator):
    silent = first_source(emulator)
    found = seen(VOLUME, "volume", STEADY, f"DELETE FROM {{table}} WHERE {ON_30} AND source_id = '{silent}'")
    assert not found.passed
    assert any(day.startswith(f"2026-03-30 {silent}: count 0, ordinary are ") for day in lists(found, "days"))


def test_a_day_without_any_rows_was_not_loaded_and_is_no_zero(seen):
    assert seen(VOLUME, "volume", STEADY, f"DELETE FROM {{table}} WHERE {ON_30}").passed
    # nor are days like that in the past
    assert seen(VOLUME, "volume", STEADY, "DELETE FROM {table} WHERE time < '2026-03-10 00:00:00+00'").passed


@pytest.mark.parametrize(("first", "passes"), [(16, False), (17, True)])
def test_less_than_two_weeks_of_past_say_nothing(seen, first, passes):
    found = seen(
        VOLUME,
        "volume",
        STEADY,
        f"DELETE FROM {{table}} WHERE time < '2026-03-{first} 00:00:00+00'",
        f"UPDATE {{table}} SET count = 0 WHERE {ON_30}",
    )
    assert found.passed == passes


def test_a_new_source_is_ordinary(seen, emulator):
    new = first_source(emulator)
    assert seen(
        VOLUME,
        "volume",
        STEADY,
        f"DELETE FROM {{table}} WHERE source_id = '{new}' AND time < '2026-03-27 00:00:00+00'",
        f"UPDATE {{table}} SET count = 120 WHERE {ON_30} AND source_id = '{new}'",
    ).passed


def test_zeros_are_ordinary_for_who_never_had_anything(seen, emulator):
    quiet = first_source(emulator)
    assert seen(VOLUME, "volume", STEADY, f"UPDATE {{table}} SET count = 0 WHERE source_id = '{quiet}'").passed


def test_the_present_day_is_not_over_and_not_looked_at(seen, load):
    assert load(VOLUME, first=march(30), last=march(31))[VOLUME, "volume"].description.startswith("1 day looked at")


def test_what_is_ordinary_follows_the_settings(seen, monkeypatch):
    changes = (STEADY, f"UPDATE {{table}} SET count = 160 WHERE {ON_30}")
    assert not seen(VOLUME, "volume", *changes, location=defs()).passed
    monkeypatch.setenv("SEGMENT_VOLUME_CHECK_DEVIATIONS", "6.5")
    assert seen(VOLUME, "volume", *changes, location=defs()).passed
    monkeypatch.setenv("SEGMENT_VOLUME_CHECK_DEVIATIONS", "2")
    monkeypatch.setenv("SEGMENT_VOLUME_CHECK_DAYS", "13")
    assert seen(VOLUME, "volume", *changes, location=defs()).passed
    monkeypatch.setenv("SEGMENT_VOLUME_CHECK_DAYS", "14")
    assert not seen(VOLUME, "volume", *changes, location=defs()).passed


def test_what_is_ordinary_by_default():
    settings = DefinitionSettings()
    assert (settings.volume_check_days, settings.volume_check_deviations) == (28, 5.0)


@pytest.mark.parametrize(
    ("setting", "value", "legal"),
    [
        ("SEGMENT_VOLUME_CHECK_DEVIATIONS", "0", "a number of more than 0 and up to 1000."),
        ("SEGMENT_VOLUME_CHECK_DEVIATIONS", "-1", "a number of more than 0 and up to 1000."),
        ("SEGMENT_VOLUME_CHECK_DEVIATIONS", "1001", "a number of more than 0 and up to 1000."),
        ("SEGMENT_VOLUME_CHECK_DEVIATIONS", "nan", "a number of more than 0 and up to 1000."),
        ("SEGMENT_VOLUME_CHECK_DAYS", "0", "a whole number from 1 to 365."),
        ("SEGMENT_VOLUME_CHECK_DAYS", "366", "a whole number from 1 to 365."),
        ("SEGMENT_VOLUME_CHECK_DAYS", "a month", "a whole number from 1 to 365."),
    ],
)
def test_a_setting_of_the_check_that_cannot_be_used_is_told_in_a_line(monkeypatch, setting, value, legal):
    monkeypatch.setenv(setting, value)
    with pytest.raises(SettingError) as failure:
        DefinitionSettings()
    assert str(failure.value) == f"{setting} is {value!r}. Legal values: {legal}"


def test_a_table_that_is_not_there_cannot_be_looked_at(look):
    for found in (look(VOLUME)[VOLUME, "volume"], look(VOLUME)[VOLUME, "row_count"]):
        assert not found.passed


@pytest.mark.parametrize("name", [VOLUME, OVERVIEW, AUDIT])
def test_rows_are_as_many_as_were_loaded(seen, name):
    assert seen(name, "row_count").passed


@pytest.mark.parametrize("name", [VOLUME, OVERVIEW])
def test_a_row_of_the_partitions_that_is_gone_or_too_many_is_told(seen, name):
    day = "time >= '2026-03-29 00:00:00+00'" if name == OVERVIEW else ON_30
    one = f"FROM {{table}} WHERE {day} LIMIT 1"
    gone = seen(name, "row_count", f"DELETE FROM {{table}} WHERE rowid IN (SELECT rowid {one})")
    assert (gone.passed, gone.severity) == (False, ERROR)
    found, delivered = lists(gone, "found"), lists(gone, "delivered")
    assert found == delivered - 1
    assert gone.description.endswith(f", but delivered {delivered:,}.")
    # the one that was deleted, and one too many
    more = seen(name, "row_count", f"INSERT INTO {{table}} SELECT * {one}", f"INSERT INTO {{table}} SELECT * {one}")
    assert (more.passed, lists(more, "found")) == (False, delivered + 1)


def test_rows_of_other_days_are_not_counted(seen):
    assert seen(VOLUME, "row_count", "DELETE FROM {table} WHERE time < '2026-03-30 00:00:00+00'").passed


@pytest.mark.parametrize("when", ["<", ">="])
def test_an_event_of_the_trail_that_is_gone_or_too_many_is_told(seen, when):
    # before what was read last, and in it
    one = f"SELECT * FROM {{table}} WHERE timestamp {when} '2026-03-31 00:00:00+00' LIMIT 1"
    gone = seen(AUDIT, "row_count", f"DELETE FROM {{table}} WHERE id IN (SELECT id FROM ({one}))")
    assert (gone.passed, gone.severity) == (False, ERROR)
    assert lists(gone, "found") == lists(gone, "delivered") - 1
    again = f"INSERT INTO {{table}} BY NAME SELECT * REPLACE (id || '!' AS id) FROM ({one})"
    assert seen(AUDIT, "row_count", again).passed
    more = seen(AUDIT, "row_count", again)
    assert (more.passed, lists(more, "found") - lists(more, "delivered")) == (False, 1)
