"""How tokens begin: the one table of their prefixes, from which rules find them, and decoders those that are split or
written in UTF-16."""

from __future__ import annotations

from functools import cache

from credguard.lazy_re import compile_lazily

WORD, URL, HEX, LOWER, UPPER = rb"[A-Za-z0-9]", rb"[A-Za-z0-9_\-]", rb"[0-9a-f]", rb"[0-9a-z]", rb"[0-9A-Z]"
BASE64, BASE32, DOTTED = rb"[A-Za-z0-9+/]", rb"[a-z2-7]", rb"[A-Za-z0-9._\-]"
_UUID_REST = rb"(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PREFIX_SERVICES: tuple[tuple[str, bytes, bytes, int, bytes], ...] = (
    ("New Relic", rb"NRAK-", UPPER, 27, b""),
    ("Grafana service account", rb"glsa_", WORD, 32, rb"_[0-9a-fA-F]{8}"),
    ("Grafana Cloud", rb"glc_eyJ", BASE64, 40, rb"[A-Za-z0-9+/=]{0,400}"),
    ("Postman", rb"PMAK-", HEX, 24, rb"-[0-9a-f]{34}"),
    ("Linear", rb"lin_api_", WORD, 40, b""),
    ("Linear OAuth", rb"lin_oauth_", HEX, 64, b""),
    ("Doppler", rb"dp\.[cps][ta]\.", WORD, 40, rb"[A-Za-z0-9]{0,6}"),
    ("Doppler SCIM", rb"dp\.scim\.", WORD, 40, rb"[A-Za-z0-9]{0,6}"),
    ("Doppler audit", rb"dp\.audit\.", WORD, 40, rb"[A-Za-z0-9]{0,6}"),
    ("Atlassian", rb"ATATT3", rb"[A-Za-z0-9_\-=]", 180, rb"[A-Za-z0-9_\-=]{0,60}"),
    ("Bitbucket", rb"ATBB", WORD, 32, b""),
    ("Bitbucket repository", rb"ATCTT3", rb"[A-Za-z0-9_\-=]", 150, rb"[A-Za-z0-9_\-=]{0,90}"),
    ("Sentry organization", rb"sntrys_eyJ", rb"[A-Za-z0-9+/=_]", 60, rb"[A-Za-z0-9+/=_]{0,400}"),
    ("Sentry user", rb"sntryu_", HEX, 64, b""),
    ("Heroku", rb"HRKU-", URL, 36, rb"[A-Za-z0-9_\-]{0,40}"),
    ("Mapbox", rb"sk\.eyJ", URL, 40, rb"[A-Za-z0-9_\-]{0,200}\.[A-Za-z0-9_\-]{20,30}"),
    ("PlanetScale", rb"pscale_tkn_", URL, 32, rb"[A-Za-z0-9_\-]{0,32}"),
    ("PlanetScale OAuth", rb"pscale_oauth_", URL, 32, rb"[A-Za-z0-9_\-]{0,32}"),
    ("PlanetScale password", rb"pscale_pw_", URL, 32, rb"[A-Za-z0-9_\-]{0,32}"),
    ("Fly.io", rb"FlyV1 fm[12]", rb"[A-Za-z0-9+/_]", 60, rb"[A-Za-z0-9+/=]{0,2000}"),
    ("Notion", rb"ntn_", WORD, 46, b""),
    ("Notion integration", rb"secret_", WORD, 43, b""),
    ("Figma", rb"figd_", URL, 38, rb"[A-Za-z0-9_\-]{0,10}"),
    ("Pulumi", rb"pul-", HEX, 40, b""),
    ("RubyGems", rb"rubygems_", HEX, 48, b""),
    ("crates.io", rb"cio", WORD, 32, b""),
    ("Clojars", rb"CLOJARS_", HEX, 60, b""),
    ("Supabase", rb"sbp_", HEX, 40, b""),
    ("Supabase secret key", rb"sb_secret_", URL, 31, b""),
    ("Replicate", rb"r8_", WORD, 37, b""),
    ("Groq", rb"gsk_", WORD, 52, b""),
    ("xAI", rb"xai-", WORD, 80, b""),
    ("Perplexity", rb"pplx-", WORD, 48, b""),
    ("Cerebras", rb"csk-", LOWER, 48, b""),
    ("Together", rb"tgp_v1_", URL, 43, b""),
    ("Tavily", rb"tvly-(?:dev-|prod-)?", WORD, 32, b""),
    ("Firecrawl", rb"fc-", HEX, 32, b""),
    ("Jina", rb"jina_", HEX, 32, rb"[A-Za-z0-9_\-]{28}"),
    ("LlamaCloud", rb"llx-", WORD, 48, b""),
    ("Langfuse", rb"sk-lf-", HEX, 8, _UUID_REST),
    ("E2B", rb"e2b_", HEX, 40, b""),
    ("ElevenLabs", rb"sk_", HEX, 48, b""),
    ("MiniMax", rb"sk-api-", URL, 100, rb"[A-Za-z0-9_\-]{0,40}"),
    ("OpenAI-compatible", rb"sk-", WORD, 48, b""),
    ("DeepSeek or DashScope", rb"sk-", HEX, 32, b""),
    ("RunPod", rb"rpa_", UPPER, 40, rb"[A-Za-z0-9]{6}"),
    ("Devin", rb"cog_", BASE32, 52, b""),
    ("Devin key", rb"apk_user_", BASE64, 120, rb"[A-Za-z0-9+/]{0,60}={0,2}"),
    ("Weights and Biases", rb"wandb_v1_", rb"[A-Za-z0-9_]", 77, b""),
    ("LangSmith", rb"lsv2_[ps][tk]_", HEX, 32, rb"_[0-9a-f]{10}"),
    ("OpenRouter", rb"sk-or-v1-", HEX, 64, b""),
    ("NVIDIA", rb"nvapi-", URL, 60, rb"[A-Za-z0-9_\-]{0,20}"),
    ("Pinecone", rb"pcsk_", WORD, 5, rb"[A-Za-z0-9]{0,3}_[A-Za-z0-9]{60,66}"),
    ("Brave Search", rb"BSA", URL, 28, b""),
    ("Apify", rb"apify_api_", WORD, 34, rb"[A-Za-z0-9]{0,4}"),
    ("Tailscale", rb"tskey-[a-z]", rb"[a-z\-]", 3, rb"[a-z\-]{0,10}-[A-Za-z0-9]{10,24}-[A-Za-z0-9]{20,40}"),
    ("Defined Networking", rb"dnkey-", UPPER, 26, rb"-[A-Z0-9]{52}"),
    ("Cloudflare", rb"cf(?:k|ut|at)_", WORD, 40, rb"[0-9a-f]{8}"),
    ("Cloudflare Origin CA", rb"v1\.0-[0-9a-f]{24}-", HEX, 146, b""),
    ("Dynatrace", rb"dt0[a-z]01\.", UPPER, 24, rb"\.[A-Z0-9]{64}"),
    ("SonarQube", rb"sq[pua]_", HEX, 40, b""),
    ("StackHawk", rb"hawk\.", URL, 20, rb"\.[A-Za-z0-9_\-]{20}"),
    ("Dependency-Track", rb"odt_", WORD, 32, rb"[A-Za-z0-9_]{0,60}"),
    ("Nightfall", rb"NF-", WORD, 32, b""),
    ("Aikido", rb"AIK_SECRET_", WORD, 64, b""),
    ("Aikido CI", rb"AIK_CI_", WORD, 20, rb"[A-Za-z0-9]{0,24}"),
    ("Honeycomb", rb"hca[im]k_", LOWER, 58, b""),
    ("Honeycomb ingest", rb"hcxik_", LOWER, 58, b""),
    ("Axiom", rb"xa[ap]t-", HEX, 8, _UUID_REST),
    ("New Relic insert", rb"NRII-", URL, 32, b""),
    ("New Relic admin", rb"NRRA-", HEX, 42, b""),
    ("Rootly", rb"rootly_", HEX, 64, b""),
    ("Elastic Cloud", rb"essu_", URL, 60, rb"[A-Za-z0-9_\-]{0,140}={0,2}"),
    ("Buildkite", rb"bkua_", HEX, 40, b""),
    ("Buildkite agent", rb"bk(?:ct|ar)_", URL, 73, b""),
    ("Buildkite packages", rb"bkpt_", URL, 199, b""),
    ("Buildkite portal", rb"bkps_", URL, 64, b""),
    ("Prefect", rb"pn[ub]_", WORD, 36, b""),
    ("Harness", rb"[ps]at\.[A-Za-z0-9_\-]{22}\.", HEX, 24, rb"\.[A-Za-z0-9]{20}"),
    ("Octopus Deploy", rb"API-", UPPER, 26, b""),
    ("Render", rb"rnd_", WORD, 28, b""),
    ("Netlify", rb"nfp_", WORD, 36, b""),
    ("Vercel", rb"vc[kaip]_", URL, 56, b""),
    ("Vercel refresh", rb"vcr_", URL, 56, b""),
    ("Vercel Blob", rb"vercel_blob_rw_", WORD, 16, rb"_[A-Za-z0-9]{28,40}"),
    ("Deno Deploy", rb"dd[po]_", WORD, 36, b""),
    ("Val Town", rb"vtwn_", URL, 20, rb"[A-Za-z0-9_\-]{0,60}"),
    ("Scalingo", rb"tk-us-", URL, 48, b""),
    ("UpCloud", rb"ucat_", WORD, 24, rb"[A-Za-z0-9]{0,8}"),
    ("Neon", rb"napi_", LOWER, 64, b""),
    ("CockroachDB Cloud", rb"CCDB1_", WORD, 22, rb"_[A-Za-z0-9]{40}"),
    ("ClickHouse Cloud", rb"4b1d", WORD, 38, b""),
    ("MongoDB Atlas", rb"mdb_sa_sk_", URL, 40, b""),
    ("DataStax Astra", rb"AstraCS:", WORD, 24, rb":[0-9a-f]{64}"),
    ("Xata", rb"xau_", WORD, 32, rb"[A-Za-z0-9]{0,12}"),
    ("Tinybird", rb"p\.eyJ1I", URL, 40, rb"[A-Za-z0-9_\-]{0,200}\.[A-Za-z0-9_\-]{43}"),
    ("EasyPost", rb"EZAK", WORD, 54, b""),
    ("Shippo", rb"shippo_live_", HEX, 40, b""),
    ("Flexport", rb"shltm_", URL, 40, b""),
    ("Duffel", rb"duffel_live_", URL, 43, b""),
    ("Frame.io", rb"fio-u-", URL, 64, b""),
    ("Typeform", rb"tfp_", URL, 40, rb"[A-Za-z0-9_\-.]{0,30}"),
    ("ReadMe", rb"rdme_", LOWER, 70, b""),
    ("Infracost", rb"ico-", WORD, 32, b""),
    ("Sendinblue", rb"xkeysib-", HEX, 64, rb"-[A-Za-z0-9]{16}"),
    ("Brevo SMTP", rb"xsmtpsib-", HEX, 64, rb"-[A-Za-z0-9]{16}"),
    ("MailerSend", rb"mlsn\.", HEX, 64, b""),
    ("Resend", rb"re_[A-Za-z0-9]{8}_", WORD, 24, b""),
    ("OneSignal", rb"os_v2_(?:app|org)_", BASE32, 103, b""),
    ("Klaviyo", rb"pk_", HEX, 34, b""),
    ("ClickUp", rb"pk_(?:[0-9]{7}|[0-9]{8}|[0-9]{9})_", UPPER, 32, b""),
    ("HubSpot", rb"pat-(?:na|eu|ap)[1-3]-", HEX, 8, _UUID_REST),
    ("Trello", rb"ATTA", HEX, 64, rb"[0-9A-F]{8}"),
    ("Airtable", rb"pat[A-Za-z0-9]{14}\.", HEX, 64, b""),
    ("NuGet", rb"oy2", LOWER, 43, b""),
    ("Cloudsmith", rb"csa_", HEX, 30, rb"[A-Za-z0-9]{6}"),
    ("CircleCI", rb"CCIP[AR][TJ]_", WORD, 22, rb"_[0-9a-f]{40}"),
    ("1Password service account", rb"ops_eyJ", rb"[A-Za-z0-9+/_\-]", 200, rb"[A-Za-z0-9+/_\-]{0,2000}={0,2}"),
    ("1Password secret key", rb"A3-", UPPER, 6, rb"-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
    ("Contentful", rb"CFPAT-", URL, 43, b""),
    ("Canva", rb"cnvca", URL, 51, b""),
    ("Adobe", rb"p8e-", URL, 32, b""),
    ("Adafruit IO", rb"aio_", WORD, 28, b""),
    ("Ubidots", rb"BBFF-", WORD, 30, b""),
    ("Samsara", rb"samsara_api_", WORD, 26, rb"[A-Za-z0-9]{0,6}"),
    ("Ionic", rb"ion_", WORD, 42, b""),
    ("Lichess", rb"lip_", WORD, 20, b""),
    ("Intra 42", rb"s-s4t2(?:ud|af)-", HEX, 64, b""),
    ("PostHog", rb"phx_", WORD, 41, rb"[A-Za-z0-9]{0,8}"),
    ("Segment", rb"sgp_", WORD, 64, b""),
    ("Sourcegraph", rb"sgp_(?:local_)?", HEX, 40, b""),
    ("Sourcegraph instance", rb"sgp_[0-9a-f]{16}_", HEX, 40, b""),
    ("Sourcegraph license", rb"slk_", HEX, 64, b""),
    ("LaunchDarkly SDK", rb"sdk-", HEX, 8, rb"-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    ("DevCycle", rb"dvc_server_", WORD, 16, rb"[A-Za-z0-9_]{0,40}"),
    ("PubNub", rb"sec-c-", WORD, 40, rb"[A-Za-z0-9]{0,20}"),
    ("Telnyx", rb"KEY[0-9A-Z]{32}_", WORD, 22, b""),
    ("Plaid", rb"access-production-", HEX, 8, _UUID_REST),
    ("Flutterwave", rb"FLWSECK-", HEX, 32, rb"(?:-[0-9a-z]{11,13}vt)?-X"),
    ("Asaas", rb"\$aact_(?:prod_)?", rb"[A-Za-z0-9+/:=]", 60, rb"[A-Za-z0-9+/:=$]{0,140}"),
    ("Ramp", rb"ramp_sec_", WORD, 48, b""),
    ("Paddle", rb"pdl_live_apikey_", LOWER, 26, rb"_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}"),
    ("Mercury", rb"mercury_production_", rb"[a-z]", 3, rb"[a-z]{0,3}_[A-Za-z0-9]{40,50}_yrucrem"),
    ("Pagar.me", rb"ak_live_", WORD, 30, b""),
    ("Polar", rb"polar_(?:at|oat|pat)_", WORD, 20, rb"[A-Za-z0-9]{0,80}"),
    ("Braintree", rb"access_token\$production\$", LOWER, 16, rb"\$[0-9a-f]{32}"),
    ("Adyen", rb"AQE[a-z]hm", BASE64, 70, rb"[A-Za-z0-9+/]{0,200}={0,2}-[A-Za-z0-9+/]{43}="),
    ("Checkout.com", rb"sk_", HEX, 8, _UUID_REST),
    ("Mollie", rb"live_", WORD, 30, b""),
    ("Lob", rb"live_", HEX, 35, b""),
    ("DingTalk", rb"SEC", HEX, 64, b""),
    ("Intercom", rb"dG9rO", BASE64, 54, rb"[A-Za-z0-9+/]{0,2}={0,2}"),
    ("WooCommerce", rb"cs_", HEX, 40, b""),
    ("eBay", rb"PRD-", HEX, 8, rb"[0-9a-f]{0,4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{4,12}"),
    ("Midtrans", rb"Mid-server-", URL, 20, rb"[A-Za-z0-9_\-]{0,8}"),
    ("Pinterest", rb"pina_", URL, 80, rb"[A-Za-z0-9_\-]{0,160}"),
    ("Onfido", rb"api_live(?:_ca|_us)?\.", URL, 11, rb"\.[A-Za-z0-9_\-]{32}"),
    ("Facebook", rb"EAA[A-Z]", WORD, 90, rb"[A-Za-z0-9]{0,300}"),
    ("Instagram", rb"IG(?:QV|QW|AA)", URL, 100, rb"[A-Za-z0-9_\-]{0,200}"),
    ("VK", rb"vk1\.a\.", URL, 80, rb"[A-Za-z0-9_\-]{0,200}"),
    ("Twitch", rb"oauth:", LOWER, 30, b""),
    ("LinkedIn", rb"WPL_AP[01]\.", WORD, 16, rb"\.[A-Za-z0-9+/]{6}={0,2}"),
    ("Yandex API", rb"AQVN", URL, 35, rb"[A-Za-z0-9_\-]{0,3}"),
    ("Yandex OAuth", rb"y0_", URL, 55, rb"[A-Za-z0-9_\-]{0,5}"),
    ("Amazon refresh", rb"Atzr(?:\||%7[Cc])", URL, 60, rb"[A-Za-z0-9_\-]{0,2000}"),
    ("Dropbox", rb"sl\.", URL, 130, rb"[A-Za-z0-9_\-]{0,1400}"),
    ("Zoho", rb"1000\.[0-9a-f]{32}\.", HEX, 32, b""),
    ("Salesforce", rb"00D[A-Za-z0-9]{12}!", rb"[A-Za-z0-9._]", 80, rb"[A-Za-z0-9._]{0,180}"),
    ("Workato", rb"wrka(?:[a-z]{2})?-eyJ", URL, 16, rb"[A-Za-z0-9_\-]{0,100}(?:\.[A-Za-z0-9_\-]{16,700}){2}"),
    ("Voiceflow", rb"VF\.(?:DM\.|WS\.)?[0-9a-f]{24}\.", WORD, 16, b""),
    ("OpenShift", rb"sha256~", URL, 43, b""),
    ("Docker Swarm join", rb"SWMTKN-1-", LOWER, 50, rb"-[0-9a-z]{25}"),
    ("Docker Swarm unlock", rb"SWMKEY-1-", BASE64, 43, b""),
    ("Zuplo", rb"zpka_", LOWER, 32, rb"_[0-9a-f]{8}"),
    ("Notify Canada", rb"gcntfy-", rb"[a-z0-9_]", 1, rb"[a-z0-9_]{0,60}" + (rb"-[0-9a-f]{8}" + _UUID_REST) * 2),
)
"""Service, prefix, the class of what follows, its minimum length, and the optional rest. The forms are those that
services publish, or that other scanners look for."""
_OF_OWN_RULES = (
    rb"gh[pousr]_", rb"github_pat_", rb"gl(?:pat|dt|ft|rt|rtr|soat|ptt|cbt|imt|agent|oas|ffct|wt)-", rb"GR1348941",
    rb"xox[abceoprs][\-.]", rb"xoxd-", rb"xapp-", rb"[sr]k_(?:live|test)_", rb"sk_org_", rb"whsec_",
    rb"sk-(?:ant|proj|svcacct|admin)-", rb"sk-", rb"AIza", rb"AQ\.Ab8RN6", rb"ya29\.", rb"1//0", rb"GOCSPX-", rb"SG\.",
    rb"npm_", rb"pypi-", rb"hf_", rb"api_org_", rb"dckr_[po]at_", rb"do[opr]_v1_", rb"hv[sbr]\.", rb"shp[acpsu][ast]_",
    rb"dapi", rb"dose", rb"sq0(?:atp|csp)-", rb"AKC[a-z]", rb"cmVmdGtu", rb"md-", rb"mfa\.", rb"eyJhbGci",
)  # fmt: skip
"""Prefixes of tokens that have a rule of their own."""
ENCODED_WORDS = tuple(
    b"""
ghp_ gho_ ghs_ ghu_ ghr_ github_pat_ glpat- gldt- glft- glrt- glrtr- glsoat- glptt- glcbt- glimt- glagent- gloas-
glffct- glwt- GR1348941 xoxa- xoxb- xoxc- xoxo- xoxp- xoxr- xoxs- xoxe. xoxe- xoxd- xapp- hooks.slack.com/ sk_live_
rk_live_ sk_test_ rk_test_ sk_org_ whsec_ sk-ant- sk-proj- sk-or-v1- T3BlbkFJ AIza AQ.Ab8RN6 ya29. GOCSPX- 1//0 npm_
pypi-Ag dckr_pat_ dckr_oat_ dop_v1_ doo_v1_ dor_v1_ hvs. hvb. hvr. .atlasv1. shpat_ shpss_ shpca_ shppa_ shpua_
shpas_ eyJhbGci AccountKey= SharedAccessKey= SG. hf_ api_org_ dapi dose sq0atp- sq0csp- EAAA mfa. /webhooks/ NRAK-
glsa_ glc_eyJ PMAK- lin_api_ dp.st. dp.pt. dp.ct. dp.sa. ATATT3 ATBB sntrys_ sntryu_ HRKU- sk.eyJ pscale_ FlyV1 ntn_
figd_ pul- rubygems_ cio sbp_ r8_ gsk_ xai- pplx- tskey- dt0c01. dt0s01. sqp_ squ_ sqa_ bkua_ pnu_ pnb_ EZAK shippo_
duffel_ fio-u- tfp_ rdme_ ico- xkeysib- md- -us1 -us2 -us3 -us4 -us5 -us6 -us7 -us8 -us9 :AA AGE-SECRET-KEY- AKCp
cmVmdGtu ABSK da2- k8s-aws-v1. amzn.mws. bedrock-api-key- 0Q~ 1Q~ 2Q~ 3Q~ 4Q~ 5Q~ 6Q~ 7Q~ 8Q~ 9Q~
    """.split()
)
"""How tokens begin, or what is in them, where encodings such as base64 are looked for: each makes the database larger,
so these are not all."""
_CHOICE, _BAR = compile_lazily(rb"\(\?:([^()]+)\)(\??)"), compile_lazily(rb"(?<!\\)\|")
_CHARACTER = compile_lazily(rb"(\[[^\]]+\]|\\.|[^\[\\])(?:\{(\d+)\})?")
_TELLING = 6
"""Characters by which a beginning is told from other text where nothing else says that it is text."""


def expand_choice(prefix: bytes) -> list[bytes]:
    """The prefixes of one width each that a prefix with one choice stands for."""
    choice = _CHOICE.search(prefix)
    if not choice:
        return [prefix]
    words = _BAR.split(choice[1]) + ([b""] if choice[2] else [])
    return [prefix[: choice.start()] + word + prefix[choice.end() :] for word in words]


@cache
def list_prefixes() -> tuple[bytes, ...]:
    """The prefixes of all tokens, as expressions."""
    return tuple(dict.fromkeys((*_OF_OWN_RULES, *(prefix for _, prefix, _, _, _ in PREFIX_SERVICES))))


@cache
def list_beginnings() -> tuple[tuple[bytes, ...], ...]:
    """The first characters of all tokens, each as an expression: as many as tell them from other text."""
    forms = [(prefix, WORD) for prefix in _OF_OWN_RULES] + [(prefix, of) for _, prefix, of, _, _ in PREFIX_SERVICES]
    return tuple(dict.fromkeys(_split_characters(one, of) for prefix, of in forms for one in expand_choice(prefix)))


def _split_characters(prefix: bytes, of: bytes) -> tuple[bytes, ...]:
    found = [match[1] for match in _CHARACTER.finditer(prefix) for _ in range(int(match[2] or 1))]
    return tuple((found + [of] * _TELLING)[:_TELLING])
