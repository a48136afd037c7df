"""Find secrets by their format: keys of well-known issuers, URLs, headers, private keys.

Each rule takes time linear in the length of the text: what it searches after a start has a limited length, or cannot
contain another start.
"""

import binascii
import re
from collections.abc import Iterator

Span = tuple[int, int]
"""Start and end of a secret in a text."""

ISSUED: tuple[tuple[str, str, str], ...] = (
    ("1Password", "ops_eyJ", r"ops_eyJ[\w-]{16,}"),
    ("Adobe", "p8e-", r"p8e-[A-Za-z0-9]{32}"),
    ("age", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{16,}"),
    ("Airtable", "pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{32,}"),
    ("Alibaba", "LTAI", r"LTAI[A-Za-z0-9]{12,}"),
    ("Amazon MWS", "amzn", r"amzn(?:\.mws\.|1\.oa2-cs\.v1\.)[0-9a-f-]{16,}"),
    ("Anthropic, OpenAI and others", "sk-", r"sk-[\w-]{32,}"),
    ("Artifactory", "AKC", r"AKC[A-Za-z0-9]{10,}"),
    ("Asana", "/", r"[0-2]/[0-9]{8,20}(?:/[0-9]{8,20})?:[0-9a-f]{32}"),
    ("Atlassian", "ATATT3 ATCTT3 ATBB", r"AT(?:ATT|CTT)3[\w=-]{16,}|ATBB[A-Za-z0-9]{24,}"),
    ("AWS", "A3T ABIA ACCA AKIA ASIA", r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{12,}"),
    ("Azure", "Q~", r"[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}"),
    ("Brevo", "xkeysib- xsmtpsib-", r"x(?:keysib|smtpsib)-[0-9a-f]{16,}(?:-[A-Za-z0-9]+)?"),
    ("Buildkite", "bk", r"bk(?:ua|aj|ct|pi)_[0-9a-f]{16,}"),
    ("CircleCI", "CCI", r"CCI(?:PAT|PRJ)_[\w-]{16,}"),
    ("Clojars", "CLOJARS_", r"CLOJARS_[0-9a-f]{16,}"),
    ("Cloudflare", "v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{32,}"),
    ("Contentful", "CFPAT-", r"CFPAT-[\w-]{16,}"),
    ("Databricks", "dapi dkea dose", r"(?:dapi|dkea|dose)[0-9a-f]{24,}(?:-[0-9])?"),
    ("Datadog", "pub", r"pub[0-9a-f]{32}"),
    ("DigitalOcean", "_v1_", r"do[oprst]_v1_[0-9a-f]{16,}"),
    ("Discord", ".", r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}"),
    ("Docker", "dckr_", r"dckr_[op]at_[\w-]{16,}"),
    ("Doppler", "dp.", r"dp\.(?:audit|ct|pt|sa|scim|st)\.[\w.-]{16,}"),
    ("Dropbox", "sl.", r"sl\.[\w-]{40,}"),
    ("Duffel", "duffel_", r"duffel_(?:live|test)_[\w=-]{16,}"),
    ("Dynatrace", "dt0", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{16,}"),
    ("EasyPost", "EZ", r"EZ[AT]K[A-Za-z0-9]{32,}"),
    ("Facebook", "EAA", r"EAA[A-Za-z0-9]{20,}"),
    ("Facebook, for an app", "|", r"[0-9]{13,17}\|[\w-]{20,}"),
    ("Figma", "fig", r"fig[do]_[\w-]{16,}"),
    ("Flutterwave", "FLW", r"FLW(?:SECK|PUBK)[\w-]{16,}"),
    ("Fly.io", "fm1_ fm2_ fo1_", r"fm[12]_[\w+/=-]{16,}|fo1_[\w-]{16,}"),
    ("Frame.io", "fio-u-", r"fio-u-[\w-]{16,}"),
    ("GitHub", "gh github_pat", r"(?:gh[oprsu]|github_pat)_\w{8,}"),
    ("GitLab", "gl", r"gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|soat|wt)-[\w.-]{8,}"),
    ("GitLab, for a runner", "GR1348941", r"GR1348941[\w-]{16,}"),
    ("Google", "AIza", r"AIza[\w-]{16,}"),
    ("Google, for a client", "GOCSPX-", r"GOCSPX-[\w-]{16,}"),
    ("Google, for a while", "ya29.", r"ya29\.[\w.-]{10,}"),
    ("Google, to refresh", "1/ 4/", r"(?:1/|4)/0[\w-]{20,}|1/[\w-]{40,}"),
    ("Google Cloud Storage", "GOOG", r"GOOG1E[A-Z0-9]{40,}"),
    ("Grafana", "gl", r"gl(?:c|sa)_[\w+/=-]{16,}"),
    ("Groq", "gsk_", r"gsk_[A-Za-z0-9]{20,}"),
    ("HashiCorp Terraform", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{16,}"),
    ("HashiCorp Vault", "hv", r"hv[brs]\.[\w-]{16,}"),
    ("HashiCorp Vault, formerly", "s.", r"s\.(?=[A-Za-z]{0,23}[0-9])[A-Za-z0-9]{24}(?![\w.])"),
    ("Heroku", "HRKU-", r"HRKU-[\w-]{16,}"),
    ("HubSpot", "pat-", r"pat-[a-z]{2,4}[0-9]{0,2}-[0-9a-f]{8}-[0-9a-f-]{8,}"),
    ("Hugging Face", "hf_", r"hf_[A-Za-z0-9]{20,}"),
    ("Hugging Face, for an organization", "api_org_", r"api_org_[A-Za-z0-9]{20,}"),
    ("Infracost", "ico-", r"ico-[A-Za-z0-9]{32}"),
    ("Klaviyo", "pk_", r"pk_[0-9a-f]{24,}"),
    ("LaunchDarkly", "api- mob- rel- sdk-", r"(?:api|mob|rel|sdk)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{8,}"),
    ("Linear", "lin_", r"lin_(?:api|oauth|wh)_[A-Za-z0-9]{16,}"),
    ("Lob and Mollie", "live_", r"(?<!pk_)live_(?=[A-Za-z]{0,29}[0-9])[A-Za-z0-9]{30,}"),
    ("Mailchimp", "-us", r"[0-9a-f]{32}-us[0-9]{1,2}"),
    ("Mandrill", "md-", r"md-[\w-]{22}(?![\w-])"),
    ("Mailgun", "key-", r"(?:pub)?key-[0-9a-f]{32}"),
    ("Mailgun, lately", "-", r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}"),
    ("Mapbox", "sk.eyJ", r"sk\.eyJ[\w.-]{16,}"),
    ("MongoDB Atlas", "mdb_", r"mdb_sa_sk_[\w-]{16,}"),
    ("Netlify", "nfb_ nfc_ nfo_ nfp_ nfu_", r"nf[bcopu]_[A-Za-z0-9]{16,}"),
    ("New Relic", "NR", r"NR(?:[A-Z]{2})-[A-Za-z0-9_-]{10,}"),
    ("New Relic, for a licence", "NRAL", r"[0-9a-zA-Z]{6}[0-9a-zA-Z-]{30}NRAL"),
    ("Notion", "ntn_", r"ntn_[A-Za-z0-9]{16,}"),
    ("Notion, formerly", "secret_", r"secret_(?=[A-Za-z]{0,31}[0-9])[A-Za-z0-9]{32,}"),
    ("npm", "npm_", r"npm_[A-Za-z0-9]{20,}"),
    ("NuGet", "oy2", r"oy2[a-z0-9]{43}"),
    ("Perplexity", "pplx-", r"pplx-[A-Za-z0-9]{16,}"),
    ("Pinecone", "pcsk_", r"pcsk_\w{16,}"),
    ("PlanetScale", "pscale_", r"pscale_(?:oauth|pw|tkn)_[\w.=-]{16,}"),
    ("PostHog", "phc_ phs_ phx_", r"ph[csx]_[A-Za-z0-9]{20,}"),
    ("Postman", "PMAK-", r"PMAK-[0-9a-f]{16,}(?:-[0-9a-f]+)?"),
    ("Prefect", "pnu_", r"pnu_[A-Za-z0-9]{16,}"),
    ("Pulumi", "pul-", r"pul-[0-9a-f]{32,}"),
    ("PyPI", "pypi-", r"pypi-[\w-]{16,}"),
    ("Razorpay", "rzp_", r"rzp_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("ReadMe", "rdme_", r"rdme_[a-z0-9]{16,}"),
    ("Replicate", "r8_", r"r8_[A-Za-z0-9]{20,}"),
    ("Resend", "re_", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{16,}"),
    ("RubyGems", "rubygems_", r"rubygems_[0-9a-f]{16,}"),
    ("Segment and Sourcegraph", "sgp_", r"sgp_\w[\w-]{7,}"),
    ("SendGrid", "SG.", r"SG\.[\w-]{8,64}\.[\w-]{8,}"),
    ("Sentry", "sntry", r"sntry[a-z]_[\w+/=-]{16,}"),
    ("Shippo", "shippo_", r"shippo_(?:live|test)_[0-9a-f]{16,}"),
    ("Shopify", "shp", r"shp(?:at|ca|pa|ss|tka|ua)_[A-Za-z0-9]{16,}"),
    ("Slack", "xox xapp- xwfp-", r"(?:xox[a-z][.-]|xapp-[0-9]-|xwfp-)[\w.-]{8,}"),
    ("SonarQube", "sqa_ sqp_ squ_", r"sq[apu]_[0-9a-f]{32,}"),
    ("Square", "sq0", r"sq0[a-z]{3}-[\w-]{16,}"),
    ("Square, for an application", "EAAA", r"EAAA[\w-]{40,}"),
    ("Stripe", "k_live_ k_test_ whsec_", r"(?:[rs]k_(?:live|test)|whsec)_\w{8,}"),
    ("Supabase", "sbp_ sb_secret_", r"sb(?:p|_secret)_[\w-]{16,}"),
    ("Tailscale", "tskey-", r"tskey-[\w-]{16,}"),
    ("Telegram", ":", r"(?:bot)?[0-9]{8,10}:[\w-]{35}"),
    ("Twilio", "SK", r"SK[0-9a-f]{32}"),
    ("Twilio, for an account", "AC", r"AC[0-9a-f]{32}"),
    ("Twitter", "AAAAAAAAAA", r"A{10,30}[\w%]{40,}"),
    ("Typeform", "tfp_", r"tfp_[\w-]{16,}"),
    ("Vercel", "vca_ vci_ vck_ vcp_ vcr_", r"vc[a-z]_[A-Za-z0-9]{20,}"),
    ("xAI", "xai-", r"xai-[A-Za-z0-9]{20,}"),
    ("Yandex", "AQVN", r"AQVN[\w-]{30,}"),
    ("Yandex, for a person", "y0_", r"y0__?[\w-]{30,}"),
)
"""Issuer of a key or token, substrings of which every such key has one, and its pattern."""

HOOK_HOSTS: tuple[tuple[str, str], ...] = (
    ("slack", r"hooks\.slack(?:-gov)?\.com/()\w"),
    ("discord", r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/()\w"),
    ("webhook.office", r"webhook\.office(?:365)?\.(?:com|us)/()\w"),
    ("outlook.office", r"outlook\.office(?:365)?\.(?:com|us)/webhook/()\w"),
    ("logic.azure", r"logic\.azure\.(?:com|us|cn)(?::[0-9]{1,5})?/()(?:workflows/)?\w"),
    ("powerplatform", r"powerplatform\.(?:com|us|cn)(?::[0-9]{1,5})?/()\S{0,200}workflows/"),
    ("flow.microsoft", r"flow\.microsoft\.(?:com|us)(?::[0-9]{1,5})?/()\S{0,200}triggers/"),
    ("zapier", r"hooks\.zapier\.com/()\w"),
    ("api.telegram", r"api\.telegram\.org/(?:file/)?bot()[0-9]"),
    ("maker.ifttt", r"maker\.ifttt\.com/()(?:use/\w|trigger/\S{0,200}key/)"),
    (".make.", r"hook\.[a-z0-9.]{0,20}make\.(?:com|celonis\.com)/()\w"),
    ("integromat", r"hook\.integromat\.com/()\w"),
    ("pipedream", r"[\w-]{3,60}\.m\.pipedream\.net()"),
    ("webhook.site", r"webhook\.site/()\w"),
    ("workato", r"(?:hooks|www)\.workato\.com/webhooks/()\w"),
    ("trayapp", r"[\w-]{3,60}\.trayapp\.io()"),
    ("pagerduty", r"events\.(?:eu\.)?pagerduty\.com/(?:integration|x-ere)/()\w"),
    ("feishu", r"open\.feishu\.cn/open-apis/bot/v2/hook/()\w"),
    ("larksuite", r"open\.larksuite\.com/open-apis/bot/v2/hook/()\w"),
    ("webexapis", r"webexapis\.com/v1/webhooks/incoming/()\w"),
    ("hooks.airtable", r"hooks\.airtable\.com/()\w"),
    ("netlify", r"api\.netlify\.com/build_hooks/()\w"),
    ("vercel", r"api\.vercel\.com/v1/integrations/deploy/()\w"),
    ("hubapi", r"hubapi\.com/automation/v4/webhook-triggers/()\w"),
    ("opsgenie", r"api\.(?:eu\.)?opsgenie\.com/v1/json/()\w"),
    ("victorops", r"alert\.victorops\.com/integrations/()\w"),
)
"""Webhook hosts whose URL is the only credential: a substring of the host, and a pattern with the secret's start."""

_START = r"(?<![A-Za-z0-9])"
_ISSUED = tuple((parts.split(), re.compile(_START + f"(?:{pattern})")) for _, parts, pattern in ISSUED)
_HOOK_HOSTS = tuple((hint, re.compile(pattern, re.IGNORECASE)) for hint, pattern in HOOK_HOSTS)
# every issued key has a run at least this long
_LONG_ENOUGH = re.compile(r"[\w.:/|~%=+-]{10}")
_TOKEN_RUN = re.compile(r"[\w.-]{10,}")
_TOKEN_START = re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{4}")
_BASE64_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}(?:\r?\n[A-Za-z0-9+/_-]+)*")
_BASE64_SECRET = re.compile(rb'\{\s*"|\[\s*["{\[]|-----BEGIN')
_BASE64_AGAIN = re.compile(rb"[A-Za-z0-9+/_=\r\n-]+")
_BASE64_DEPTH = 3
_KEY_BEGIN = re.compile(r"-----(?i:BEGIN) |---- (?i:BEGIN) SSH2|PuTTY-User-Key-File-[0-9]")
_KEY_END = re.compile(r"-----(?i:END)[^-\n]{0,80}-----|---- (?i:END) SSH2[^\n]{0,80}")
_AT_START = re.compile(
    r"\s*(?:(?i:Bearer)\s+(?=\S)"
    r"|(?i:Basic|Token|Digest|ApiKey|Negotiate|SSWS|GenieKey|Splunk)\s+"
    r"(?=\S{6})(?=\S{0,200}[0-9=]|\S{0,200}[a-z][A-Z]))"
)
_AUTHORIZATION = re.compile(
    r"(?<![\w-])(?i:Bearer|Basic|Token|ApiKey|Negotiate|SSWS|GenieKey|Splunk)\s+"
    r"((?=[\w+/.~-]{0,200}[0-9=])[\w+/=.~-]{12,})"
)
_RUN = re.compile(r"\S+")
_PASSWORD = re.compile(r"([^/\s:?#]*):(?![0-9]+(?:[/?#]|$))([^\s@]+)@")
_OPAQUE_USER = re.compile(r"(?=\D*[0-9])[\w~.-]{16,}")
_USER = re.compile(r"([^/\s:@?#]+):?@")
_PLAIN_USER = re.compile(r"[a-z][a-z._-]{0,14}|[\w.+-]{1,64}%40[\w.-]{1,64}")
_USERS_OF = ("ssh", "git", "svn", "sftp", "scp", "rsync", "mailto", "acct", "xmpp", "sip")
_NO_SCHEME = re.compile(
    r"(?<![^\s\"'=(,])(?!(?i:mailto|cc|bcc|to|from|e?mail):)[\w.%+-]{1,64}[:]([^\s@:/]{1,128})@"
    r"(?:\w{2,8}\(|/|\[|[\w.-]{1,255}(?::[0-9]|/))"
)
_ORACLE = re.compile(r"(?<![^\s\"'=(,:])[\w$#]{1,64}/([^\s@/]{1,128})@(?://\w|[\w.-]{1,255}:[0-9])")
_NO_SCHEME_SLASHES = re.compile(
    r"(?<![^\s\"'`=(,<>\[{])//(?!(?i:mailto|cc|bcc|to|from|e?mail|todo|fixme|see|author):)[^\s/:@?#\"']{0,64}:"
    r"(?![0-9]{1,5}(?:[/?#\s]|$))([^\s/?#\"'<>]{1,256}|[^\s@\"'<>]{1,256})@(?=[\w\[])"
)
_PATH_OR_QUERY = re.compile(r"[/?#]")
_HOOK_PART = re.compile(r"(?i:hooks?|webhooks?\w{0,3}|[\w-]{0,30}[_-](?:web)?hooks?)")
_OPAQUE = re.compile(r"(?=[^/?#]{0,200}[0-9])[\w~.=@:%-]{16,}")
_HOOK_SPAN = 4_096
_CODE = re.compile(r"[?&]code=([^\s&\"'<>]{16,})")


def secrets_by_look(text: str) -> Iterator[Span]:
    """Yield the spans of secrets that are recognized by format, in no order. They may overlap."""
    if start := _AT_START.match(text):
        yield start.end(), len(text.rstrip())
    if "@" in text:
        yield from (
            match.span(1) for pattern in (_NO_SCHEME, _NO_SCHEME_SLASHES, _ORACLE) for match in pattern.finditer(text)
        )
    if "://" in text:
        yield from _addresses(text)
    if not _LONG_ENOUGH.search(text):
        return
    if " " in text or "\t" in text:
        yield from (match.span(1) for match in _AUTHORIZATION.finditer(text))
    if "---" in text or "PuTTY-User-Key-File" in text:
        yield from _private_keys(text)
    for parts, pattern in _ISSUED:
        if any(part in text for part in parts):
            yield from (match.span() for match in pattern.finditer(text))
    if "eyJ" in text:
        yield from _web_tokens(text)
    yield from _encoded(text)
    if "/" in text:
        yield from _hooks(text)
    if "code=" in text:
        yield from (match.span(1) for match in _CODE.finditer(text))


def _private_keys(text: str) -> Iterator[Span]:
    place = 0
    while begin := _KEY_BEGIN.search(text, place):
        end = _KEY_END.search(text, begin.end())
        place = end.end() if end else len(text)
        yield begin.start(), place


def _web_tokens(text: str) -> Iterator[Span]:
    """Yield JSON Web Tokens: three parts separated by dots, of which the first starts like a base64 object."""
    for run in _TOKEN_RUN.finditer(text):
        if "eyJ" not in run.group():
            continue
        parts, place = run.group().split("."), run.start()
        for number, part in enumerate(parts[:-2]):
            if (start := _TOKEN_START.search(part)) and parts[number + 1]:
                yield place + start.start(), run.end()
                break
            place += len(part) + 1


def _encoded(text: str) -> Iterator[Span]:
    """Yield JSON or private keys in base64, or in base64 of base64."""
    for run in _BASE64_RUN.finditer(text):
        if _is_encoded_secret(run.group().encode("ascii")):
            end = run.end()
            while end < len(text) and text[end] == "=":
                end += 1
            yield run.start(), end


def _is_encoded_secret(encoded: bytes) -> bool:
    for _ in range(_BASE64_DEPTH):
        plain = encoded.translate(_STANDARD, b"\r\n=")
        try:
            decoded = binascii.a2b_base64(plain[: len(plain) // 4 * 4])
        except binascii.Error:
            return False
        if _BASE64_SECRET.match(decoded.lstrip().removeprefix(b"\xef\xbb\xbf").lstrip()):
            return True
        if len(decoded) < 16 or not _BASE64_AGAIN.fullmatch(decoded):
            return False
        encoded = decoded
    return False


_STANDARD = bytes.maketrans(b"-_", b"+/")


def _hooks(text: str) -> Iterator[Span]:
    lowered = text.lower()
    # a few letters get longer in lower case, which would shift the positions
    hints = lowered if len(lowered) == len(text) else text
    for hint, pattern in _HOOK_HOSTS:
        if hint not in hints:
            continue
        past = 0
        # the rest of an address that was found is part of the same secret
        while match := pattern.search(text, past):
            past = _end_of_address(text, match.start(1))
            yield match.start(1), past


def _addresses(text: str) -> Iterator[Span]:
    for run in _RUN.finditer(text):
        address = run.group()
        if "://" not in address:
            continue
        last, start = address.rfind("@"), address.find("://")
        while start >= 0:
            begin = start + 3
            following = address.find("://", begin)
            end = following if following >= 0 else len(address)
            after = begin
            for first, past in _user_info(address, start, last):
                yield run.start() + first, run.start() + past
                after = max(after, past)
            for first, past in _opaque_parts(address, after, end):
                yield run.start() + first, run.start() + past
            start = address.find("://", max(begin, after))


def _user_info(address: str, start: int, last: int) -> Iterator[Span]:
    """Yield the password in a URL, or the token in place of a user."""
    begin = start + 3
    if begin > last:
        return
    password = _PASSWORD.match(address, begin)
    if password:
        yield password.span(2)
        if _OPAQUE_USER.fullmatch(password.group(1)):
            yield password.span(1)
    user = _USER.match(address, begin)
    scheme = address[max(0, start - 12) : start].lower()
    if user and not scheme.endswith(_USERS_OF) and not _PLAIN_USER.fullmatch(user.group(1)):
        yield user.span(1)


def _opaque_parts(found: str, begin: int, end: int) -> Iterator[Span]:
    """Yield the random part of a URL that has `hook` in its host or path."""
    address = found[begin : min(end, begin + _HOOK_SPAN)]
    if "hook" not in address and "Hook" not in address and "HOOK" not in address:
        return
    place, hooked = begin, False
    for number, part in enumerate(_PATH_OR_QUERY.split(address)):
        if hooked and number and _OPAQUE.match(part):
            yield place, end
            return
        hooked = hooked or any(map(_HOOK_PART.fullmatch, part.split(".")))
        place += len(part) + 1


def _end_of_address(text: str, start: int) -> int:
    end = _END_OF_ADDRESS.search(text, start)
    return end.start() if end else len(text)


_END_OF_ADDRESS = re.compile(r"[\s\"'<>`]")
