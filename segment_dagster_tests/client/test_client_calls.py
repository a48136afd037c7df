"""How each kind of endpoint is asked for: parameters, paging of every style, shared answers, bare records."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from segment_dagster.client import Meter
from segment_dagster.client.errors import ShapeError
from segment_dagster.endpoints import CATALOGUE

ROWS = {endpoint.name: endpoint for endpoint in CATALOGUE}
SHARED = [ROWS["credential_warehouses"], ROWS["credential_sources"]]


def query(api, number=-1):
    return parse_qs(urlsplit(api.asked[number][0]).query)


def read(client, endpoints, values=None, meter=None):
    found: dict[str, list] = {}
    for page in client.pages(endpoints, values, meter):
        found.setdefault(page.endpoint.name, []).extend(page.records)
    return found


def pagination(next_cursor=None, total=None, **more):
    return {"current": "c", **({"next": next_cursor} if next_cursor is not None else {}), "totalEntries": total, **more}


def test_values_without_a_placeholder_are_query_parameters_and_what_is_always_sent_is_sent(scripted, client_of):
    api = scripted({"data": {"dataset": [], "pagination": pagination()}})
    values = {"sourceId": "a/b", "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-02T00:00:00Z"}
    read(client_of(api.url), ROWS["delivery_overview_failed_on_ingest"], {**values, "granularity": "DAY"})
    assert urlsplit(api.asked[0][0]).path == "/delivery-overview/failed-on-ingest"
    assert query(api) == {
        "sourceId": ["a/b"],
        "startTime": ["2026-01-01T00:00:00Z"],
        "endTime": ["2026-01-02T00:00:00Z"],
        "granularity": ["DAY"],
        "groupBy": ["eventName", "eventType", "discardReason", "appVersion"],
        "pagination.count": ["1000"],
    }


def test_every_placeholder_is_filled_and_encoded_whole(scripted, client_of):
    api = scripted({"data": {"eventProperties": [], "pagination": pagination()}})
    read(client_of(api.url), ROWS["space_event_properties"], {"spaceId": "s 1", "eventName": "a/b?c=%20+é"})
    path = urlsplit(api.asked[0][0]).path
    assert path == "/spaces/s%201/events/a%2Fb%3Fc%3D%2520%2B%C3%A9/properties"
    assert unquote(path.split("/")[4]) == "a/b?c=%20+é"


def test_bare_count_and_cursor(scripted, client_of):
    api = scripted(
        {"data": {"syncStatuses": [{"syncId": "1"}], "pagination": pagination("next one")}},
        {"data": {"syncStatuses": [{"syncId": "2"}]}},
    )
    found = read(client_of(api.url), ROWS["reverse_etl_syncs"], {"modelId": "m", "subscriptionId": "s"})
    assert found["reverse_etl_syncs"] == [{"syncId": "1"}, {"syncId": "2"}]
    assert [query(api, number) for number in (0, 1)] == [
        {"count": ["100"]},
        {"count": ["100"], "cursor": ["next one"]},
    ]


def test_a_numeric_cursor_is_sent_as_it_came(scripted, client_of):
    api = scripted(
        {"data": {"filters": [{"id": "1"}], "pagination": {"next": 10, "totalEntries": 11}}},
        {"data": {"filters": [{"id": "2"}], "pagination": {"current": 10}}},
    )
    read(client_of(api.url), ROWS["space_filters"], {"integrationId": "spa"})
    assert query(api, 0) == {"integrationId": ["spa"], "pagination.count": ["10"]}
    assert query(api, 1)["pagination.cursor"] == ["10"]


def test_an_absent_pagination_object_ends_a_list_that_may_lack_one(scripted, client_of):
    full = {"data": {"regulations": [{"id": str(number)} for number in range(1000)]}}
    api = scripted(full)
    found = read(client_of(api.url), ROWS["source_regulations"], {"sourceId": "s"})
    assert (len(found["source_regulations"]), len(api.asked)) == (1000, 1)


def test_a_full_page_without_the_pagination_object_it_must_have_is_refused(scripted, client_of):
    api = scripted({"data": {"sources": [{"id": "1"}, {"id": "2"}]}})
    with pytest.raises(ShapeError, match=r"a full page of 2 has no 'data.pagination' to say if there are more"):
        read(client_of(api.url, page_size=2), ROWS["sources"])
    # a page that is not full is the last one
    assert len(read(client_of(api.url, page_size=3), ROWS["sources"])["sources"]) == 2


def test_bare_records_become_objects(scripted, client_of):
    api = scripted({"data": {"invites": ["a@example.com", "b@example.com"], "pagination": pagination()}})
    assert read(client_of(api.url), ROWS["invites"]) == {
        "invites": [{"email": "a@example.com"}, {"email": "b@example.com"}]
    }


@pytest.mark.parametrize("given", [{"any": {"kind": 1}}, [{"id": 1}], []], ids=str)
def test_what_has_no_documented_form_is_kept_whole(given, scripted, client_of):
    api = scripted({"data": {"destinations": given, "pagination": pagination()}})
    values = {"spaceId": "s", "audienceType": "USERS"}
    found = read(client_of(api.url), ROWS["audience_supported_destinations"], values)
    assert found["audience_supported_destinations"] == [{"destinations": given}]


def test_a_bare_record_that_is_null_is_refused(scripted, client_of):
    api = scripted({"data": {"invites": ["a@example.com", None], "pagination": pagination()}})
    with pytest.raises(ShapeError, match=r"has no records at 'data.invites': a record is null"):
        read(client_of(api.url), ROWS["invites"])


def test_the_record_may_be_all_of_the_data(scripted, client_of):
    api = scripted({"data": {"connectionState": "CONNECTED"}})
    found = read(client_of(api.url), ROWS["warehouse_connection_states"], {"warehouseId": "w"})
    assert found["warehouse_connection_states"] == [{"connectionState": "CONNECTED"}]
    assert query(api) == {}


def test_lists_of_one_answer_cost_one_request_and_go_on_each_by_its_own_cursor(scripted, client_of):
    api = scripted(
        {
            "data": {
                "warehouses": [{"id": "w1"}],
                "warehousesPagination": pagination(total=1),
                "sources": [{"id": "s1"}],
                "sourcesPagination": pagination("more", 2),
            }
        },
        # a list at its end is not asked for any more: whatever stands in its place is not looked at
        {"data": {"warehouses": None, "sources": [{"id": "s2"}], "sourcesPagination": pagination(total=2)}},
    )
    meter = Meter()
    found = read(client_of(api.url), SHARED, {"credentialId": "c"}, meter)
    assert found == {"credential_warehouses": [{"id": "w1"}], "credential_sources": [{"id": "s1"}, {"id": "s2"}]}
    assert meter.requests == len(api.asked) == 2
    assert query(api, 0) == {"warehousesPagination.count": ["1000"], "sourcesPagination.count": ["1000"]}
    assert query(api, 1) == {"sourcesPagination.count": ["1000"], "sourcesPagination.cursor": ["more"]}


def test_one_list_of_a_shared_answer_may_be_read_alone(scripted, client_of):
    api = scripted({"data": {"sources": [{"id": "s1"}], "sourcesPagination": pagination()}})
    assert read(client_of(api.url), ROWS["credential_sources"], {"credentialId": "c"}) == {
        "credential_sources": [{"id": "s1"}]
    }
