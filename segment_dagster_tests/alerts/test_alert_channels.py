"""Channels: what is told late, twice or not at all, and that no address is seen."""

import io
import json
import logging
import sys
import threading
import traceback

import dagster as dg
import pytest

from segment_dagster.alerts.channel import Channel, ChannelError, channels_of
from segment_dagster.alerts.monitored import Monitored
from segment_dagster.alerts.muted_logs import muted_logs
from segment_dagster.alerts.sensor import AlertError, build_segment_alert_sensor
from segment_dagster.errors import SettingError
from segment_dagster_tests.alerts.sink import sink

pytestmark = pytest.mark.slow

NEW = "segment: 1 new\nNew (error): sources_send_events of segment/health_sources: 1 rows: web, 0 events."


def test_what_a_channel_does_not_take_is_told_by_the_next_tick(alerts):
    alerts.sink.status = 503
    alerts.found("web")
    for _ in range(2):
        with pytest.raises(AlertError) as failure:
            alerts.tick()
    assert str(failure.value) == (
        "Channel 1 (ALERTS) did not take the message: HTTP status 503. "
        "The next tick sends it again: see whether its address is right."
    )
    alerts.sink.status = 200
    assert alerts.told() == [NEW]
    assert alerts.told() == []


def test_a_run_that_failed_while_the_channel_was_away_is_told_though_the_next_one_has_succeeded(alerts):
    assert alerts.told() == []
    alerts.sink.status = 503
    failed = alerts.run(fails="no")
    with pytest.raises(AlertError):
        alerts.tick()
    alerts.run()
    alerts.sink.status = 200
    assert f"Run failed: {failed[:8]} of segment_sync" in alerts.told()[0]


def test_a_channel_that_nobody_answers_is_told_later(alerts, monkeypatch):
    alerts.found("web")
    address, alerts.sink.port = alerts.sink.address, 9
    monkeypatch.setenv("ALERTS", alerts.sink.address)
    with pytest.raises(AlertError, match="no answer, or a refusal"):
        alerts.tick()
    monkeypatch.setenv("ALERTS", address)
    assert alerts.told() == [NEW]


def test_one_channel_does_not_wait_for_another_and_is_not_told_twice(alerts, monkeypatch):
    with sink() as second:
        monkeypatch.setenv("SECOND", second.address)
        alerts.channels = ("SECOND", "ALERTS")
        second.status = 500
        alerts.found("web")
        result = alerts.tick()
        assert alerts.sink.new() == [NEW]
        assert "Sent 1 message. Channel 1 (SECOND) did not take" in result.skip_message
        # now that nothing is to be stored, the tick is red
        with pytest.raises(AlertError, match=r"^Channel 1 \(SECOND\) did not take the message: HTTP status 500\."):
            alerts.tick()
        second.status = 200
        alerts.tick()
        assert (alerts.sink.new(), second.new()) == ([], [NEW])
        alerts.found()
        alerts.tick()
        assert len(alerts.sink.new()) == len(second.new()) == 1


def test_a_new_channel_is_told_what_is_wrong(alerts, monkeypatch):
    alerts.found("web")
    assert alerts.told() == [NEW]
    with sink() as second:
        monkeypatch.setenv("SECOND", second.address)
        alerts.channels = ("ALERTS", "SECOND")
        alerts.tick()
        assert (alerts.sink.new(), second.new()) == ([], [NEW])


def test_a_tick_that_is_killed_before_its_cursor_is_stored_tells_twice_and_loses_nothing(alerts):
    alerts.found("web")
    alerts.tick(killed=True)
    alerts.tick()
    assert alerts.sink.new() == [NEW, NEW]


@pytest.mark.parametrize("status", [200, 401])
def test_the_address_is_in_no_log_cursor_tick_or_error(alerts, capfd, status):
    alerts.sink.status = status
    alerts.found("web")
    logged, handler = io.StringIO(), logging.StreamHandler()
    handler.setStream(logged)
    root, names = logging.getLogger(), ("apprise", "urllib3", "urllib3.connectionpool", "requests", "")
    levels = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    own = logging.getLogger("apprise")
    own.addHandler(handler)
    said = []
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG - 5)
        said += [repr(alerts.tick()), alerts.cursor]
    except AlertError:
        said.append("".join(traceback.format_exception(*sys.exc_info())))
    finally:
        root.removeHandler(handler)
        own.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    printed = capfd.readouterr()
    text = "\n".join([logged.getvalue(), printed.out, printed.err, *said])
    assert ("1 new" in json.dumps(alerts.sink.messages)) == (status == 200)
    for secret in ("very-secret-token", "hunter-two-pass", alerts.sink.path):
        assert secret not in text


def test_an_address_that_apprise_does_not_know_is_not_shown(alerts, monkeypatch, capfd):
    monkeypatch.setenv("ALERTS", "nobody-knows-this://very-secret-token@host")
    alerts.cursor = None
    with pytest.raises(AlertError) as failure:
        alerts.tick()
    assert str(failure.value) == (
        "Channel 1 (ALERTS) has an address that apprise does not know. "
        "See https://appriseit.com for the forms of addresses."
    )
    assert "very-secret" not in capfd.readouterr().err


def test_a_channel_without_an_address_says_which_variable(alerts, monkeypatch):
    monkeypatch.delenv("ALERTS")
    with pytest.raises(AlertError, match=r"^Channel 1 \(ALERTS\) has no address: the variable is not set\. Set it to "):
        alerts.tick()


def test_without_apprise_one_line_says_what_to_install(alerts, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(AlertError) as failure:
        alerts.tick()
    assert (
        str(failure.value) == "channels needs the package apprise. Install it: pip install 'segment_dagster[alerts]'."
    )


def test_a_plugin_that_raises_tells_the_type_of_its_error_alone(alerts, monkeypatch):
    import apprise

    def raises(self, *arguments, **options):
        raise OSError("very-secret-token")

    monkeypatch.setattr(apprise.Apprise, "notify", raises)
    alerts.found("web")
    with pytest.raises(AlertError, match="did not take the message: OSError") as failure:
        alerts.tick()
    assert "very-secret" not in "".join(traceback.format_exception(failure.value))


@pytest.mark.parametrize(
    ("channels", "error"),
    [
        ([], "channels is empty. Name at least one environment variable with an address."),
        (["ALERTS", dg.EnvVar("ALERTS")], "channels names a variable twice. Name each once."),
        (
            ["ALERTS", "json://very-secret-token@host"],
            "channels has an entry that is no name of an environment variable: number 2. "
            "Put the address into a variable, and name that one.",
        ),
    ],
)
def test_channels_that_cannot_be_are_refused_when_the_sensor_is_defined(channels, error):
    with pytest.raises(SettingError) as failure:
        build_segment_alert_sensor(Monitored.of(), channels=channels)
    assert str(failure.value) == error


def test_a_variable_is_given_by_its_name_or_as_dagster_names_it():
    assert channels_of(["ONE", dg.EnvVar("TWO")]) == (Channel(1, "ONE"), Channel(2, "TWO"))


def test_the_sensor_is_off_and_reads_nothing_when_it_is_defined(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    sensor = build_segment_alert_sensor(Monitored.of(), name="prod", channels=["NOT_SET"])
    assert sensor.name == "prod_alert_sensor" and sensor.default_status is dg.DefaultSensorStatus.STOPPED
    assert dg.Definitions(sensors=[sensor]).get_repository_def().has_sensor_def("prod_alert_sensor")


def test_other_threads_and_times_log_as_before(caplog):
    logger = logging.getLogger("segment_alerts_test")
    with muted_logs() as kept:
        logger.error("kept back")
        other = threading.Thread(target=logger.error, args=("of another thread",))
        other.start()
        other.join()
        logging.getLogger("segment_alerts_test.made_later").error("kept back, too")
    logger.error("later")
    assert set(kept) == {"kept back", "kept back, too"}
    assert [record.message for record in caplog.records] == ["of another thread", "later"]


def test_a_failure_has_the_channel_and_no_address():
    error = ChannelError(Channel(2, "SLACK"), "is away", "Wait.")
    assert str(error) == "Channel 2 (SLACK) is away. Wait."
