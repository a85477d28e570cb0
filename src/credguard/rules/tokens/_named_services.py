"""Services whose keys have a form but no prefix: found where the service's word is in the name of the key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.heuristics.letter_pairs import is_unreadable
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._readable import is_in_words
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_detection, grade_opaque

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_H32, _H40, _H64 = rb"[0-9a-f]{32}", rb"[0-9a-f]{40}", rb"[0-9a-f]{64}"
_W20, _W32, _W40, _W64 = (rb"[A-Za-z0-9]{%d}" % size for size in (20, 32, 40, 64))
_UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SECRET = b"secret"
# Service, the words for it in the names of its keys, the form of a key, and what the name has to say as well.
_FORMS: tuple[tuple[str, str, bytes, bytes], ...] = (
    ("AbuseIPDB key", "abuseipdb", rb"[0-9a-f]{80}", b""),
    ("Ably key", "ably", rb"[\w\-]{6}\.[\w\-]{6}:[\w\-]{43}", b""),
    ("Adafruit key", "adafruit", _H32, b""),
    ("Alchemy key", "alchemy", rb"[\w\-]{32}", b""),
    ("Algolia key", "algolia", _H32, b""),
    ("Alibaba Cloud secret", "aliyun alibaba alicloud accesskey access_key access-key", rb"[A-Za-z0-9]{30}", _SECRET),
    ("Amplitude secret", "amplitude", _H32, _SECRET),
    ("AppVeyor token", "appveyor", _W20, b""),
    ("Asana token", "asana", rb"[012]/[0-9]{10,20}(?:/[0-9]{10,20})?:[0-9a-f]{32}", b""),
    ("AssemblyAI key", "assemblyai assembly_ai", _H32, b""),
    ("Binance key", "binance", _W64, b""),
    ("Bitbucket secret", "bitbucket", _W32, _SECRET),
    ("Bitly token", "bitly", _H40, b""),
    ("Block explorer key", "etherscan bscscan polygonscan arbiscan snowtrace basescan ftmscan", rb"[A-Z0-9]{34}", b""),
    ("CircleCI key", "circleci circle_ci", _H40, b""),
    ("Civo key", "civo", rb"[A-Za-z0-9]{50}", b""),
    ("Cloudflare key", "cloudflare cf_api cf_global", rb"[\w\-]{40}|[0-9a-f]{37}", b""),
    ("Cloudinary secret", "cloudinary", rb"[\w\-]{27}", _SECRET),
    ("Code Climate token", "codeclimate cc_test_reporter", _H64, b""),
    ("Codacy token", "codacy", rb"[A-Za-z0-9]{20}|" + _H32, b""),
    ("Codecov token", "codecov", _UUID, b""),
    ("Cohere key", "cohere", _W40, b""),
    ("Confluent secret", "confluent", rb"[A-Za-z0-9+/]{64}", b""),
    ("Coveralls token", "coveralls", rb"[A-Za-z0-9]{32,36}", b""),
    ("Datadog key", "datadog dd_api dd_app ddapi ddapp", _H32 + b"|" + _H40, b""),
    ("Deepgram key", "deepgram", _H40, b""),
    ("Drone token", "droneci drone_", _W32, b""),
    ("Facebook secret", "facebook fb_ fbapp instagram whatsapp", _H32, _SECRET),
    ("Fastly key", "fastly", rb"[\w\-]{32}", b""),
    ("Finnhub key", "finnhub", rb"[a-z0-9]{20}(?:[a-z0-9]{20})?", b""),
    ("FreshBooks token", "freshbooks", _H64, b""),
    ("Freshdesk key", "freshdesk", _W20, b""),
    ("Gitea token", "gitea forgejo codeberg gogs", _H40, b""),
    ("Gitter token", "gitter", _H40, b""),
    ("HERE key", "here_api here_maps hereapi heremaps", rb"[\w\-]{43}", b""),
    ("Heroku key", "heroku", _UUID, b""),
    ("Hetzner token", "hetzner hcloud", _W64, b""),
    ("Honeycomb classic key", "honeycomb", _H32, b""),
    ("HubSpot key", "hubspot hapikey", _UUID, b""),
    ("Infura key", "infura", _H32, b""),
    ("Jenkins token", "jenkins", rb"(?:11)?[0-9a-f]{32}", b""),
    ("JumpCloud key", "jumpcloud", _H40, b""),
    ("Kraken key", "kraken", rb"[A-Za-z0-9/+]{86}==", b""),
    ("KuCoin secret", "kucoin", _UUID, b""),
    ("Lark secret", "lark feishu", _W32, _SECRET),
    ("Last.fm key", "lastfm last_fm", _H32, b""),
    ("LaunchDarkly key", "launchdarkly launch_darkly", rb"(?:api|sdk)-" + _UUID, b""),
    ("LINE secret", "line_channel linechannel line_bot linebot", _H32 + rb"|[A-Za-z0-9+/]{100,180}={0,2}", b""),
    ("LinkedIn secret", "linkedin", rb"[A-Za-z0-9]{16}", _SECRET),
    ("Linode token", "linode", _H64, b""),
    ("Mailjet key", "mailjet", _H32, b""),
    ("Mailtrap key", "mailtrap", _H32, b""),
    ("MapQuest key", "mapquest", _W32, b""),
    ("Mattermost token", "mattermost", rb"[a-z0-9]{26}", b""),
    ("Meraki key", "meraki", _H40, b""),
    ("Mistral key", "mistral", _W32, b""),
    ("Mixpanel secret", "mixpanel", _H32, _SECRET),
    ("Netlify key", "netlify", rb"[\w\-]{43}|" + _H64, b""),
    ("News API key", "newsapi news_api nytimes", rb"[0-9a-f]{32}|[A-Za-z0-9]{32}", b""),
    ("ngrok token", "ngrok", rb"[A-Za-z0-9]{20,27}_[A-Za-z0-9]{20,24}", b""),
    ("Okta token", "okta", rb"00[\w\-]{40}", b""),
    ("OpenWeather key", "openweather open_weather pyowm owm_", _H32, b""),
    ("Opsgenie key", "opsgenie", _UUID, b""),
    ("OVH secret", "ovh", rb"[A-Za-z0-9]{32}", b""),
    ("PagerDuty key", "pagerduty pager_duty", rb"[A-Za-z0-9_+\-]{20}|" + _H32, b""),
    ("PayPal secret", "paypal", rb"E[\w\-]{79}", _SECRET),
    ("Pipedrive token", "pipedrive", _H40, b""),
    ("Plaid secret", "plaid", rb"[0-9a-f]{30}", _SECRET),
    ("Postmark token", "postmark", _UUID, b""),
    ("Pusher secret", "pusher", rb"[0-9a-f]{20}", _SECRET),
    ("Qiniu key", "qiniu", rb"[\w\-]{40}", b""),
    ("RapidAPI key", "rapidapi", rb"[0-9a-f]{10}msh[0-9a-f]{15}p1[0-9a-f]{6}jsn[0-9a-f]{12}", b""),
    ("Razorpay secret", "razorpay", rb"[A-Za-z0-9]{24}", _SECRET),
    ("Rollbar token", "rollbar", _H32, b""),
    ("Scaleway secret", "scaleway scw", _UUID, b""),
    ("ScraperAPI key", "scraperapi scraper_api zyte scrapinghub", _H32, b""),
    ("ScrapingBee key", "scrapingbee", rb"[A-Z0-9]{80}", b""),
    ("SecurityTrails key", "securitytrails", _W32, b""),
    ("Sendbird token", "sendbird", _H40, b""),
    ("Sentry key", "sentry", _H64, b""),
    ("Shodan key", "shodan", _W32, b""),
    ("Snyk token", "snyk", _UUID, b""),
    ("SonarQube key", "sonar", _H40, b""),
    ("SparkPost key", "sparkpost", _H40, b""),
    ("Splunk token", "splunk", _UUID, b""),
    ("Spotify secret", "spotify", _H32, _SECRET),
    ("Sumo Logic key", "sumologic sumo_logic", _W64, b""),
    ("Tencent Cloud secret", "tencent qcloud", _W32, b""),
    ("Todoist token", "todoist", _H40, b""),
    ("Toggl token", "toggl", _H32, b""),
    ("TomTom key", "tomtom", _W32, b""),
    ("Travis CI token", "travis", rb"[\w\-]{22}", b""),
    ("Trello key", "trello", _H64 + b"|" + _H32, b""),
    ("Twitch secret", "twitch", rb"[a-z0-9]{30}", b""),
    ("Twitter key", "twitter", rb"[A-Za-z0-9]{45}(?:[A-Za-z0-9]{5})?|[A-Za-z0-9]{25}", b""),
    ("Twitter token", "twitter", rb"[0-9]{8,20}-[A-Za-z0-9]{35,42}", b""),
    ("Vercel key", "vercel", rb"[A-Za-z0-9]{24}", b""),
    ("VirusTotal key", "virustotal virus_total vt_api", _H64, b""),
    ("Vultr key", "vultr", rb"[A-Z0-9]{36}", b""),
    ("WakaTime key", "wakatime waka_time", _UUID, b""),
    ("WeChat secret", "wechat weixin wx_ wxapp", _H32, _SECRET),
    ("Weights and Biases key", "wandb weightsandbiases", _H40, b""),
    ("Z.ai key", "zai z_ai zhipu glm", rb"[0-9a-f]{32}\.[A-Za-z0-9]{16}", b""),
    ("Zendesk token", "zendesk", _W40, b""),
    ("Zoom secret", "zoom", _W32, _SECRET),
)
_SEEN = 14
_MANY = 50
"""Words of one pattern: with twice as many, hyperscan's database is ten times as large."""
_WORDS = sorted({word.encode() for _, words, _, _ in _FORMS for word in words.split()}, reverse=True)
_NAME = rb"[a-z0-9_.\-]{0,24}(?:key|token|secret|pass(?:word|wd)?|credential|auth)"
_OPERATOR = rb"\\{0,3}[\"'\])]{0,3}\s{0,3}(?:=>|:=|[:=,])\s{0,3}\\{0,3}[\"']?"
_VALUE = rb"[A-Za-z0-9_+/=.:\-]"
PATTERNS = tuple(
    Pattern(
        f"token-named-service-{first // _MANY}",
        rb"(?:%s)" % b"|".join(_WORDS[first : first + _MANY]) + _NAME + _OPERATOR + _VALUE + b"{%d}" % _SEEN,
        caseless=True,
    )
    for first in range(0, len(_WORDS), _MANY)
)
_BEFORE = compile_lazily(rb"(" + b"|".join(_WORDS) + rb")(" + _NAME + rb")" + _OPERATOR + rb"\Z", re.IGNORECASE)
_PUBLIC = compile_lazily(rb"public|publish|site|search|hash|sha|name|file|path|url", re.IGNORECASE)
"""In a name of what is no secret: what visitors are given, or what leads to a key."""
_END = rb"(?!" + _VALUE + rb")"
_REACH, _MOST = 110, 2_000


def _build_kinds() -> tuple[TokenKind, ...]:
    return tuple(
        TokenKind(
            service.lower().translate(_DASHES),
            service,
            PATTERNS[0],
            _SEEN,
            compile_lazily(rb"(" + form + rb")" + _END),
            _grade,
        )
        for service, _, form, _ in _FORMS
    )


_DASHES = str.maketrans(" .", "--")


def _grade(value: bytes) -> Grade | None:
    """A value that a program drew: letters with digits between them, or letters that make no words."""
    digits, letters = _DIGIT.search(value), _LETTER.search(value)
    drawn = letters and (is_unreadable(value) if not digits else not is_in_words(value))
    return Grade(confidence=Confidence.MEDIUM) if drawn and grade_opaque(value) else None


_DIGIT, _LETTER = compile_lazily(rb"[0-9]"), compile_lazily(rb"[A-Za-z]")
KINDS = _build_kinds()


def _index_kinds() -> dict[str, list[tuple[TokenKind, bytes]]]:
    """The kinds that a word may stand for, and what the name has to say as well."""
    index: dict[str, list[tuple[TokenKind, bytes]]] = {}
    for kind, (_, words, _, needed) in zip(KINDS, _FORMS, strict=True):
        for word in words.split():
            index.setdefault(word, []).append((kind, needed))
    return index


_BY_WORD = _index_kinds()


def find_named(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Every key with the name and the form of a service's."""
    done = 0
    for end in sorted(end for pattern in PATTERNS for end in hits.get(pattern.name, ())[:_MOST]):
        start = end - _SEEN
        name = _BEFORE.search(blob.data, max(done, start - _REACH), start)
        found = _find_kind(blob.data, name, start) if name and start >= done else None
        if found:
            kind, done = found
            grade = kind.judge(blob.data[start:done])
            if grade:
                yield build_token_detection(kind, blob.data, start, done, grade, Severity.HIGH)


def _find_kind(data: bytes, name: re.Match[bytes], start: int) -> tuple[TokenKind, int] | None:
    """The kind whose form the value has, and where it ends, if the name is that of a service's secret."""
    if _PUBLIC.search(name[2]) or not _is_word(data, name.start()):
        return None
    for kind, needed in _BY_WORD[name[1].lower().decode()]:
        value = kind.token.match(data, start) if needed in name[2].lower() else None
        if value:
            return kind, value.end(1)
    return None


def _is_word(data: bytes, start: int) -> bool:
    """False within a longer word; a capital after a small letter begins one."""
    before, first = data[max(0, start - 1) : start], data[start : start + 1]
    return not before.isalnum() or (first.isupper() and before.islower())
