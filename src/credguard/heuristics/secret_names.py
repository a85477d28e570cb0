"""Which variable names are of a secret, and which are only about one."""

from __future__ import annotations

from credguard.heuristics.names import split_words
from credguard.lazy_re import compile_lazily

# Build tools put variables with these prefixes into the page that every visitor loads: public by intent.
EXPOSED = compile_lazily(
    rb"NEXT_PUBLIC_|VITE_|REACT_APP_|NUXT_PUBLIC_|EXPO_PUBLIC_|GATSBY_|PUBLIC_|VUE_APP_|NG_APP_|STORYBOOK_"
)
FILLERS = frozenset(
    "secret secrets password passwd pass pwd passphrase key keys token tokens api auth dev develop development local "
    "test testing tests staging prod production admin administrator root user username db database default defaults "
    "my the a an super app application web service server client docker container postgres postgresql mysql mariadb "
    "mongo mongodb redis rabbitmq rabbit guest demo example sample none null nil true false public private base value "
    "string session jwt access refresh encryption encrypt signing master internal localhost minio minioadmin laravel "
    "django rails sail homestead wordpress drupal keycloak grafana elastic changeme please strong secure safe random "
    "long some any this that is not to be for in of with and 64 32 16 only very really no one more good bad new old "
    "temp temporary welcome letmein wp sa toor symfony magento prestashop joomla vagrant ubuntu oracle neo4j".split()
)
_SECRET = compile_lazily(
    r"secret|passw|passphrase|passcode|(?<![a-z])pass(?![a-z])|pwd|token|apikey|api_key|credential|"
    r"(?<![a-z])creds?(?![a-z])|(?<![a-z])(?:salt|pepper|pat)(?![a-z])|(?:access|private|priv|encrypt|encryption|"
    r"signing|sign|master|account|app|application|auth|session|jwt|deploy|storage|shared|admin|server|crypto|cipher|"
    r"aes|hmac|client|consumer|license|licence|integration|service|write|security|webhook|decrypt|decryption|cookie|"
    r"rsa|ssh|hash|sas|user)_?keys?(?![a-z])"
)
_ABOUT = frozenset(
    "path paths file files filename dir folder arn url uri endpoint host hosts href name names id ids length len size "
    "count max min limit ttl expiry expires expiration expire expired exp lifetime timeout interval seconds minutes "
    "hours days age rotation type kind format version algorithm alg issuer audience scope scopes header headers "
    "prefix suffix field column param parameter enabled enable disabled required policy policies mode store storage "
    "provider source backend manager engine location region var variable ref label hint regex pattern strategy rounds "
    "username user users email fingerprint hash digest checksum cert certificate method encoding charset style status "
    "state action reset link page title text description scheme option options question budget "
    "window per port domain realm rate sha md validity duration".split()
)
# Words that mark a name as a setting in any position.
_SETTING = frozenset(
    "public publishable pub site anon throttle lifetime ttl max min limit timeout expiry expiration".split()
)


_TAILS = frozenset("value default base64 b64 old new next".split())


def is_secret_name(name: bytes) -> bool:
    """True for a name whose value would be a secret: `DB_PASSWORD`, `stripeSecretKey`; false for `TOKEN_URL`,
    `SECRET_ARN`, `PUBLIC_KEY`, `PASSWORD_MIN_LENGTH`."""
    words = split_words(name)
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _TAILS):
        words = words[:-1]
    if not words or words[-1] in _ABOUT or not _SETTING.isdisjoint(words):
        return False
    return _SECRET.search("_".join(words)) is not None
