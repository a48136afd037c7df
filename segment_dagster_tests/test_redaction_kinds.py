"""Kinds of secrets, each with many members; and harmless data, of which little may be taken for one."""

import base64
import json
from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest

from segment_dagster.config import ApiSettings
from segment_dagster.endpoints import CATALOGUE, Column, Endpoint, Reference, Secrecy
from segment_dagster.redaction import REDACTED, is_secret_name, redactor
from segment_dagster_tests.text_finder import TextFinder

PLAIN = ApiSettings(token="t", base_url="https://api.segmentapis.com")
M = "m4rk3r-0f-a-s3cr3t"
HEX = "0123456789abcdef" * 4
UUID = f"{HEX[:8]}-{HEX[:4]}-{HEX[:4]}-{HEX[:4]}-{HEX[:12]}"
ENDPOINT = Endpoint(
    name="things",
    domain="things",
    description="Things.",
    documentation="",
    path="/things",
    selector=("data", "things"),
    media_type="application/json",
    primary_key=("id", "name"),
    references=(Reference(field="owner", endpoint="users"),),
    columns=(
        Column(field="id", type="text", description="Id."),
        Column(field="name", type="text", description="Part of the key."),
        Column(field="owner", type="text", description="Names another."),
        Column(field="kind", type="text", description="One of some.", values=("A", "B")),
        Column(field="slug", type="text", description="Slug."),
        Column(field="query", type="text", description="Written by somebody."),
        Column(field="definition", type="json", description="Written by somebody."),
        Column(field="metadata", type="json", description="Published.", secrecy=Secrecy.NONE),
        Column(field="settings", type="json", description="Settings.", secrecy=Secrecy.SETTINGS),
    ),
)


def redacted(record, **settings):
    return redactor(ENDPOINT, PLAIN.model_copy(update=settings))(record)


def settings_of(settings):
    return redacted({"id": "1", "settings": settings})["settings"]


NAMED_BESIDE = {
    "headerName": {"headerName": "Authorization", "headerValue": M},
    "header_name": {"header_name": "X-Api-Key", "header_value": M},
    "name and content": {"name": "Authorization", "content": M},
    "title": {"title": "Authorization", "value": M},
    "id": {"id": "apiToken", "value": M},
    "variable": {"variable": "DB_PASSWORD", "value": M},
    "var": {"var": "DB_PASSWORD", "val": M},
    "k and v": {"k": "password", "v": M},
    "field and text": {"field": "password", "text": M},
    "label": {"label": "API Key", "value": M},
    "envName": {"envName": "SECRET_KEY", "envValue": M},
    "attribute": {"attribute": "token", "data": M},
    "Key": {"Key": "password", "Value": M},
    "identifier": {"identifier": "clientSecret", "current": M},
    "deep": {"name": "password", "value": [{"a": M}]},
    "typed": {"type": "password", "value": M},
    "type in capitals": {"Type": "SecureString", "Name": "x", "Value": M},
    "kind": {"kind": "Secret", "data": {"a": M}},
    "format": {"format": "password", "default": M},
    "inputType": {"inputType": "password", "value": M},
    "fieldType": {"fieldType": "secret_text", "fieldValue": M},
    "sensitive": {"sensitive": True, "value": M},
    "isSensitive": {"isSensitive": True, "value": M},
    "isSecret": {"isSecret": True, "value": M},
    "is_secret": {"is_secret": "true", "value": M},
    "secret": {"secret": True, "value": M},
    "encrypted": {"encrypted": True, "value": M},
    "secure": {"secure": True, "v": M},
    "masked": {"masked": 1, "content": M},
    "confidential": {"confidential": True, "text": M},
    "protected": {"name": "x", "protected": True, "value": M},
    "described": {"field": {"type": "password"}, "value": M},
    "flag in metadata": {"metadata": {"sensitive": True}, "value": M},
    "visibility": {"visibility": "secret", "value": M},
    "widget": {"widget": "password", "value": M},
    "triples": {"headers": [["Authorization", "x", M]]},
    "pairs": {"headers": [["Authorization", M]]},
    "pairs of more": {"headers": [["Accept", "x"], ["X-Api-Key", [M]]]},
    "flat list": {"headers": ["Accept", "x", "Authorization", M]},
    "flat list of other headers": {"headers": ["X-Auth-Token", M]},
    "lines": {"headers": [f"Authorization: {M}"]},
    "arguments": {"args": ["--host", "h", "--password", M]},
}


@pytest.mark.parametrize("settings", NAMED_BESIDE.values(), ids=NAMED_BESIDE)
def test_a_value_is_a_secret_where_what_stands_beside_it_says_so(settings):
    assert M not in json.dumps(settings_of(settings))
    assert M not in json.dumps(settings_of({"list": [{"deep": settings}], "host": "h"}))
    assert M not in json.dumps(settings_of({"text": json.dumps(settings)}))


HARMLESS_BESIDE = [
    {"headerName": "Accept", "headerValue": "v"},
    {"title": "Region", "value": "eu"},
    {"title": "How to rotate all of your keys", "content": "Ask."},
    {"id": "region", "value": "eu"},
    {"type": "string", "value": "v"},
    {"type": "array", "data": ["v"]},
    {"sensitive": False, "value": "v"},
    {"sensitive": "false", "value": "v"},
    {"secure": True, "host": "h", "port": 1},
    {"encrypted": True, "server": "s"},
    {"headers": [["Accept", "v"]]},
    {"field": {"type": "string"}, "value": "v"},
    {"mode": "server", "value": "v"},
    {"pairs": ["email", "name"]},
    {"args": ["--host", "h"]},
]


@pytest.mark.parametrize("settings", HARMLESS_BESIDE, ids=json.dumps)
def test_a_value_stays_where_what_stands_beside_it_says_nothing_of_it(settings):
    assert settings_of(settings) == settings


NAMES = [
    *("psk", "wifiPsk", "pw", "dbPw", "pswd", "tkn", "userTkn", "sid", "accountSid", "csrf", "xsrfToken", "licence"),
    *("license", "licenseKey", "recoveryCodes", "recovery_codes", "backupCode", "creds", "otp", "apikey", "nonce"),
    *("Contraseña", "mot_de_passe", "Passwort", "Kennwort", "senha", "wachtwoord", "hasło", "parola", "mật khẩu"),
    *("пароль", "Пароль", "密码", "パスワード", "비밀번호", "كلمة المرور", "סיסמה", "पासवर्ड", "รหัสผ่าน", "トークン"),
    *("ｐａｓｓｗｏｒｄ", "pass\u200bword", "PÁSSWORD", "cvv", "mfa", "2fa", "assertion"),  # noqa: RUF001
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_known_in_short_and_in_other_languages(name):
    assert is_secret_name(name)
    assert settings_of({name: M}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name", ["author", "keyword", "keywords", "keyboardLayout", "monkey", "inside", "paid", "token"[1:]]
)
def test_a_name_that_holds_the_letters_of_another_is_harmless(name):
    assert not is_secret_name(name)


# split, so that they look like nobody's secret
ISSUED = {
    "Airtable": "pa" + f"t{HEX[:14]}.{HEX}",
    "Asana": f"1/{HEX[:10]}12345:{HEX[:32]}".replace("abcdef", "012345"),
    "Asana of an app": "0" + f"/1234567890:{HEX[:32]}",
    "Atlassian": "ATA" + f"TT3xFfGF0{HEX[:40]}",
    "Bitbucket": "ATB" + f"B{HEX[:32]}",
    "AWS": "ABI" + "A" + "X" * 16,
    "Azure": "abc8" + f"Q~{HEX[:34]}",
    "Brevo": "xkey" + f"sib-{HEX}-{HEX[:16]}",
    "CircleCI": "CCIP" + f"AT_{HEX[:22]}_{HEX[:40]}",
    "DigitalOcean": "dop_" + f"v1_{HEX}",
    "DigitalOcean, OAuth": "doo_" + f"v1_{HEX}",
    "Docker": "dckr" + f"_pat_{HEX[:27]}",
    "Doppler": "dp." + f"pt.{HEX[:43]}",
    "Facebook": "EA" + f"A{HEX}",
    "Figma": "fig" + f"d_{HEX[:40]}",
    "GitLab, to deploy": "gl" + f"dt-{HEX[:20]}",
    "GitLab, for a runner": "GR13" + f"48941{HEX[:20]}",
    "Google, for a while": "ya2" + f"9.{HEX}",
    "Google, for a client": "GOC" + f"SPX-{HEX[:28]}",
    "Google Cloud Storage": "GOO" + f"G1E{HEX[:57].upper()}",
    "Google, to refresh, formerly": "1" + f"/{HEX[:43]}",
    "Google, to refresh": "1/" + f"/0{HEX[:40]}",
    "Grafana": "gls" + f"a_{HEX[:32]}_{HEX[:8]}",
    "Heroku": "HRK" + f"U-{UUID}",
    "HubSpot": "pat" + f"-na1-{UUID}",
    "HubSpot in Europe": "pat" + f"-eu1-{UUID}",
    "Hugging Face": "hf" + f"_{HEX[:34]}",
    "Klaviyo": "p" + f"k_{HEX[:34]}",
    "LaunchDarkly": "sd" + f"k-{UUID}",
    "Linear": "lin" + f"_api_{HEX[:40]}",
    "Mailchimp": HEX[:32] + "-us" + "12",
    "Mailgun": "ke" + f"y-{HEX[:32]}",
    "Mandrill": "m" + f"d-{HEX[:22]}",
    "New Relic": "NRA" + f"K-{HEX[:27].upper()}",
    "New Relic, browser": "NRJ" + f"S-{HEX[:19]}",
    "New Relic, licence": HEX[:36] + "NR" + "AL",
    "Notion": "nt" + f"n_{HEX[:46]}",
    "Notion, formerly": "secr" + f"et_{HEX[:43]}",
    "npm": "np" + f"m_{HEX[:36]}",
    "OpenAI": "s" + f"k-proj-{HEX[:40]}",
    "Perplexity": "ppl" + f"x-{HEX[:48]}",
    "PlanetScale": "psc" + f"ale_tkn_{HEX[:43]}",
    "PostHog": "ph" + f"x_{HEX[:40]}",
    "Postman": "PMA" + f"K-{HEX[:24]}-{HEX[:34]}",
    "Pulumi": "pu" + f"l-{HEX[:40]}",
    "PyPI": "py" + f"pi-AgEIcHlwaS5vcmc{HEX}",
    "Replicate": "r8" + f"_{HEX[:37]}",
    "RubyGems": "ruby" + f"gems_{HEX[:48]}",
    "Sentry": "sntr" + f"ys_{HEX}",
    "Sentry, for a user": "sntr" + f"yu_{HEX}",
    "Shopify": "shp" + f"at_{HEX[:32]}",
    "Shopify, shared": "shp" + f"ss_{HEX[:32]}",
    "Shopify, custom": "shp" + f"ca_{HEX[:32]}",
    "Slack, for an app": "xap" + f"p-1-A012-{HEX[:32]}",
    "SonarQube": "sq" + f"p_{HEX[:40]}",
    "Square": "sq0" + f"csp-{HEX[:43]}",
    "Square, for an application": "EAA" + f"A{HEX[:60]}",
    "Supabase": "sb" + f"p_{HEX[:40]}",
    "Tailscale": "tsk" + f"ey-auth-{HEX[:17]}",
    "Telegram": "123456789" + ":" + f"AA{HEX[:33]}",
    "Terraform": f"{HEX[:14]}" + f".atlasv1.{HEX}",
    "Twilio": "S" + f"K{HEX[:32]}",
    "Vault": "hv" + f"s.{HEX[:24]}",
    "Vault, in batches": "hv" + f"b.{HEX}",
    "xAI": "xa" + f"i-{HEX}",
}
ADDRESSES = {
    "token as user": f"https://{M}@example.com/x",
    "token in capitals": "https://TOKEN@example.com",
    "token and no password": f"https://{HEX[:32]}:@example.com",
    "token and a word": f"https://{HEX[:32]}:x-oauth-basic@example.com/x.git",
    "Sentry": f"https://{HEX[:32]}@o1.ingest.sentry.io/1",
    "MySQL of Go": f"me:{M}@tcp(db:3306)/x",
    "MySQL by a socket": f"me:{M}@unix(/tmp/mysql.sock)/x",
    "no scheme": f"me:{M}@db.example.com:5432/x",
    "MySQL of Go with no host": f"me:{M}@/x",
    "redis": f"redis://:{M}@cache:6379/0",
    "amqp": f"amqps://me:{M}@mq/x",
    "jdbc": f"jdbc:mysql://me:{M}@db:3306/x",
    "jdbc with parameters": f"jdbc:postgresql://db/x?user=me&password={M}",
    "jdbc of SQL Server": f"jdbc:sqlserver://db:1433;user=me;password={M};",
    "jdbc of Oracle": f"jdbc:oracle:thin:me/{M}@db:1521:x",
    "Oracle": f"me/{M}@//db:1521/x",
    "snowflake": f"snowflake://me:{M}@account/db",
    "encoded": quote(f"https://me:{M}@example.com", safe=""),
    "address in an address": f"https://example.com/?next={quote(f'https://me:{M}@example.com', safe='')}",
    "Teams": f"https://acme.webhook.office.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/{HEX[:32]}/{UUID}",
    "Teams, formerly": f"https://outlook.office.com/webhook/{UUID}@{UUID}/IncomingWebhook/{HEX[:32]}/{UUID}",
    "Teams, by Logic Apps": f"https://prod-1.westus.logic.azure.com:443/workflows/{HEX[:32]}/triggers/manual/paths/invoke",
    "Teams, by Power Automate": "https://default1.2.environment.api.powerplatform.com:443/powerautomate/automations/direct"
    f"/workflows/{HEX[:32]}/triggers/manual/paths/invoke?api-version=1",
    "Zapier": f"https://hooks.zapier.com/hooks/catch/123456/{HEX[:7]}/",
    "Telegram": f"https://api.telegram.org/bot123456789:{HEX[:35]}/sendMessage",
    "Discord": f"https://discord.com/api/webhooks/1/{HEX}",
    "Discord, before": f"https://discordapp.com/api/webhooks/1/{HEX}",
    "Discord, ptb": f"https://ptb.discord.com/api/webhooks/1/{HEX}",
    "Discord, canary": f"https://canary.discord.com/api/v10/webhooks/1/{HEX}",
    "Slack": f"https://hooks.slack.com/services/T0/B0/{HEX[:24]}",
    "Slack of the government": f"https://hooks.slack-gov.com/services/T0/B0/{HEX[:24]}",
    "Slack's workflows": f"https://hooks.slack.com/workflows/T0/A0/1/{HEX[:24]}",
    "Slack's triggers": f"https://hooks.slack.com/triggers/T0/1/{HEX[:32]}",
    "IFTTT": f"https://maker.ifttt.com/trigger/x/with/key/{HEX[:22]}",
    "Power Automate after its host": '"https://x.flow.microsoft.com/"'
    f'"https://x.flow.microsoft.com/workflows/{HEX[:32]}/triggers/manual/paths/invoke"',
    "Make": f"https://hook.eu1.make.com/{HEX[:32]}",
    "Integromat": f"https://hook.integromat.com/{HEX[:32]}",
    "n8n": f"https://acme.app.n8n.cloud/webhook/{UUID}",
    "Mattermost": f"https://chat.example.com/hooks/{HEX[:26]}",
    "Rocket.Chat": f"https://chat.example.com/hooks/{HEX[:24]}/{HEX[:40]}",
    "Google Chat": f"https://chat.googleapis.com/v1/spaces/A/messages?key=k&token={HEX[:43]}",
    "Feishu": f"https://open.feishu.cn/open-apis/bot/v2/hook/{UUID}",
    "Netlify": f"https://api.netlify.com/build_hooks/{HEX[:24]}",
    "signed by AWS": f"https://b.s3.amazonaws.com/x?X-Amz-Date=1&X-Amz-Signature={HEX}",
    "signed by Azure": f"https://b.blob.core.windows.net/x?sv=1&sig={HEX[:43]}%3D",
    "signed by Google": f"https://storage.googleapis.com/b/x?X-Goog-Signature={HEX}",
    "signed by CloudFront": f"https://d1.cloudfront.net/x?Expires=1&Signature={HEX}&Key-Pair-Id=K1",
}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


TEXTS = {
    "Authorization close by": f"Authorization:Basic {M}",
    "another header close by": f"X-Api-Key:{M}",
    "token close by": f"token:{M}",
    "header in a sentence": f"send Bearer {M} with it",
    "JSON after a blank": encoded(f' {{"type": "{M}"}}'),
    "JSON after a line": encoded(f'\n{{"type": "{M}"}}'),
    "JSON after a tab": encoded(f'\t\r\n {{"type": "{M}"}}'),
    "JSON after much": encoded(" " * 300 + f'{{"type": "{M}"}}'),
    "list of JSON": encoded(f'[ {{"type": "{M}"}}]'),
    "JSON in base64 twice": encoded(encoded(f'{{"type": "{M}", "more": "{M}"}}')),
    "JSON for addresses": base64.urlsafe_b64encode(f'{{"type": "??>>{M}"}}'.encode()).decode(),
    "JSON in a data address": "data:application/json;base64," + encoded(f'{{"type": "{M}"}}'),
    "JSON with a name twice": f'{{"password": "{M}", "password": null}}',
    "JSON within a text": 'body={\\"apiKey\\":\\"' + M + '\\"}',
    "XML": f"<config><password>{M}</password></config>",
    "XML with attributes": f'<add key="apiKey" value="{M}"/>',
    "arguments": f"run --token {M}",
    "curl": f"curl -u me:{M} https://example.com",
    "wide colon": f"密码：{M}",  # noqa: RUF001
    "PuTTY": f"PuTTY-User-Key-File-2: ssh-rsa {M}",
    "arrow": f"password => '{M}'",
}
LOOKS = {**ISSUED, **ADDRESSES, **TEXTS}


@pytest.mark.parametrize("text", LOOKS.values(), ids=LOOKS)
def test_a_text_that_is_a_secret_by_its_look_does_not_leave_settings(text):
    assert settings_of({"note": text, "list": [text]}) == {"note": REDACTED, "list": [REDACTED]}
    assert settings_of({"note": f"see {text} for it"}) == {"note": REDACTED} or text.startswith(("me:", "me/", "密"))


PARTS = {M, quote(M, safe=""), HEX[:7], HEX[:7].upper(), "TOKEN", "X" * 16}


@pytest.mark.parametrize("text", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("key", [None, "a key"], ids=["redacted", "fingerprint"])
def test_only_the_secret_goes_of_a_text_that_somebody_wrote(text, key):
    kept = redacted({"id": "1", "query": f"first {text} last", "definition": {"a": [text]}}, fingerprint_key=key)
    # nothing tells where a key of PuTTY ends
    assert kept["query"].startswith("first ") and (kept["query"].endswith(" last") or text == TEXTS["PuTTY"])
    left = json.dumps(kept, ensure_ascii=False)
    assert "hmac:" in left if key else REDACTED in left
    assert not [part for part in PARTS if part in left]


WRITTEN = {
    f"SELECT * FROM dblink('host=db user=me password={M}', 'SELECT id') AS t(id text)": (
        f"SELECT * FROM dblink('host=db user=me password={REDACTED}', 'SELECT id') AS t(id text)"
    ),
    f"CREATE USER me PASSWORD '{M}'; SELECT 1": f"CREATE USER me PASSWORD '{REDACTED}'; SELECT 1",
    f"ALTER USER me IDENTIFIED BY '{M}'": f"ALTER USER me IDENTIFIED BY '{REDACTED}'",
    f"COPY x FROM 's3://b' CREDENTIALS=(AWS_KEY_ID='k' AWS_SECRET_KEY='{M}')": (
        f"COPY x FROM 's3://b' CREDENTIALS=(AWS_KEY_ID='k' AWS_SECRET_KEY='{REDACTED}')"
    ),
    f"https://b.example.com/x.js?X-Amz-Date=1&X-Amz-Signature={HEX}&v=2": (
        f"https://b.example.com/x.js?X-Amz-Date=1&X-Amz-Signature={REDACTED}&v=2"
    ),
    f"postgres://me:{M}@db:5432/x": f"postgres://me:{REDACTED}@db:5432/x",
    f"Use Authorization: Bearer {M}, then ask.": f"Use Authorization: Bearer {REDACTED}, then ask.",
    f'event = "Paid" and properties.api_token = "{M}"': f'event = "Paid" and properties.api_token = "{REDACTED}"',
    f"The password: {M} (ask Ann)": f"The password: {REDACTED} (ask Ann)",
    f"-----BEGIN KEY-----\n{M}\n-----END KEY-----\nand more": f"{REDACTED}\nand more",
}


@pytest.mark.parametrize("text", WRITTEN, ids=lambda text: text[:20])
def test_the_rest_of_a_text_stays_readable(text):
    assert redacted({"id": "1", "query": text})["query"] == WRITTEN[text]


def test_what_identifies_a_record_is_never_altered():
    secret = ISSUED["DigitalOcean"]
    record = {"id": secret, "name": secret, "owner": secret, "kind": secret, "slug": secret, "metadata": {"a": secret}}
    assert redacted(record) == record


def test_a_text_that_is_too_long_to_be_looked_through_goes_whole():
    longest = "x " * 524_288
    record = {"id": "1", "query": longest, "settings": {"note": longest}}
    assert redacted(record) == record
    record = {"id": "1", "query": longest + "x", "settings": {"note": longest + "x"}}
    assert redacted(record) == {"id": "1", "query": REDACTED, "settings": {"note": REDACTED}}


# what a text says before and after a password, and its words
QUOTED = {
    "doubled": ("password='", f"x''{M}", "'"),
    "doubled at the start": ("password='", f"''{M}", "'"),
    "doubled at the end": ("password='", f"{M}''", "' and a = 'b'"),
    "doubled twice": ("password='", f"x''''{M}''y", "'"),
    "doubled, in a double quote": ('password="', f'x""{M}', '"'),
    "escaped": ("password='", rf"a\'{M}", "'"),
    "escaped, in a double quote": ('password = "', rf"a\"{M}", '" and more'),
    "escaped and doubled": ("password='", rf"a\''{M}", "'"),
    "a backslash": ("password='", rf"a\{M}", "'"),
    "a backslash at the end": ("password='", f"{M}\\\\", "'"),
    "prefix of Unicode": ("PASSWORD=N'", M, "'"),
    "prefix of Unicode, doubled": ("PASSWORD = N'", f"x''{M}", "', DEFAULT_DATABASE = x"),
    "prefix of escapes": ("password = E'", rf"a\'{M}", "'"),
    "prefix of bits": ("token=b'", M, "'"),
    "prefix with &": ("password=U&'", M, "'"),
    "prefix of a character set": ("password=_utf8'", M, "'"),
    "prefix of C#": ('password=@"', f'x""{M}', '"'),
    "prefix of Python": ('token = rb"', M, '"'),
    "prefix of Oracle": ("password=q'[", f"it's {M}", "]'"),
    "a literal in a literal": ("dblink('host=h password=''", f"a''''{M}", "''')"),
    "a literal in a literal, alone": ("dblink('host=h password=''", M, "''')"),
    "a literal in a literal in a literal": ("EXEC('dblink(''password=''''", M, "'''')')"),
    "JSON in a text": (r"body={\"password\":\"", rf"a\\\"{M}", r"\",\"host\":\"h\"}"),
    "JSON in a text, with a line": (r"body={\"password\":\"", rf"a\\n{M}", r"\",\"host\":\"h\"}"),
    "JSON in JSON in a text": (r"{\\\"token\\\":\\\"", M, r"\\\", \\\"host\\\":1}"),
    "JSON": ('see {"password":"', rf"a\"{M}", '", "host":"h"}'),
    "backticks": ("token=`", M, "`"),
    "braces": ("Driver={x};PWD={", f"a}}}}{M}", "};Server=h"),
    "braces alone": ("password={", M, "}"),
    "SET TO": ("SET password TO '", M, "'"),
    "PASSWORD with a prefix": ("ALTER USER me PASSWORD E'", rf"a\'{M}", "'"),
    "PASSWORD, doubled": ("ALTER USER me PASSWORD '", f"x''{M}", "' LOGIN"),
    "PASSWORD in dollars": ("ALTER USER me PASSWORD $$", M, "$$ LOGIN"),
    "PASSWORD in dollars with a tag": ("ALTER USER me PASSWORD $a$", f"'$$'{M}", "$a$"),
    "assigned in dollars": ("password = $$", M, "$$"),
    "IDENTIFIED BY": ('ALTER USER me identified by "', M, '"'),
    "IDENTIFIED BY PASSWORD": ("ALTER USER me IDENTIFIED BY PASSWORD '", M, "'"),
    "IDENTIFIED WITH": ("CREATE USER me IDENTIFIED WITH mysql_native_password BY '", M, "'"),
    "IN": ("api_key in ('", M, "')"),
    "NOT IN": ("api_key NOT IN ( N'", M, "')"),
    "LIKE": ("token LIKE '", f"{M}%", "'"),
    "not like": ('"token" not ilike \'', M, "'"),
    "<>": ("token <> '", M, "'"),
    "!=": ("token != '", M, "'"),
    "!=, close by": ("token!='", M, "'"),
    "~": ("token ~ '", M, "'"),
    "SQL in JSON": ('{"sql": "password=\'', rf"a\\'{M}", "'\"}"),
    "a function of the name": ("lower(token) = '", M, "'"),
    "a cast of the name": ("token::text='", M, "'"),
    "a function": ("password = md5('", M, "')"),
}


@pytest.mark.parametrize("text", QUOTED.values(), ids=QUOTED)
@pytest.mark.parametrize("around", [("", ""), ("x = 1 and ", "; select 'y'")], ids=["alone", "among others"])
def test_a_quoted_value_goes_to_its_end_and_no_further(text, around):
    before, secret, after = around[0] + text[0], text[1], text[2] + around[1]
    assert redacted({"id": "1", "query": before + secret + after})["query"] == before + REDACTED + after
    assert settings_of({"note": before + secret + after}) == {"note": REDACTED}


SEVERAL = [
    f"api_key in ('{M}', '{M}','{M}')",
    f"password = 'a' || '{M}'",
    f"password = 'a' + '{M}'",
    f"password = 'a'\n  '{M}'",
    rf"export PASSWORD='a'\''{M}'",
    f"export PASSWORD='a'\"'\"'{M}'",
    rf"password = 'C:\' and token = '{M}'",
    f"password = '' and token = '{M}'",
    f"(password='',token='{M}')",
    f"password='{M}",
    f"password='x''{M}",
    rf"password='x\'{M}",
    f"password=''{M}",
    f"""note "password='a\\' " and token='{M}'""",
]


@pytest.mark.parametrize("text", SEVERAL)
def test_no_part_of_a_quoted_value_is_left(text):
    assert M not in redacted({"id": "1", "query": text})["query"]
    assert M not in json.dumps(settings_of({"note": text}))


HARMLESS_QUOTES = [
    *("password = '' and x = ''", "where token='' or note = 'it''s'", "dblink('host=h password=''', 'select 1')"),
    *("a.token = `b`.`token`", "https://example.com/x?token={token}", "token={{ token }}", "token=$TOKEN$ and more"),
    *("'token=' || x || 'y'", "token in (select id from t)", "token is not null and a like 'x'", "token like $1"),
    *("users identified by email", "tokens <> 'x'", "key <> 'plan'"),
    *("(token) => 'x'", "password between 1 and 2", "the secret 'x is not closed", '"a"."token" <> "b"."token"'),
]


@pytest.mark.parametrize("text", HARMLESS_QUOTES)
def test_a_text_without_a_quoted_secret_stays(text):
    assert redacted({"id": "1", "query": text})["query"] == text


BARE = {
    f"//bob:{M}@host/x": f"//bob:{REDACTED}@host/x",
    f"see //bob:{M}@host": f"see //bob:{REDACTED}@host",
    f"url='//bob:{M}@host:5432/x'": f"url='//bob:{REDACTED}@host:5432/x'",
    f'"//bob:a@{M}@host/x"': f'"//bob:{REDACTED}@host/x"',
    f"//:{M}@[::1]/x": f"//:{REDACTED}@[::1]/x",
    f"- name: token\n  value: {M}": f"- name: token\n  value: {REDACTED}",
    f"env:\n  - name: DB_PASSWORD\n    value: '{M}'\n  - name: HOST\n    value: h\n": (
        f"env:\n  - name: DB_PASSWORD\n    value: '{REDACTED}'\n  - name: HOST\n    value: h\n"
    ),
    f"- value: {M} # mine\n  name: token": f"- value: {REDACTED} # mine\n  name: token",
    f"name: token\ntype: x\nvalue: {M} b": f"name: token\ntype: x\nvalue: {REDACTED}",
    f'name = "token"\nvalue = "{M}"': f'name = "token"\nvalue = "{REDACTED}"',
    f"- name: token\n  value: |\n    a\n    {M}\n- name: x\n": f"- name: token\n  value: {REDACTED}\n- name: x\n",
    f"in {{name: token, value: {M}}}": f"in {{name: token, value: {REDACTED}}}",
    f'in {{"name": "Authorization", "value": "{M}", "on": 1}}': (
        f'in {{"name": "Authorization", "value": "{REDACTED}", "on": 1}}'
    ),
    f'in {{\\"key\\":\\"password\\",\\"value\\":\\"{M}\\"}}': (
        f'in {{\\"key\\":\\"password\\",\\"value\\":\\"{REDACTED}\\"}}'
    ),
    f"- key: Authorization\r\n  value: {M}\r\n": f"- key: Authorization\r\n  value: {REDACTED}\r\n",
}


@pytest.mark.parametrize("text", BARE, ids=ascii)
def test_an_address_without_a_scheme_and_lines_of_name_and_value_lose_their_secret(text):
    assert redacted({"id": "1", "query": text})["query"] == BARE[text]
    assert settings_of({"note": text}) == {"note": REDACTED}


@pytest.mark.parametrize(
    "text",
    [
        *("//host:8080/x@y", "//cdn.example.com/x.js", "//example.com/a:b@c", "- name: plan\n  value: x"),
        *("- name: token\n- name: host\n  value: x", "name: token\nother:\n  value: x", "//mailto:me@example.com"),
        *("{name: plan, value: x}", "name: token, other: x"),
    ],
)
def test_an_address_without_a_secret_and_lines_of_other_names_stay(text):
    assert redacted({"id": "1", "query": text})["query"] == text
    assert settings_of({"note": text}) == {"note": text}


SAID_BESIDE = {
    "parallel lists": {"names": ["Authorization", "Accept"], "values": [M, "x"]},
    "parallel lists of headers": {"headerNames": ["Accept", "X-Api-Key"], "headerValues": ["x", M]},
    "parallel lists of keys": {"keys": ["password", "y"], "values": [M, "x"]},
    "parallel lists, deep": {"fields": ["host", "token"], "data": ["x", {"a": [M]}]},
    "x-secret": {"x-secret": True, "default": M},
    "x-sensitive": {"x-sensitive": "true", "example": M},
    "x- of somebody": {"x-acme-secret": True, "default": M},
    "obfuscate": {"obfuscate": True, "value": M},
    "redact": {"redact": True, "value": M},
    "hide": {"hide": 1, "value": M},
    "NoEcho": {"NoEcho": True, "Default": M},
    "shouldEncrypt": {"shouldEncrypt": True, "value": M},
    "valueIsSecret": {"valueIsSecret": True, "value": M},
}


@pytest.mark.parametrize("settings", SAID_BESIDE.values(), ids=SAID_BESIDE)
def test_lists_side_by_side_and_flags_tell_of_a_secret(settings):
    after = json.dumps(settings_of(settings))
    assert M not in after
    assert '"x"' in after or "x" not in json.dumps(list(settings.values()))
    assert M not in json.dumps(settings_of({"text": json.dumps(settings)}))


@pytest.mark.parametrize(
    "settings",
    [
        {"mapping": [{"key": "email", "value": "traits.email"}]},
        {"mapping": [{"Key": "plan_2024", "Value": "x", "on": True}]},
        {"key": "email", "defaultValue": "x"},
        {"names": ["Authorization", "Accept"], "values": ["x"]},
        {"names": ["region", "host"], "values": ["x", "y"]},
        {"x-secret": False, "default": "x"},
        {"x-order": True, "default": "x"},
        {"obfuscate": "no", "value": "x"},
    ],
    ids=json.dumps,
)
def test_what_names_a_harmless_value_stays(settings):
    after = settings_of(settings)
    if "names" in settings:  # after a header, in a list by itself, its value comes
        assert after["values"] == settings["values"]
    else:
        assert after == settings


def test_a_key_beside_a_value_is_looked_at_all_the_same():
    secret = ISSUED["DigitalOcean"]
    assert settings_of({"key": secret, "value": "x"}) == {"key": REDACTED, "value": "x"}
    assert settings_of({"key": HEX[:32], "value": "x"}) == {"key": REDACTED, "value": "x"}
    assert settings_of({"key": {"a": M}, "value": "x"}) == {"key": {"a": REDACTED}, "value": "x"}
    assert settings_of({"key": "password", "value": M}) == {"key": "password", "value": REDACTED}
    assert settings_of({"apiKey": M, "value": "x"}) == {"apiKey": REDACTED, "value": "x"}
    assert settings_of({"credentials": {"key": "k", "value": "x"}}) == {
        "credentials": {"key": REDACTED, "value": REDACTED}
    }


@pytest.mark.parametrize(
    "name",
    [
        *("sort_key", "sortKey", "sortkey", "SORT_KEYS", "primary_key", "primaryKeys", "foreignKey", "partitionKey"),
        *("distkey", "objectKey", "eventKey", "mergeKey", "dedupe_key", "keyName", "key_column", "s3KeyPrefix"),
        *(
            "publicKeyId",
            "tokenType",
            "token_count",
            "tokenizer",
            "tokenization",
            "authMethod",
            "authType",
            "authority",
        ),
        *("authorized", "isAuthorized", "cookieDomain", "cookieName", "sessionTimeout", "signatureVersion"),
        *("licenseType", "certified", "certification", "webhookMethod", "isPrivate", "monkeys", "hotkey", "hotkeys"),
        *("apiKeyName", "accessTokenType", "primaryKeyColumn", "sort_key_2"),
    ],
)
def test_a_name_of_something_else_than_the_secret_is_harmless(name):
    assert not is_secret_name(name)
    assert settings_of({name: "v"}) == {name: "v"}


@pytest.mark.parametrize(
    "name",
    [
        *("key", "apiKey", "keyValue", "authToken", "sessionToken", "privateKey", "publicKey", "private_key_id"),
        *("accessKeyId", "primaryKeyToken", "sortKeySecret", "secretKeyName", "privateKeyPrefix", "authMethodKey"),
        *("tokenTypeSecret", "eventApiKey", "primaryApiKey", "objectAccessKey", "authorization", "authorizationKey"),
        *("isPrivateKey", "sessionTokenName", "primaryAccessKey", "tokenNameValueToken", "certificate", "hotKeySecret"),
        *("idRsa", "id_rsa", "id_ed25519", "unlockCode", "activationCode", "inviteCode", "invitation_code"),
        *("magicLink", "resetLink", "passwordResetUrl", "magic_url", "loginLink"),
    ],
)
def test_a_name_that_holds_a_harmless_one_and_a_secret_is_secret(name):
    assert is_secret_name(name)
    assert settings_of({name: M}) == {name: REDACTED}


HARMLESS = [
    *("Paying customers", "Basic plan", "Basic plan 2024", "Token Created", "Password Reset Requested", "Signed In"),
    *("SELECT id, token_type FROM t WHERE a.token = b.token AND key = 'plan'", "SELECT password FROM users"),
    *("WHERE secret_name = 'x' AND session_id = 'y'", "select * from t where token = $1 and password = :password"),
    *('event = "Order Completed" and properties.token_type = "card"', "API token: ask the platform team"),
    *("Password: required", "the key is under the mat", "author: Ann", "12:30", "2024-02-29T12:30:00Z", "10:20:30"),
    *("https://cdn.example.com/functions/3.svg", "https://example.com/webhooks/list", "https://hooks.example.com/x"),
    *("https://docs.example.com/rest/webhook?page=2", "https://git@example.com/x.git", "ssh://git@example.com/x"),
    *(
        "git@example.com:acme/x.git",
        "me@example.com",
        "mailto:me@example.com",
        "Ann <ann@example.com>",
        "@acme/x@1.2.3",
    ),
    *("arn:aws:iam::123456789012:role/segment", "gs://bucket/path", "s3://bucket/key/2024", "C:\\temp\\x"),
    *("2bVwVdYXpRTbnNnEqjwRkV", "9aQ1Lj62S4bomZKLF4DPqW", "cred_2bVwVdYXpRTbnNnEqjwRkV", UUID, HEX[:32], HEX),
    *("analytics.js", "order_completed", "Order Completed", "user-subscription", "sk-short", "pk_live_" + HEX),
    *("#ff8800", "+49 30 1234567", "v1.2.3-beta.1", "en-US,en;q=0.9", "text/html; charset=utf-8", "Mozilla/5.0 (X11)"),
    *("$.properties.email", "{{ properties.total }}", "${secrets.TOKEN}", "a=b&c=d", "x > 1 && y <= 2", "key=value"),
    *(
        "Basics of tokens: part 1",
        "<b>bold</b> & more",
        "100% {curly} ${dollar}",
        "日本語の名前",
        "пример",
        "0 */6 * * 1-5",
    ),
]
"""What people write, and ids as Segment makes them."""


def test_what_people_write_is_hardly_ever_taken_for_a_secret():
    texts = [redacted({"id": "1", "query": text})["query"] for text in HARMLESS]
    assert [text for text, after in zip(HARMLESS, texts, strict=True) if text != after] == []
    # in settings rather too much is taken
    settings = [settings_of({"note": text})["note"] for text in HARMLESS]
    taken = [text for text, after in zip(HARMLESS, settings, strict=True) if text != after]
    assert taken == [
        "SELECT id, token_type FROM t WHERE a.token = b.token AND key = 'plan'",
        "WHERE secret_name = 'x' AND session_id = 'y'",
        "select * from t where token = $1 and password = :password",
        "API token: ask the platform team",
        "Password: required",
        "key=value",
        "Basics of tokens: part 1",
    ]


FALSE_ALARMS = 94


def test_false_alarms_on_the_emulated_workspace_are_counted(world):
    """Texts of the workspace that hold no secret, and are other than they were."""
    wrong: Counter[tuple[Any, ...]] = Counter()
    looked, secrets = 0, TextFinder(world.secrets)
    for endpoint in CATALOGUE:
        if world.is_timed(endpoint.name):
            continue
        redact = redactor(endpoint, PLAIN)
        whole = {column.field for column in endpoint.columns if column.secrecy is Secrecy.ALL}
        for record in world.records(endpoint.name):
            after = redact(record)
            for field in record.keys() - whole:
                for path, before in texts_of(record[field]):
                    looked += 1
                    if at(after[field], path) != before and not secrets.found(before):
                        wrong[(endpoint.name, field, path[0])] += 1
    assert looked > 100_000
    # what stands below a secret name goes whole: the project of a service account, the region of webhooks
    assert {path[2] for path in wrong} == {"credentials", "webhooks"}
    assert sum(wrong.values()) == FALSE_ALARMS


def texts_of(value, path=()):
    if isinstance(value, dict):
        for name, held in value.items():
            yield from texts_of(held, (*path, name))
    elif isinstance(value, list):
        for place, held in enumerate(value):
            yield from texts_of(held, (*path, place))
    elif isinstance(value, str) and value:
        yield path, value


def at(value, path):
    for step in path:
        value = value[step]
    return value
