"""What takes more than ten minutes is read in slices of parents: which are due, what is kept, what a run says."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.config.clock import utc_now
from segment_dagster.emulator import Edit, Fault
from segment_dagster.errors import SettingError
from segment_dagster.load import LoadError, inspect_dataset, resolve_destination
from segment_dagster.load.coverage import coverage
from segment_dagster.load.parent_state import ParentState
from segment_dagster.load.verify import failed_checks
from segment_dagster.rolling import due_parents
from segment_dagster.sync import SyncObserver
from segment_dagster_tests.rolling.few_audiences import AUDIENCES, NAME, first_audiences, of_few, read

pytestmark = pytest.mark.slow

SCHEDULES = "audience_schedules"
NOW = datetime(2026, 3, 31, 6, 30, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.fixture
def audiences(world):
    return first_audiences(world)


@pytest.fixture
def references(emulator, audiences):
    return of_few(audiences)


def query(sql):
    with duckdb.connect("segment.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def rows(table=NAME):
    return query(f"SELECT * FROM segment_data.{table} ORDER BY ALL")


def states():
    return query("SELECT parent, fingerprint, read_at FROM segment_data._segment_parents ORDER BY ALL")


def coverage_now(endpoint, now=None, max_age=6):
    with inspect_dataset(resolve_destination(DestinationSettings())) as tables:
        return coverage(tables, endpoint, now=now or utc_now(), max_age=timedelta(days=max_age))


def not_passed(loaded, tables):
    return [
        (check, finding.description) for _, check, finding in failed_checks(loaded.extracts, tables, history_kept=False)
    ]


@pytest.fixture
def requests(emulator):
    """Requests of the endpoint since this was asked last."""

    def since_last(name=NAME):
        asked = emulator.stats.by_endpoint.get(name, 0)
        emulator.stats.clear()
        return asked

    return since_last


def test_all_slices_make_the_table_that_one_piece_makes_and_a_second_run_asks_for_nothing(references, requests):
    found = []
    result = read(references, verify=lambda *loaded: found.append(not_passed(*loaded)))
    (extract,) = result.extracts
    assert (requests(), extract.requests, found) == (AUDIENCES, AUDIENCES, [[]])
    assert (extract.coverage.parents, extract.coverage.read, extract.coverage.left) == (AUDIENCES, AUDIENCES, 0)
    in_slices = rows()
    assert len(in_slices) == extract.rows > 0
    assert len(states()) == AUDIENCES
    # a new version of dlt's schema for each slice would fill the dataset
    assert query("SELECT count(*) FROM segment_data._dlt_version")[0][0] <= 2

    again = read(references, verify=lambda *loaded: found.append(not_passed(*loaded)))
    assert (requests(), again.unchanged, again.extracts[0].coverage.due, found[-1]) == (0, {NAME}, 0, [])
    assert rows() == in_slices

    read(replace(references, requests_per_minute=60))
    assert requests() == AUDIENCES
    assert rows() == in_slices


def test_a_run_ends_with_its_minutes_and_the_next_goes_on(references, requests):
    read_before = set[str]()
    for number in (1, 2):
        result = read(references, slow_max_minutes=1)
        (extract,) = result.extracts
        count = requests()
        assert 0 < count == extract.coverage.read < AUDIENCES
        assert extract.coverage.left == extract.coverage.due - count
        read_now = {parent for parent, _, read_at in states() if read_at} - read_before
        assert len(read_now) == count, number
        read_before |= read_now
        finding = coverage_now(references)
        assert (finding.passed, finding.warns) == (False, True)
        assert finding.metadata | {"oldest": ""} == {
            "parents": AUDIENCES,
            "read": len(read_before),
            "left": AUDIENCES - len(read_before),
            "rows_of_gone_parents": 0,
            "oldest": "",
        }
        assert f"{AUDIENCES - len(read_before)} parents never read" in finding.description
    read(references)
    assert requests() == AUDIENCES - len(read_before)
    assert coverage_now(references).passed


@pytest.mark.long
def test_a_parent_whose_record_has_changed_is_read_again_and_what_changes_by_itself_does_not_count(
    emulator, references, audiences, requests
):
    read(references)
    requests()
    emulator.edits.add(
        Edit("segments", "modify", audiences[0], fields={"size": {"type": "USERS", "count": 7}}),
        Edit("segments", "modify", audiences[5], fields={"description": "Another one."}),
    )
    read(references)
    (asked,) = (seen.path for seen in emulator.stats.requests if seen.endpoint == NAME)
    assert audiences[5] in asked
    requests()
    read(references)
    assert requests() == 0


@pytest.mark.long
def test_a_parent_is_read_again_once_it_is_too_old_unless_its_children_change_with_it(emulator, references, requests):
    emulator.clock.set(NOW)
    read(references, now=NOW.isoformat())
    fixed = replace(references, changes_with_parent="A test says so.")
    for later, endpoint, asked in ((5 * DAY, references, 0), (7 * DAY, fixed, 0), (7 * DAY, references, AUDIENCES)):
        requests()
        old = coverage_now(endpoint, NOW + later)
        assert (old.passed, old.warns) == (not asked, bool(asked) or old.warns)
        read(endpoint, now=(NOW + later).isoformat())
        assert requests() == asked
    assert coverage_now(references, NOW + 7 * DAY).passed
    finding = coverage_now(references, NOW + 15 * DAY)
    assert (finding.passed, finding.warns) == (False, True)
    assert f"{AUDIENCES} parents read more than 6 days ago" in finding.description


def test_the_oldest_come_first(references):
    keys: list[tuple[str, ...]] = [("space", str(number)) for number in range(5)]
    known = {
        keys[0]: ParentState("same", NOW - 9 * DAY),
        keys[1]: ParentState(),
        keys[2]: ParentState("same", NOW - DAY),
        keys[3]: ParentState("another", NOW - 2 * DAY),
        keys[4]: ParentState("same", NOW - 10 * DAY),
    }
    fingerprints = dict.fromkeys(keys, "same")
    assert due_parents(references, fingerprints, known, NOW - 6 * DAY) == [keys[1], keys[4], keys[0], keys[3]]
    fixed = replace(references, changes_with_parent="A test says so.")
    assert due_parents(fixed, fingerprints, known, NOW - 6 * DAY) == [keys[1], keys[3]]


def test_parents_that_are_gone_lose_their_rows(emulator, references, audiences, requests):
    read(references)
    before = query(f"SELECT audience_id, count(*) FROM segment_data.{NAME} GROUP BY 1")
    gone, count = before[0]
    requests()
    emulator.edits.add(Edit("segments", "delete", gone))
    found = []
    result = read(references, verify=lambda *loaded: found.append(not_passed(*loaded)))
    assert (requests(), result.extracts[0].coverage.gone, found) == (0, 1, [[]])
    assert dict(query(f"SELECT audience_id, count(*) FROM segment_data.{NAME} GROUP BY 1")) == dict(before[1:])
    assert len(states()) == AUDIENCES - 1
    assert count > 0
    assert coverage_now(references).passed


@pytest.mark.long
def test_rows_of_a_parent_that_is_gone_are_an_error_and_the_next_run_deletes_them(references, requests):
    read(references)
    whole = rows()
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(
            f"INSERT INTO segment_data.{NAME} (audience_id, space_id, id) SELECT 'gone; \\ it''s 100%s', space_id, id "
            f"FROM segment_data.{NAME} LIMIT 2"
        )
    finding = coverage_now(references)
    assert (finding.passed, finding.warns, finding.metadata["rows_of_gone_parents"]) == (False, False, 2)
    assert "2 rows of parents that are gone" in finding.description
    read(references)
    assert rows() == whole
    assert coverage_now(references).passed


@pytest.mark.long
def test_a_parent_without_rows_any_more_loses_those_it_had(emulator, references, requests):
    read(references)
    (parent, space), *_ = query(f"SELECT audience_id, space_id FROM segment_data.{NAME}")
    others = [row for row in rows() if row[0] != parent]
    for (referring,) in query(f"SELECT id FROM segment_data.{NAME} WHERE audience_id = '{parent}'"):
        emulator.edits.add(Edit(NAME, "delete", referring, values={"spaceId": space, "id": parent}))
    emulator.edits.add(Edit("segments", "modify", parent, fields={"description": "Of no use to others."}))
    requests()
    result = read(references)
    assert (requests(), result.extracts[0].rows, result.failures) == (1, 0, [])
    assert 0 < len(others) == len(rows())


@pytest.mark.long
def test_a_parent_that_answers_404_though_it_is_listed_keeps_its_rows_and_stays_due(emulator, references, requests):
    read(references)
    before = rows()
    (parent,), *_ = query(f"SELECT audience_id FROM segment_data.{NAME}")
    emulator.edits.add(Edit("segments", "modify", parent, fields={"description": "Another one."}))
    emulator.faults.add(Fault("not-found", NAME))
    findings = []
    (extract,) = read(references, verify=lambda *loaded: findings.extend(not_passed(*loaded))).extracts
    assert (extract.coverage.read, extract.coverage.left, extract.still_listed) == (0, 1, 1)
    assert [check for check, _ in findings] == ["row_count"]
    assert rows() == before
    emulator.faults.clear()
    requests()
    read(references)
    assert requests() == 1


@pytest.mark.long
def test_a_slice_that_fails_ends_its_endpoint_and_those_before_it_stay(emulator, references, requests):
    emulator.faults.add(Fault("500", NAME, after=5))
    result = read(references)
    assert [failure.endpoint.name for failure in result.failures] == [NAME]
    assert not result.extracts
    assert sum(bool(read_at) for _, _, read_at in states()) == 5
    emulator.faults.clear()
    requests()
    assert not read(references).failures
    assert requests() == AUDIENCES - 5


def test_a_feature_that_the_plan_lacks_skips_the_endpoint(emulator, references):
    emulator.faults.add(Fault("missing-feature", NAME))
    result = read(references)
    assert (set(result.skipped), result.failures, result.extracts) == ({NAME}, [], [])


def test_all_answers_of_a_first_slice_are_404(emulator, references):
    emulator.faults.add(Fault("not-found", NAME))
    result = read(references)
    assert (set(result.skipped), result.failures, result.extracts) == ({NAME}, [], [])


@pytest.mark.long
def test_a_parent_that_is_deleted_while_others_are_read_is_no_failure(emulator, references, audiences, requests):
    emulator.hooks.at(3, lambda: emulator.edits.add(Edit("segments", "delete", audiences[-1])), NAME)
    found = []
    result = read(references, verify=lambda *loaded: found.append(not_passed(*loaded)))
    assert (result.failures, found) == ([], [[]])
    assert result.extracts[0].not_found == 1
    read(references)
    assert len(states()) == AUDIENCES - 1


@pytest.mark.long
def test_two_endpoints_are_read_side_by_side_and_one_that_fails_leaves_the_other(emulator, references, audiences):
    schedules = of_few(audiences, SCHEDULES)
    emulator.faults.add(Fault("500", SCHEDULES, after=2))
    told = []

    class Told(SyncObserver):
        def slice_loaded(self, extract):
            told.append((extract.endpoint.name, extract.coverage.read))

    result = read(references, schedules, observer=Told())
    assert [failure.endpoint.name for failure in result.failures] == [SCHEDULES]
    assert [extract.endpoint.name for extract in result.extracts] == [NAME]
    assert [count for name, count in told if name == NAME] == [*range(1, AUDIENCES + 1)]
    assert [count for name, count in told if name == SCHEDULES] == [1, 2]
    emulator.faults.clear()
    assert not read(references, schedules).failures
    assert query("SELECT endpoint, count(read_at) FROM segment_data._segment_parents GROUP BY 1 ORDER BY 1") == [
        (NAME, AUDIENCES),
        (SCHEDULES, AUDIENCES),
    ]


def test_what_is_read_in_one_piece_again_forgets_when_parents_were_read(references):
    read(references, slow_max_minutes=1)
    assert coverage_now(references).metadata["left"] > 0
    read(replace(references, requests_per_minute=60))
    assert states() == []
    assert coverage_now(references).description == "It is read in one piece: all parents at once."


@pytest.mark.long
def test_a_table_that_was_dropped_is_read_from_the_beginning(references, requests):
    read(references, slow_max_minutes=1)
    requests()
    with duckdb.connect("segment.duckdb") as connection:
        connection.execute(f"DROP TABLE segment_data.{NAME}")
    read(references)
    assert requests() == AUDIENCES


def test_plain_files_are_written_whole(references, requests, monkeypatch, tmp_path):
    monkeypatch.setenv("SEGMENT_DESTINATION", "filesystem")
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
    for _ in range(2):
        (extract,) = read(references).extracts
        assert (requests(), extract.coverage) == (AUDIENCES, None)


@pytest.mark.long
def test_no_versions_are_kept_of_a_table_that_is_read_in_slices(references, requests):
    result = read(references, history=True)
    assert (result.failures, result.extracts[0].coverage.left) == ([], 0)
    assert query("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%_history'") == [(0,)]


@pytest.mark.long
def test_where_rows_are_not_replaced_at_once_a_parent_counts_as_never_read_meanwhile(references, audiences, emulator):
    read(references)
    emulator.edits.add(Edit("segments", "modify", audiences[3], fields={"name": "Renamed"}))

    def killed(extracts, workspace):
        raise LoadError("the power went")

    usual = resolve_destination(DestinationSettings())
    assert read(references, load_package=killed, destination=usual).failures
    assert all(read_at for _, _, read_at in states())
    without = {**usual.capabilities.dlt_capabilities, "supports_transactions": False}
    destination = replace(usual, capabilities=replace(usual.capabilities, dlt_capabilities=without))
    assert read(references, load_package=killed, destination=destination).failures
    assert [audiences[3] in parent for parent, _, read_at in states() if read_at is None] == [True]


@pytest.mark.long
def test_rows_that_went_missing_after_their_slice_are_found(references):
    found = []

    def lose(loaded, tables):
        tables.delete(NAME, ["audience_id <> ''"])
        found.extend(not_passed(loaded, tables))

    read(references, verify=lose)
    assert [check for check, _ in found] == ["row_count"]
    assert found[0][1].startswith("0 rows found, but delivered ")


@pytest.mark.parametrize(("name", "value"), [("SLOW_MAX_MINUTES", "-1"), ("SLOW_MAX_AGE", "400")])
def test_settings_that_cannot_be_used_are_refused(name, value, monkeypatch):
    monkeypatch.setenv(f"SEGMENT_{name}", value)
    with pytest.raises(SettingError, match=f"SEGMENT_{name} is '{value}'"):
        ApiSettings()
