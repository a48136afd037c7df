"""What a run asks for if it reads only what may have changed, and that its tables hold what the workspace has."""

from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest

from segment_dagster.config import ApiSettings, DestinationSettings
from segment_dagster.emulator import Edit, Fault
from segment_dagster.emulator.world import activities
from segment_dagster.endpoints import TABLES
from segment_dagster.errors import SettingError
from segment_dagster.extract import Extractor
from segment_dagster.load import resolve_destination
from segment_dagster.sync import sync
from segment_dagster_tests.refresh.conftest import ALWAYS, FIRST, NAMES, ROWS
from segment_dagster_tests.variants import often

pytestmark = pytest.mark.slow

FILTERS = ("sources", "destinations", "destination_filters", "audit_events")


def first(emulator, name):
    return emulator.records(name)[0]


def total_of(emulator, name):
    parent = ROWS[name].parent
    assert parent
    return len(emulator.records(parent.endpoint))


def execute(sql):
    with duckdb.connect("segment.duckdb") as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.long
def test_nothing_has_changed(workspace):
    full = workspace.run(0)
    assert full.saved == 0 and not workspace.differences()
    counted = workspace.emulator.stats.by_endpoint
    again = workspace.run(1)
    assert workspace.requests() == {}
    announced = [name for name in NAMES if ROWS[name].parent and name not in ALWAYS]
    assert again.saved == sum(total_of(workspace.emulator, name) for name in announced)
    assert again.unchanged == {extract.endpoint.name for extract in again.extracts} == set(NAMES)
    assert all(workspace.emulator.stats.by_endpoint[name] == counted[name] for name in ALWAYS)
    assert not workspace.differences()


def test_what_changes_costs_what_its_parents_take(workspace):
    emulator = workspace.emulator
    workspace.run(0)

    def asked(day, *edits):
        emulator.edits.add(*edits)
        result = workspace.run(day)
        assert not workspace.differences() and not result.failures
        return workspace.requests()

    # a child's own id leads to its parent, and so does the parent's
    row = first(emulator, "destination_filters")
    assert asked(1, Edit("destination_filters", "modify", row["id"], fields={"title": "Another"})) == {
        "destination_filters": 1
    }
    source = first(emulator, "sources")["id"]
    of_source = {"source_connected_destinations", "source_connected_warehouses", "source_schema_settings"}
    connected = {"warehouse_connected_sources", "tracking_plan_sources"}
    counts = asked(2, Edit("sources", "modify", source, fields={"name": "Another"}))
    assert {name: counts.pop(name) for name in of_source} == dict.fromkeys(of_source, 1)
    # what a source is connected to is listed elsewhere, and anything of it may be new
    assert counts == {name: total_of(emulator, name) for name in connected}
    # a destination names its source
    destination = emulator.records("destinations")[-1]["id"]
    assert asked(3, Edit("destinations", "modify", destination, fields={"name": "Another"})) == {
        "source_connected_destinations": 1,
        "destination_filters": 1,
        "destination_subscriptions": 1,
    }
    # a record that is new is in no table yet
    new = Edit("destination_filters", "create", "new", values={"destinationId": destination})
    assert asked(4, new) == {"destination_filters": total_of(emulator, "destination_filters")}
    assert asked(5, Edit("destination_filters", "delete", "new")) == {"destination_filters": 1}
    # who joins a group is in none of its rows
    user = first(emulator, "users")["id"]
    counts = asked(6, Edit("users", "modify", user, fields={"name": "Somebody"}))
    assert counts == {"user_user_groups": 1, "user_group_users": total_of(emulator, "user_group_users")}


@pytest.mark.long
def test_parents_come_and_go(workspace):
    emulator = workspace.emulator
    workspace.run(0)
    gone = emulator.records("sources")[3]["id"]
    emulator.edits.add(Edit("sources", "delete", gone), Edit("sources", "create", "brand-new"))
    result = workspace.run(1)
    assert not workspace.differences() and result.saved
    asked = {seen.path for seen in emulator.stats.requests if seen.endpoint == "source_schema_settings"}
    assert asked == {"/sources/brand-new/settings"}
    assert not execute(f"SELECT * FROM segment_data.source_schema_settings WHERE source_id = '{gone}'")
    # what is known of one that is gone is forgotten: its rows would be missing if it came back
    assert not execute(f"SELECT * FROM segment_data._segment_parents WHERE parent LIKE '%{gone}%'")
    emulator.edits.clear()
    workspace.run(2)
    assert f"/sources/{gone}/settings" in {seen.path for seen in emulator.stats.requests}
    assert not workspace.differences()


@pytest.mark.long
def test_a_child_of_what_was_not_requested_has_all_its_parents(workspace):
    """`reverse_etl_syncs` takes a request per subscription: those of unchanged destinations are from the table."""
    emulator = workspace.emulator
    workspace.run(0)
    row = emulator.records("destination_subscriptions")[0]
    emulator.edits.add(Edit("destination_subscriptions", "modify", row["id"], fields={"name": "Another"}))
    counted = emulator.stats.by_endpoint["reverse_etl_syncs"]
    workspace.run(1)
    assert workspace.requests() == {"destination_subscriptions": 1}
    assert emulator.stats.by_endpoint["reverse_etl_syncs"] == counted
    assert not workspace.differences()


@pytest.mark.long
def test_what_nobody_told_of_is_found_once_everything_is_read_again(workspace):
    emulator = workspace.emulator
    workspace.run(0, names=FILTERS)
    row = first(emulator, "destination_filters")
    emulator.edits.add(Edit("destination_filters", "modify", row["id"], fields={"title": "Another"}, silent=True))
    for day in (1, 6.7):
        workspace.run(day, names=FILTERS)
        assert workspace.requests() == {}
        assert workspace.differences(FILTERS) == {"destination_filters"}
    # by the day: the seventh begins at midnight
    workspace.run(6.8, names=FILTERS)
    assert workspace.requests() == {"destination_filters": total_of(emulator, "destination_filters")}
    assert not workspace.differences(FILTERS)


def test_it_is_off_by_itself(workspace):
    assert ApiSettings(token="t").full_every_days == 0
    for day in (0, 1):
        workspace.run(day, days=0, names=FILTERS)
        assert workspace.requests() == {"destination_filters": total_of(workspace.emulator, "destination_filters")}
    with pytest.raises(SettingError, match="SEGMENT_FULL_EVERY_DAYS"):
        ApiSettings(token="t", full_every_days=366)


@pytest.mark.parametrize(
    "damage",
    often(
        [
            "DELETE FROM segment_data.destination_filters WHERE rowid = 3",
            "UPDATE segment_data.destination_filters SET title = 'By hand'",
            "DROP TABLE segment_data.destination_filters",
            "DROP TABLE segment_data._segment_parents",
            "DROP TABLE segment_data._segment_tables",
        ],
        1,
    ),
    ids=["rows deleted", "rows changed", "table dropped", "parents dropped", "loads dropped"],
)
def test_a_table_that_was_changed_by_hand_is_read_whole(workspace, damage):
    workspace.run(0, names=FILTERS)
    execute(damage)
    workspace.run(1, names=FILTERS)
    assert workspace.requests() == {"destination_filters": total_of(workspace.emulator, "destination_filters")}
    assert not workspace.differences(FILTERS)
    workspace.run(2, names=FILTERS)
    assert workspace.requests() == {}


@pytest.mark.long
def test_rows_of_other_settings_are_not_taken_over(workspace):
    whole = {"source_schema_settings": total_of(workspace.emulator, "source_schema_settings")}
    names = ("sources", "source_schema_settings", "audit_events")
    for day, (secrets, key) in enumerate([(True, None), (False, None), (False, "k" * 32), (False, "l" * 32)]):
        workspace.run(day, names=names, include_secrets=secrets, fingerprint_key=key)
        assert workspace.requests() == whole
    workspace.run(4, names=names, include_secrets=False, fingerprint_key="l" * 32)
    assert workspace.requests() == {}


@pytest.mark.parametrize("kind", often(["forbidden", "500"], 1))
def test_without_the_audit_trail_everything_is_read(workspace, caplog, kind):
    workspace.run(0, names=FILTERS)
    workspace.emulator.faults.add(Fault(kind, "audit_events"))
    result = workspace.run(1, names=FILTERS)
    assert workspace.requests() == {"destination_filters": total_of(workspace.emulator, "destination_filters")}
    assert result.saved == 0
    assert "every parent is read again, because the audit trail cannot be read: " in caplog.text
    assert [failure.endpoint.name for failure in result.failures] == ["audit_events"]


@pytest.mark.long
def test_the_trail_is_read_where_it_is_not_selected(workspace):
    emulator = workspace.emulator
    workspace.run(0, names=FILTERS)
    row = first(emulator, "destination_filters")
    emulator.edits.add(Edit("destination_filters", "modify", row["id"], fields={"title": "Another"}))
    # another run has loaded the event already
    workspace.run(1, names=("audit_events",))
    workspace.run(2, names=("destinations", "destination_filters"))
    assert workspace.requests() == {"destination_filters": 1}
    assert not workspace.differences(FILTERS)


@pytest.mark.long
def test_an_event_is_listed_later_than_it_happened(workspace):
    emulator = workspace.emulator
    row = first(emulator, "destination_filters")
    workspace.run(0, names=FILTERS)
    edit = Edit(
        "destination_filters", "modify", row["id"], fields={"title": "Another"}, at=FIRST - timedelta(minutes=59)
    )
    emulator.edits.add(edit)
    workspace.run(1, names=FILTERS)
    assert workspace.requests() == {"destination_filters": 1}
    assert not workspace.differences(FILTERS)


@pytest.mark.long
def test_what_no_table_is_known_of_is_logged(workspace, caplog, monkeypatch):
    caplog.set_level("INFO")
    emulator = workspace.emulator
    monkeypatch.setitem(activities.RESOURCES, "roles", ("SOMETHING NEW", "Role"))
    workspace.run(0, names=FILTERS)
    emulator.edits.add(
        *(Edit("roles", "modify", role["id"], fields={"description": "."}) for role in emulator.records("roles")[:2])
    )
    assert "concern no table that is known" not in caplog.text
    workspace.run(0.5, names=FILTERS)
    assert workspace.requests() == {}
    assert "2 events of the audit trail concern no table that is known, of the types 'SOMETHING NEW'" in caplog.text


DOUBTFUL = {
    "one list is not found while everything is read": (7, ["forbidden:audit_events", "gone:destination_filters"]),
    "one list is not found while the setting is off": (0, ["gone:destination_filters"]),
    "the list of parents does not come whole": (7, ["wrong-total:destinations"]),
}


@pytest.mark.parametrize(("days", "faults"), often(DOUBTFUL.values(), 1), ids=DOUBTFUL)
def test_rows_are_not_taken_from_a_table_that_was_loaded_in_doubt(workspace, days, faults):
    emulator = workspace.emulator
    workspace.run(0, names=FILTERS)
    if "wrong-total:destinations" in faults:
        # it is missing for a day
        gone = first(emulator, "destination_filters")["destinationId"]
        emulator.edits.add(Edit("destinations", "delete", gone, silent=True))
    emulator.faults.add(*map(Fault.parse, faults))
    workspace.run(1, days, names=FILTERS)
    emulator.faults.clear()
    emulator.edits.clear()
    emulator.edits.quiet_audit = True
    workspace.run(2, names=FILTERS)
    assert not workspace.differences(FILTERS)


@pytest.mark.long
def test_a_clock_that_was_ahead_does_not_freeze_a_table(workspace):
    emulator = workspace.emulator
    workspace.run(0, names=FILTERS)
    workspace.run(300, names=FILTERS)
    row = first(emulator, "destination_filters")
    edit = Edit("destination_filters", "modify", row["id"], fields={"title": "Another"}, at=FIRST + timedelta(days=1))
    emulator.edits.add(edit)
    workspace.run(2, names=FILTERS)
    assert not workspace.differences(FILTERS)


def test_a_trail_that_changes_while_it_is_read_tells_nothing(workspace, caplog, monkeypatch):
    workspace.run(0, names=FILTERS)
    read = Extractor.extract

    def unstable(self, endpoint, window=None):
        extract = read(self, endpoint, window)
        return replace(extract, unstable=1) if endpoint.audit_fields else extract

    monkeypatch.setattr(Extractor, "extract", unstable)
    result = workspace.run(1, names=FILTERS)
    assert result.saved == 0
    assert "audit_events: it changed while it was read, so an event may be missing." in caplog.text


@pytest.mark.long
@pytest.mark.parametrize("kind", ["VARCHAR DEFAULT 'abc'", "JSON"])
def test_a_column_that_somebody_has_added_is_no_reason_to_fail(workspace, kind):
    workspace.run(0, names=FILTERS)
    execute(f"ALTER TABLE segment_data.destination_filters ADD COLUMN note {kind}")
    for day in (1, 2, 3):
        result = workspace.run(day, names=FILTERS)
        assert not result.failures and not workspace.differences(FILTERS)


@pytest.mark.long
def test_what_is_read_in_slices_from_now_on_is_read(workspace):
    workspace.run(0, names=FILTERS)
    slow = replace(ROWS["destination_filters"], slow=True, requests_per_minute=40)
    catalogue = [*(row for row in TABLES if row.name != slow.name), slow]
    now = FIRST + timedelta(days=1)
    workspace.emulator.clock.set(now)
    settings = ApiSettings(now=now.isoformat(), full_every_days=7, include_secrets=True, slow_whole_seconds=0.001)
    with Extractor(settings, catalogue) as extractor:
        result = sync([slow], extractor, resolve_destination(DestinationSettings()))
    assert not result.failures
    assert not workspace.differences(("destination_filters",))
    workspace.run(2, names=FILTERS)
    assert not workspace.differences(FILTERS)


def test_what_failed_keeps_its_table_and_is_due_again(workspace):
    emulator = workspace.emulator
    workspace.run(0, names=FILTERS)
    row = first(emulator, "destination_filters")
    emulator.edits.add(Edit("destination_filters", "modify", row["id"], fields={"title": "Another"}))
    emulator.faults.add(Fault("500", "destination_filters"))
    result = workspace.run(1, names=FILTERS)
    assert [failure.endpoint.name for failure in result.failures] == ["destination_filters"]
    emulator.faults.clear()
    workspace.run(2, names=FILTERS)
    assert workspace.requests() == {"destination_filters": 1}
    assert not workspace.differences(FILTERS)


def test_a_parent_that_fails_says_why_its_children_were_not_read(workspace):
    workspace.run(0, names=FILTERS)
    workspace.emulator.faults.add(Fault("500", "destinations"))
    result = workspace.run(1, names=FILTERS)
    assert {failure.endpoint.name for failure in result.failures} == {"destinations", "destination_filters"}
    assert workspace.requests() == {}


@pytest.mark.long
def test_fields_that_are_not_declared_stay(workspace):
    emulator = workspace.emulator
    emulator.faults.add(Fault("extra-field", "destination_filters"))
    workspace.run(0, names=FILTERS)
    before = execute("SELECT * FROM segment_data.destination_filters ORDER BY ALL")
    result = workspace.run(1, names=FILTERS)
    assert workspace.requests() == {} and "destination_filters" in result.unchanged
    # the table is written anew, with the rows of all but one destination from itself
    row = first(emulator, "destination_filters")
    emulator.edits.add(Edit("destination_filters", "modify", row["id"], fields={"title": row["title"] + "."}))
    result = workspace.run(2, names=FILTERS)
    assert workspace.requests() == {"destination_filters": 1} and "destination_filters" not in result.unchanged
    execute(f"UPDATE segment_data.destination_filters SET title = '{row['title']}' WHERE id = '{row['id']}'")
    after = execute("SELECT * FROM segment_data.destination_filters ORDER BY ALL")
    assert after == before


@pytest.mark.long
def test_rows_that_another_run_has_loaded_meanwhile_are_not_replaced_by_older_ones(workspace, caplog, monkeypatch):
    emulator = workspace.emulator
    workspace.run(0, names=FILTERS)
    one, other = emulator.records("destination_filters")[0], emulator.records("destination_filters")[-1]
    emulator.edits.add(Edit("destination_filters", "modify", one["id"], fields={"title": "Another"}))
    emulator.edits.add(Edit("destination_filters", "modify", other["id"], fields={"title": "Silent"}, silent=True))
    destination = resolve_destination(DestinationSettings())
    endpoints = [ROWS[name] for name in FILTERS]
    now = FIRST + timedelta(days=1)
    emulator.clock.set(now)
    # the first has taken its rows from the table when the second, which reads everything, loads
    with Extractor(ApiSettings(now=now.isoformat(), full_every_days=7, include_secrets=True)) as first_run:
        taken = first_run.extract_changed

        def let_another_overtake(*arguments):
            with Extractor(ApiSettings(now=now.isoformat(), include_secrets=True)) as second_run:
                sync(endpoints, second_run, destination)
            taken(*arguments)

        monkeypatch.setattr(first_run, "extract_changed", let_another_overtake)
        sync(endpoints, first_run, destination)
    assert "destination_filters: not loaded, because a run that read it later has loaded it meanwhile" in caplog.text
    assert not workspace.differences(FILTERS)


@pytest.mark.long
def test_histories_are_those_of_whole_reads(workspace):
    emulator = workspace.emulator
    rows = emulator.records("destination_filters")
    edits = [
        Edit("destination_filters", "modify", rows[0]["id"], fields={"title": "Once"}),
        Edit("destination_filters", "modify", rows[0]["id"], fields={"title": "Twice"}),
        Edit("destination_filters", "delete", rows[1]["id"]),
        Edit("destinations", "delete", rows[-1]["destinationId"]),
    ]
    for day, edit in enumerate([None, *edits]):
        if edit:
            emulator.edits.add(edit)
        workspace.run(day, names=FILTERS, history=True)
        workspace.run(day, 0, names=FILTERS, history=True, dataset="read_whole")
    versions = "SELECT id, title, row_version, valid_to IS NULL FROM {}.destination_filters_history ORDER BY ALL"
    assert execute(versions.format("segment_data")) == execute(versions.format("read_whole"))
    ended = "SELECT count(*) FROM segment_data.destination_filters_history WHERE valid_to IS NOT NULL"
    assert execute(ended)[0][0] >= 4
