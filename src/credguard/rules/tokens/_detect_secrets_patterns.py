"""Where each detect-secrets plugin may find something; tools/plugin_patterns.py writes this."""

from __future__ import annotations

VERSION = "1.5.0"
# The plugin, its module, the rule that reports its matches, the patterns that locate candidates, and its own
# expressions.
PLUGINS: tuple[tuple[str, str, str, tuple[bytes, ...], tuple[tuple[bytes, int], ...]], ...] = (
    (
        "ArtifactoryDetector",
        "detect_secrets.plugins.artifactory",
        "CG186",
        (
            b"(?:[\\x09-\\x0d\\x20]|\\x3d|\\x3a|\\x22|^)AKC[0-9A-Za-z]{10,}(?:[\\x09-\\x0d\\x20]|\\x22|\\r?$)",
            b"(?:[\\x09-\\x0d\\x20]|\\x3d|\\x3a|\\x22|^)AP[0-9A-F][0-9A-Za-z]{8,}(?:[\\x09-\\x0d\\x20]|\\x22|\\r?$)",
        ),
        (
            (b'(?:\\s|=|:|"|^)AKC[a-zA-Z0-9]{10,}(?:\\s|"|$)', 0),
            (b'(?:\\s|=|:|"|^)AP[\\dABCDEF][a-zA-Z0-9]{8,}(?:\\s|"|$)', 0),
        ),
    ),
    (
        "AzureStorageKeyDetector",
        "detect_secrets.plugins.azure_storage_key",
        "CG170",
        (b"AccountKey\\x3d[\\x2b\\x2f-9\\x3dA-Za-z]{31,31}",),
        ((b"AccountKey=[a-zA-Z0-9+\\/=]{88}", 0),),
    ),
    (
        "BasicAuthDetector",
        "detect_secrets.plugins.basic_auth",
        "CG182",
        (
            b"\\x3a\\x2f\\x2f[\\x00-\\x08\\x0e-\\x1f\\x22\\x25\\x2d-\\x2e0-9\\x3c\\x3eA-Z\\x5c\\x5e-\\x7f\\x80-\\xff]{1,}\\x3a(?:[\\x00-\\x08\\x0e-\\x1f\\x22\\x25\\x2d-\\x2e0-9\\x3c\\x3eA-Z\\x5c\\x5e-\\x7f\\x80-\\xff]{1,})\\x40",
        ),
        ((b"://[^:/\\?\\#\\[\\]@!\\$\\&'\\(\\)\\*\\+,;=\\s]+:([^:/\\?\\#\\[\\]@!\\$\\&'\\(\\)\\*\\+,;=\\s]+)@", 0),),
    ),
    (
        "CloudantDetector",
        "detect_secrets.plugins.cloudant",
        "CG187",
        (
            b"(?i)cl(?:oudant||ou)(?:\\x5f|\\x2d|)(?:api|)(?:key|pwd|pw|password|pass|token)(?:\\x22|\\x27|)(?:\\x5d|)\\x20{0,}(?:\\x3d|\\x3a|\\x3a\\x3d|\\x3d\\x3e|\\x20{1,}|\\x3a\\x3a)\\x20{0,}(?:\\x22|\\x27|)(?:[0-9a-f]{64,64})",
            b"(?i)cl(?:oudant||ou)(?:\\x5f|\\x2d|)(?:api|)(?:key|pwd|pw|password|pass|token)(?:\\x22|\\x27|)(?:\\x5d|)\\x20{0,}(?:\\x3d|\\x3a|\\x3a\\x3d|\\x3d\\x3e|\\x20{1,}|\\x3a\\x3a)\\x20{0,}(?:\\x22|\\x27|)(?:[a-z]{24,24})",
            b"(?i)https{0,1}\\x3a\\x2f\\x2f[\\x2d0-9A-Z\\x5fa-z]{1,}\\x3a(?:[0-9a-f]{64,64})\\x40[\\x2d0-9A-Z\\x5fa-z]{1,}\\x2ecloudant\\x2ecom",
            b"(?i)https{0,1}\\x3a\\x2f\\x2f[\\x2d0-9A-Z\\x5fa-z]{1,}\\x3a(?:[a-z]{24,24})\\x40[\\x2d0-9A-Z\\x5fa-z]{1,}\\x2ecloudant\\x2ecom",
        ),
        (
            (
                b"(?:(?<=\\W)|(?<=^))(?:\\[|)(?:\"|\\'|)(?:cloudant|cl|clou)(?:_|-|)(?:api|)(?:key|pwd|pw|password|pass|token)(?:\"|\\'|)(?:\\]|)(?:\\x20*)(?:=|:|:=|=>|\\x20+|::)(?:\\x20*)(?:\"|\\'|)([0-9a-f]{64})(?:\"|\\'|)",
                2,
            ),
            (
                b"(?:(?<=\\W)|(?<=^))(?:\\[|)(?:\"|\\'|)(?:cloudant|cl|clou)(?:_|-|)(?:api|)(?:key|pwd|pw|password|pass|token)(?:\"|\\'|)(?:\\]|)(?:\\x20*)(?:=|:|:=|=>|\\x20+|::)(?:\\x20*)(?:\"|\\'|)([a-z]{24})(?:\"|\\'|)",
                2,
            ),
            (b"(?:https?\\:\\/\\/)[\\w\\-]+\\:([0-9a-f]{64})\\@[\\w\\-]+\\.cloudant\\.com", 2),
            (b"(?:https?\\:\\/\\/)[\\w\\-]+\\:([a-z]{24})\\@[\\w\\-]+\\.cloudant\\.com", 2),
        ),
    ),
    (
        "GitHubTokenDetector",
        "detect_secrets.plugins.github_token",
        "CG160",
        (b"(?:gh[o-pr-su])\\x5f[0-9A-Z\\x5fa-z]{31,31}",),
        ((b"(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9_]{36}", 0),),
    ),
    (
        "GitLabTokenDetector",
        "detect_secrets.plugins.gitlab_token",
        "CG161",
        (
            b"(?:gl(?:pat|dt|ft|soat|rt))\\x2d[\\x2d0-9A-Z\\x5fa-z]{20,50}(?:[^0-9A-Z\\x5fa-z]|\\z)",
            b"GR1348941[\\x2d0-9A-Z\\x5fa-z]{20,50}(?:[^0-9A-Z\\x5fa-z]|\\z)",
            b"glcbt\\x2d(?:(?:[0-9A-Fa-f]{2,2}\\x5f)){0,1}[\\x2d0-9A-Z\\x5fa-z]{20,50}(?:[^0-9A-Z\\x5fa-z]|\\z)",
            b"glimt\\x2d[\\x2d0-9A-Z\\x5fa-z]{25,25}(?:[^0-9A-Z\\x5fa-z]|\\z)",
            b"glptt\\x2d[\\x2d0-9A-Z\\x5fa-z]{40,40}(?:[^0-9A-Z\\x5fa-z]|\\z)",
            b"glagent\\x2d[\\x2d0-9A-Z\\x5fa-z]{50,1024}(?:[^0-9A-Z\\x5fa-z]|\\z)",
            b"gloas\\x2d[\\x2d0-9A-Z\\x5fa-z]{64,64}(?:[^0-9A-Z\\x5fa-z]|\\z)",
        ),
        (
            (b"(glpat|gldt|glft|glsoat|glrt)-[A-Za-z0-9_\\-]{20,50}(?!\\w)", 0),
            (b"GR1348941[A-Za-z0-9_\\-]{20,50}(?!\\w)", 0),
            (b"glcbt-([0-9a-fA-F]{2}_)?[A-Za-z0-9_\\-]{20,50}(?!\\w)", 0),
            (b"glimt-[A-Za-z0-9_\\-]{25}(?!\\w)", 0),
            (b"glptt-[A-Za-z0-9_\\-]{40}(?!\\w)", 0),
            (b"glagent-[A-Za-z0-9_\\-]{50,1024}(?!\\w)", 0),
            (b"gloas-[A-Za-z0-9_\\-]{64}(?!\\w)", 0),
        ),
    ),
    (
        "IbmCloudIamDetector",
        "detect_secrets.plugins.ibm_cloud_iam",
        "CG187",
        (
            b"(?i)(?:key|pwd|password|pass|token)(?:\\x22|\\x27|)(?:\\x5d|)\\x20{0,}(?:\\x3d|\\x3a|\\x3a\\x3d|\\x3d\\x3e|\\x20{1,}|\\x3a\\x3a)\\x20{0,}(?:\\x22|\\x27|)(?:[\\x2d0-9A-Z\\x5fa-z]{44,44})(?:[^\\x2d0-9A-Z\\x5fa-z]|\\z)",
        ),
        (
            (
                b"(?:(?<=\\W)|(?<=^))(?:\\[|)(?:\"|\\'|)(?:ibm(?:_|-|)cloud(?:_|-|)iam|cloud(?:_|-|)iam|ibm(?:_|-|)cloud|ibm(?:_|-|)iam|ibm|iam|cloud|)(?:_|-|)(?:api|)(?:_|-|)(?:key|pwd|password|pass|token)(?:\"|\\'|)(?:\\]|)(?:\\x20*)(?:=|:|:=|=>|\\x20+|::)(?:\\x20*)(?:\"|\\'|)([a-zA-Z0-9_\\-]{44}(?![a-zA-Z0-9_\\-]))(?:\"|\\'|)",
                2,
            ),
        ),
    ),
    (
        "IbmCosHmacDetector",
        "detect_secrets.plugins.ibm_cos_hmac",
        "CG187",
        (
            b"(?i)secret[\\x2d\\x5f]{0,1}(?:access){0,1}[\\x2d\\x5f]{0,1}key(?:\\x22|\\x27|)(?:\\x5d|)\\x20{0,}(?:\\x3d|\\x3a|\\x3a\\x3d|\\x3d\\x3e|\\x20{1,}|\\x3a\\x3a)\\x20{0,}(?:\\x22|\\x27|)(?:[0-9a-f]{48,48})(?:[^0-9a-f]|\\z)",
        ),
        (
            (
                b"(?:(?<=\\W)|(?<=^))(?:\\[|)(?:\"|\\'|)(?:(?:ibm)?[-_]?cos[-_]?(?:hmac)?|)(?:_|-|)(?:secret[-_]?(?:access)?[-_]?key)(?:\"|\\'|)(?:\\]|)(?:\\x20*)(?:=|:|:=|=>|\\x20+|::)(?:\\x20*)(?:\"|\\'|)([a-f0-9]{48}(?![a-f0-9]))(?:\"|\\'|)",
                2,
            ),
        ),
    ),
    (
        "JwtTokenDetector",
        "detect_secrets.plugins.jwt",
        "CG183",
        (b"eyJ[\\x2d0-9\\x3dA-Z\\x5fa-z]{1,}\\x2e[\\x2d0-9\\x3dA-Z\\x5fa-z]{1,1}",),
        ((b"eyJ[A-Za-z0-9-_=]+\\.[A-Za-z0-9-_=]+\\.?[A-Za-z0-9-_.+/=]*?", 0),),
    ),
    (
        "MailchimpDetector",
        "detect_secrets.plugins.mailchimp",
        "CG184",
        (b"[0-9a-z]{32}\\x2dus[0-9]{1,1}",),
        ((b"[0-9a-z]{32}-us[0-9]{1,2}", 0),),
    ),
    (
        "NpmDetector",
        "detect_secrets.plugins.npm",
        "CG164",
        (
            b"\\x2f\\x3a\\x5fauthToken\\x3d[\\x09-\\x0d\\x20]{0,}(?:(?:(?:npm\\x5f[\\x00-\\x09\\x0b-\\x7f\\x80-\\xff]{1,})|(?:[\\x2d0-9A-Fa-f]{36,36})))",
        ),
        ((b"\\/\\/.+\\/:_authToken=\\s*((npm_.+)|([A-Fa-f0-9-]{36})).*", 0),),
    ),
    (
        "OpenAIDetector",
        "detect_secrets.plugins.openai",
        "CG166",
        (b"T3BlbkFJ[0-9A-Za-z]{20,20}",),
        ((b"sk-[A-Za-z0-9-_]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}", 0),),
    ),
    (
        "PypiTokenDetector",
        "detect_secrets.plugins.pypi_token",
        "CG165",
        (
            b"pypi\\x2dAgEIcHlwaS5vcmc[\\x2d0-9A-Z\\x5fa-z]{31,31}",
            b"pypi\\x2dAgENdGVzdC5weXBpLm9yZw[\\x2d0-9A-Z\\x5fa-z]{31,31}",
        ),
        (
            (b"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9-_]{70,}", 0),
            (b"pypi-AgENdGVzdC5weXBpLm9yZw[A-Za-z0-9-_]{70,}", 0),
        ),
    ),
    (
        "SendGridDetector",
        "detect_secrets.plugins.sendgrid",
        "CG177",
        (b"SG\\x2e[\\x2d0-9A-Z\\x5fa-z]{22,22}\\x2e[\\x2d0-9A-Z\\x5fa-z]{31,31}",),
        ((b"SG\\.[a-zA-Z0-9_-]{22}\\.[a-zA-Z0-9_-]{43}", 0),),
    ),
    (
        "SlackDetector",
        "detect_secrets.plugins.slack",
        "CG162",
        (
            b"(?i)xox[a-bo-pr-s]\\x2d(?:[0-9]{1,}\\x2d){1,}[0-9a-z]{1,1}",
            b"(?i)https\\x3a\\x2f\\x2fhooks\\x2eslack\\x2ecom\\x2fservices\\x2fT[0-9A-Z\\x5fa-z]{1,}\\x2fB[0-9A-Z\\x5fa-z]{1,}\\x2f[0-9A-Z\\x5fa-z]{1,1}",
        ),
        (
            (b"xox(?:a|b|p|o|s|r)-(?:\\d+-)+[a-z0-9]+", 2),
            (b"https://hooks\\.slack\\.com/services/T[a-zA-Z0-9_]+/B[a-zA-Z0-9_]+/[a-zA-Z0-9_]+", 66),
        ),
    ),
    (
        "SoftlayerDetector",
        "detect_secrets.plugins.softlayer",
        "CG187",
        (
            b"(?i)s(?:oftlayer|l)(?:\\x5f|\\x2d|)(?:api|)(?:\\x5f|\\x2d|)(?:key|pwd|password|pass|token)(?:\\x22|\\x27|)(?:\\x5d|)\\x20{0,}(?:\\x3d|\\x3a|\\x3a\\x3d|\\x3d\\x3e|\\x20{1,}|\\x3a\\x3a)\\x20{0,}(?:\\x22|\\x27|)(?:[0-9a-z]{64,64})",
            b"(?i)http(?:|s)\\x3a\\x2f\\x2fapi[\\x00-\\x09\\x0b-\\x7f\\x80-\\xff]{1,4}softlayer[\\x00-\\x09\\x0b-\\x7f\\x80-\\xff]{1,4}com\\x2fsoap\\x2fv3(?:|[\\x00-\\x09\\x0b-\\x7f\\x80-\\xff]{1,4}1)\\x2f(?:[0-9a-z]{64,64})",
        ),
        (
            (
                b"(?:(?<=\\W)|(?<=^))(?:\\[|)(?:\"|\\'|)(?:softlayer|sl)(?:_|-|)(?:api|)(?:_|-|)(?:key|pwd|password|pass|token)(?:\"|\\'|)(?:\\]|)(?:\\x20*)(?:=|:|:=|=>|\\x20+|::)(?:\\x20*)(?:\"|\\'|)([a-z0-9]{64})(?:\"|\\'|)",
                2,
            ),
            (b"(?:http|https)://api.softlayer.com/soap/(?:v3|v3.1)/([a-z0-9]{64})", 2),
        ),
    ),
    (
        "SquareOAuthDetector",
        "detect_secrets.plugins.square_oauth",
        "CG185",
        (b"sq0csp\\x2d[\\x2d0-9A-Z\\x5c\\x5fa-z]{31,31}",),
        ((b"sq0csp-[0-9A-Za-z\\\\\\-_]{43}", 0),),
    ),
    (
        "StripeDetector",
        "detect_secrets.plugins.stripe",
        "CG163",
        (b"[r-s]k\\x5flive\\x5f[0-9A-Za-z]{24,24}",),
        ((b"(?:r|s)k_live_[0-9a-zA-Z]{24}", 0),),
    ),
    (
        "TelegramBotTokenDetector",
        "detect_secrets.plugins.telegram_token",
        "CG180",
        (b"[0-9]{8}\\x3a[\\x2d0-9A-Z\\x5fa-z]{31,31}",),
        ((b"\\d{8,10}:[0-9A-Za-z_-]{35}", 0),),
    ),
    (
        "TwilioKeyDetector",
        "detect_secrets.plugins.twilio",
        "CG178",
        (
            b"AC[0-9a-z]{31,31}",
            b"SK[0-9a-z]{31,31}",
        ),
        (
            (b"AC[a-z0-9]{32}", 0),
            (b"SK[a-z0-9]{32}", 0),
        ),
    ),
)
