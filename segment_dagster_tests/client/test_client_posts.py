"""Requests that write: what is sent, and that none is sent again that may be done."""

import pytest

from segment_dagster.client import ApiError, SegmentClient
from segment_dagster.client.errors import REFUSALS, NotFoundError, PathError, RateLimitedError
from segment_dagster.config import ApiSettings
from segment_dagster.emulator import Fault
from segment_dagster.endpoints.reverse_etl_actions import CANCEL, START


@pytest.fixture
def body(emulator):
    """What starts a sync."""
    values = emulator.world.lists("reverse_etl_syncs")[0]
    model = next(each for each in emulator.records("reverse_etl_models") if each["id"] == values["modelId"])
    return {"sourceId": model["sourceId"], **values}


@pytest.fixture
def client(emulator):
    with SegmentClient(ApiSettings()) as client:
        yield client


def test_a_post_returns_the_record_of_its_answer(emulator, client, body):
    answer = client.post(START, {}, body)
    (started,) = emulator.syncs.reverse_etl.active
    assert answer["syncId"] == started.sync_id
    (seen,) = emulator.stats.requests
    assert (seen.method, seen.path, seen.accept) == ("POST", "/reverse-etl-syncs", START.media_type)
    answer = client.post(CANCEL, {"modelId": body["modelId"], "syncId": started.sync_id}, {})
    assert answer["status"] == "CANCELLING"


@pytest.mark.parametrize("kind", ["500", "reset", "bad-json", "empty-body", "truncated"])
def test_what_may_be_done_is_not_sent_again(emulator, client, body, kind):
    emulator.faults.add(Fault(kind, START.name))
    with pytest.raises(ApiError, match="reverse_etl_sync_start: POST /reverse-etl-syncs ") as failure:
        client.post(START, {}, body)
    assert not isinstance(failure.value, REFUSALS)
    assert emulator.stats.total == 1


def test_a_429_is_waited_for(emulator, client, body):
    emulator.faults.add(Fault("429-bare", START.name, times=2))
    assert client.post(START, {}, body)["syncId"]
    assert emulator.stats.by_status == {429: 2, 200: 1}
    emulator.faults.add(Fault("429-bare", START.name))
    with pytest.raises(RateLimitedError):
        client.post(START, {}, body)


def test_a_refusal_says_what_was_refused(emulator, client, body):
    with pytest.raises(NotFoundError, match="POST /reverse-etl-syncs found nothing") as failure:
        client.post(START, {}, {**body, "subscriptionId": "x"})
    assert isinstance(failure.value, REFUSALS)
    assert failure.value.told in str(failure.value) and "SEGMENT_API_LAYOUT" not in failure.value.told
    with pytest.raises(PathError, match=r"POST /reverse-etl-models/m/syncs/\.\./cancel cannot be asked for"):
        client.post(CANCEL, {"modelId": "m", "syncId": ".."}, {})


def test_a_layout_without_the_request_is_refused(emulator, body):
    with SegmentClient(ApiSettings(layout="versioned")) as client, pytest.raises(ValueError, match="has no endpoint"):
        client.post(START, {}, body)
    assert emulator.stats.total == 0
