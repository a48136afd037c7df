"""Redaction takes as long as the input is large: no value makes it slow."""

import json
import time

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import Column, Endpoint, Secrecy
from segment_dagster.redaction import REDACTED, names, redactor, texts, values
from segment_dagster.redaction.formats import HOOK_HOSTS
from segment_dagster_tests.variants import often

pytestmark = [pytest.mark.slow, pytest.mark.long]

PLAIN = ApiSettings(token="t", base_url="https://api.segmentapis.com")
ENDPOINT = Endpoint(
    name="things",
    domain="things",
    description="Things.",
    documentation="",
    path="/things",
    selector=("data", "things"),
    media_type="application/json",
    primary_key=("id",),
    columns=(
        Column(field="id", type="text", description="Id."),
        Column(field="query", type="text", description="Written by somebody."),
        Column(field="settings", type="json", description="Settings.", secrecy=Secrecy.SETTINGS),
    ),
)
TIMES = 4
"""How much more input there is the second time. Quadratic work takes 16 times as long."""

MOST = 9
"""How much longer that may take."""


def nested_text(size):
    """JSON in JSON in JSON: each level writes the backslashes of the one below twice."""
    text = "x" * (size // 2)
    while len(text) < size:
        text = json.dumps({"a": text, "b": "y"})
    return text


def side_by_side(size):
    """Many JSON texts beside each other in each JSON text."""
    text = json.dumps(["x"])
    while len(text) < size:
        text = json.dumps([text, text])
    return text


def repeated(text):
    """Give the generator of a text that is the same over and over."""
    return lambda size: text * (size // len(text))


HOOKS = {
    "slack": "hooks.slack.com/services/",
    "discord": "discord.com/api/webhooks/",
    "webhook.office": "webhook.office.com/",
    "outlook.office": "outlook.office.com/webhook/",
    "logic.azure": "logic.azure.com/workflows/a",
    "powerplatform": "powerplatform.com/workflows/",
    "flow.microsoft": "flow.microsoft.com/triggers/",
    "zapier": "hooks.zapier.com/",
    "api.telegram": "api.telegram.org/bot1",
    "maker.ifttt": "maker.ifttt.com/use/a",
    ".make.": "hook.a.make.com/a",
    "integromat": "hook.integromat.com/",
    "pipedream": "/abc.m.pipedream.net",
    "webhook.site": "webhook.site/",
    "workato": "hooks.workato.com/webhooks/",
    "trayapp": "/abc.trayapp.io",
    "pagerduty": "events.pagerduty.com/integration/",
    "feishu": "open.feishu.cn/open-apis/bot/v2/hook/",
    "larksuite": "open.larksuite.com/open-apis/bot/v2/hook/",
    "webexapis": "webexapis.com/v1/webhooks/incoming/",
    "hooks.airtable": "hooks.airtable.com/",
    "netlify": "api.netlify.com/build_hooks/",
    "vercel": "api.vercel.com/v1/integrations/deploy/",
    "hubapi": "hubapi.com/automation/v4/webhook-triggers/",
    "opsgenie": "api.opsgenie.com/v1/json/",
    "victorops": "alert.victorops.com/integrations/",
}
"""An address of each that has hooks, up to the secret, which the next one is."""

VALUES = {
    "starts of tokens": lambda size: "-eyJ" * (size // 4),
    "starts of tokens with a part": lambda size: "-eyJabcd." * (size // 9),
    "starts of tokens in a row": lambda size: "eyJ" * (size // 3),
    "starts of keys": lambda size: "-sk-" * (size // 4),
    "starts of many keys": lambda size: "-SG.-ya29.-hvs.-xoxb-pat" * (size // 24),
    "digits": lambda size: "1" * size,
    "digits apart": lambda size: "12345678:" * (size // 9),
    "schemes": lambda size: "://" * (size // 3),
    "schemes with a user": lambda size: "://a:" * (size // 5),
    "schemes and an @ far away": lambda size: "://1/" * (size // 5) + "@",
    "users": lambda size: "a:" * (size // 2) + "b",
    "ats": lambda size: "a@" * (size // 2),
    "ats with a protocol": lambda size: "a@tcp" * (size // 5),
    "begins": lambda size: "-----BEGIN" * (size // 10),
    "dashes": lambda size: "-" * size,
    "blanks": lambda size: "a" + " " * size,
    "blanks before a colon": lambda size: ("a" + " " * 20) * (size // 21) + ":",
    "assignments": lambda size: "a=" * (size // 2),
    "assignments to nothing": lambda size: "a = " * (size // 4),
    "assignments of quotes": lambda size: "a='" * (size // 3),
    "assignments of quotes to a secret": lambda size: "token='" * (size // 7),
    "assignments of escaped quotes": lambda size: "token=\\'x\\\\\\'" * (size // 12),
    "assignments of quotes that are escaped": lambda size: "token='\\'\"" * (size // 10),
    "assignments of doubled quotes": lambda size: "token=''x" * (size // 9),
    "assignments of more and more quotes": lambda size: "".join(
        "token=" + quote * (2**number) + "x" for number in range(5) for quote in "'\"`" for _ in range(size // 300)
    ),
    "assignments of quotes that go on": lambda size: "token='x' || 'y' + " * (size // 19),
    "assignments of brackets": lambda size: "token=q'[x" * (size // 10),
    "assignments of braces": lambda size: "token={x" * (size // 8),
    "assignments of dollars": lambda size: "token=$a$" * (size // 9),
    "quotes of a secret": lambda size: "token='" + "'" * size,
    "quotes and backslashes": lambda size: "token='" + "\\'" * (size // 2),
    "backslashes in quotes": lambda size: "token='" + "\\" * size,
    "comparisons": lambda size: "token <> '" * (size // 10),
    "lists": lambda size: "token in ('x', 'y', " * (size // 20),
    "calls": lambda size: "token = md5( " * (size // 13),
    "keywords": lambda size: "PASSWORD '" * (size // 10),
    "keywords with dollars": lambda size: "PASSWORD $$" * (size // 11),
    "identified": lambda size: "IDENTIFIED WITH " * (size // 16),
    "slashes": lambda size: "//" * (size // 2),
    "slashes with a user": lambda size: "(//a:" * (size // 5) + "@b",
    "lines of names": lambda size: "- name: token\n  value: x\n" * (size // 25),
    "lines ever deeper": lambda size: "".join(" " * (number % 60) + "name: token\n" for number in range(size // 42)),
    "names beside values": lambda size: "name: token, value: x, " * (size // 23),
    "names beside nothing": lambda size: "name: a " * (size // 8),
    "lines of blocks": lambda size: "value: |\n a\n" * (size // 12),
    "dashes and blanks": lambda size: "- " * (size // 2) + "\n",
    "assignments of other names": lambda size: "".join(f"b{number}=c;" for number in range(size // 8)),
    "colons": lambda size: ":" * size,
    "a word": lambda size: "a" * size + "=",
    "dots": lambda size: "a." * (size // 2),
    "percents": lambda size: "%25" * (size // 3),
    "backslashes": lambda size: "a" + "\\" * size + '"',
    "quotes": lambda size: '"' * size,
    "brackets": lambda size: "[" * size,
    "tags": lambda size: "<a " * (size // 3),
    "open tags": lambda size: "<a>" * (size // 3),
    "flags": lambda size: "--a " * (size // 4),
    "base64": lambda size: "ICAg" * (size // 4),
    "base64 of base64": lambda size: "SUNBZ0lD" * (size // 8),
    "base64 apart": lambda size: ("A" * 31 + ".") * (size // 32),
    "hooks": lambda size: "https://hook/hook/" * (size // 18),
    "hook and parts": lambda size: "https://hook" + "/hook" * (size // 5),
    "authorization": lambda size: "Basic " * (size // 6),
    "JSON in JSON": nested_text,
    "JSON texts beside each other": side_by_side,
    "letters of no Latin": lambda size: "ключ" * (size // 4),
    "addresses of all hooks": repeated("".join(HOOKS.values())),
    "addresses of hooks apart": repeated(" ".join(HOOKS.values()) + " "),
    "arguments without a digit": repeated("#key="),
    "arguments and a digit far away": lambda size: "?session=" * (size // 9) + "1",
    "arguments that are assigned": repeated("?token="),
    "users that are tokens, and ats": repeated("://abcdefghijklmnop1:x@"),
    "users without a password": repeated("://abcdefghijklmnop1@"),
    "headers": repeated("Authorization: Basic "),
    "headers that are quoted": repeated('Authorization: "'),
    "passwords of SQL": repeated("PASSWORD 'x"),
    "elements": repeated("<token>x"),
    "attributes": repeated('name="token" value="x'),
    "flags with values": repeated("--token x"),
    "users of curl": repeated("-u a:"),
    "codes": repeated("?code=abcdefghijklmnop"),
    "percents in addresses": repeated("https%3A%2F%2Fa%3Ab%40"),
    "begins and ends of keys": repeated("-----BEGIN -----END -----"),
}
MAPS = {
    "keys that are secrets": lambda size: {f"Bearer {number}": number for number in range(size)},
    "keys that are numbered already": lambda size: {
        **{f"{REDACTED} {number}": number for number in range(size)},
        **{f"Bearer {number}": number for number in range(size)},
    },
    "keys of harmless names": lambda size: {f"name{number}": "v" for number in range(size)},
    "keys that are long": lambda size: {"x" * size * 10: "v"},
    "keys with accents in no order": lambda size: {"a" + "\u0301\u0323" * size * 5: "v"},
    "keys with marks in no order": lambda size: {"a" + "\U0001d165\U0001d16d" * size * 5: "v"},
    "lists of pairs": lambda size: {"list": [["Authorization", "x"]] * size},
    "lists of words": lambda size: {"list": ["--x", "y"] * size},
    "maps of names": lambda size: {"list": [{"name": "Authorization", "value": "x"}] * size},
    "options": lambda size: {
        "metadata": {"options": [{"name": f"o{number}", "type": "password"} for number in range(size)]},
        **{f"o{number}": "v" for number in range(size)},
    },
    "options within options": lambda size: {
        "metadata": {"options": [{"name": f"o{number}", "type": "password"} for number in range(size)]},
        "list": [{"metadata": {"options": [{"name": f"p{number}", "type": "password"}]}} for number in range(size)],
    },
}


def forget():
    """What was asked before is answered at once: ask for the first time."""
    for kept in (names._is_secret_name, names._is_assigned_name, texts._kept_spans, values._remembered_is_secret):
        kept.cache_clear()


def seconds(redact, record):
    """The least time of three: others use the machine too."""
    found = []
    for _ in range(3):
        forget()
        start = time.process_time()
        redact(record)
        found.append(time.process_time() - start)
    return min(found)


def growth(make, record_of, size, **settings):
    """How much longer it takes for more of the same.

    Starts with more where that takes too short a time to be compared.
    """
    redact = redactor(ENDPOINT, PLAIN.model_copy(update=settings))
    while (little := seconds(redact, record_of(make(size)))) < 0.002 and size < 200_000:
        size *= 4
    return seconds(redact, record_of(make(TIMES * size))) / max(little, 0.002)


@pytest.mark.parametrize("field", ["settings", "query"])
@pytest.mark.parametrize("value", often(VALUES, len(VALUES) // 2))
def test_a_long_text_takes_as_long_as_it_is(value, field):
    def record_of(text):
        return {"id": "1", field: {"note": text} if field == "settings" else text}

    assert growth(VALUES[value], record_of, 3_000) < MOST


@pytest.mark.parametrize("host", [host for host, _ in HOOK_HOSTS])
def test_addresses_of_hooks_in_a_row_take_as_long_as_they_are(host):
    assert growth(repeated(HOOKS[host]), lambda text: {"id": "1", "query": text}, 40_000) < MOST


def test_addresses_with_tokens_for_users_take_as_long_as_they_are():
    def users(size):
        return "://abcdefghijklmnop1:x" * (size // 22) + "@"

    assert growth(users, lambda text: {"id": "1", "query": text}, 100_000) < MOST


@pytest.mark.parametrize("key", [None, "a key"], ids=["redacted", "fingerprint"])
@pytest.mark.parametrize("value", often(MAPS, len(MAPS) // 2))
def test_many_members_take_as_long_as_there_are(value, key):
    assert growth(MAPS[value], lambda held: {"id": "1", "settings": held}, 500, fingerprint_key=key) < MOST
