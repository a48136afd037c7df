"""The clock: what time the emulator takes it to be, and how that is changed over HTTP."""

from datetime import datetime, timedelta, timezone

import pytest
import requests

from segment_dagster.emulator.clock import Clock

NOW = datetime(2024, 3, 15, 12, 30, tzinfo=timezone.utc)


@pytest.fixture
def url(emulator):
    return f"{emulator.url}/_emulator/clock"


def put(url, **given):
    return requests.put(url, json=given, timeout=10)


def test_the_clock_is_read_and_set_over_http(url, emulator):
    assert requests.get(url, timeout=10).json() == {"now": "2024-03-15T12:30:00Z"}
    assert put(url, now="2026-03-01T00:00:00Z").json() == {"now": "2026-03-01T00:00:00Z"}
    assert emulator.clock.now() == datetime(2026, 3, 1, tzinfo=timezone.utc)
    assert put(url, now="2026-03-01T01:00:00.5+02:00").json() == {"now": "2026-02-28T23:00:00.500000Z"}
    assert put(url).json() == requests.get(url, timeout=10).json() == {"now": "2026-02-28T23:00:00.500000Z"}
    assert put(url, now=None).json() == {"now": None}
    assert emulator.clock.now() > NOW
    assert requests.get(url, timeout=10).json() == {"now": None}


def test_a_clock_that_stands_still_is_advanced(url, emulator):
    assert put(url, now="2024-02-28T23:59:59.5Z").ok
    assert put(url, advance=0.5).json() == {"now": "2024-02-29T00:00:00Z"}
    assert put(url, advance=86_400).json() == {"now": "2024-03-01T00:00:00Z"}
    emulator.clock.advance(timedelta(days=365))
    assert emulator.clock.now() == datetime(2025, 3, 1, tzinfo=timezone.utc)


def test_what_the_api_answers_goes_with_the_clock(url, api):
    put(url, now="2026-02-28T12:00:00Z")
    usage = "/usage/api-calls/daily?period=2026-02-01"
    assert len(api.json(usage)["data"]["dailyWorkspaceAPICallsUsage"]) == 28
    put(url, now="2026-02-01T00:00:00Z")
    assert len(api.json(usage)["data"]["dailyWorkspaceAPICallsUsage"]) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[]", "JSON object"),
        ('{"now": 1}', "now is not of the right type"),
        ('{"now": ""}', "now is not a time in ISO 8601: ''"),
        ('{"now": "noon"}', "now is not a time in ISO 8601: 'noon'"),
        ('{"advance": "1"}', "advance is not of the right type"),
        ('{"advance": true}', "advance is not of the right type"),
        ('{"advance": null}', "advance is not of the right type"),
        ('{"advance": NaN}', "advance is not a number of seconds"),
        ('{"advance": Infinity}', "advance is not a number of seconds"),
        ('{"advance": -1}', "0 seconds or more"),
        ('{"advance": 1e12}', "beyond the year 9999"),
        ('{"now": null, "advance": 1}', "either set or advanced"),
        ('{"tomorrow": 1}', "unknown 'tomorrow'; there are now, advance"),
    ],
)
def test_a_clock_that_is_not_valid_is_refused_and_stays(url, emulator, body, says):
    response = requests.put(url, data=body, timeout=10)
    assert response.status_code == 422
    assert says in response.json()["errors"][0]["message"]
    assert emulator.clock.now() == NOW


def test_a_clock_that_goes_is_not_advanced(url, emulator):
    emulator.clock.set(None)
    response = put(url, advance=1)
    assert response.status_code == 422
    assert "set it before it is advanced" in response.json()["errors"][0]["message"]
    with pytest.raises(ValueError, match="goes with the real time"):
        Clock().advance(timedelta(seconds=1))
