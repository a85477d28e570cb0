"""What a name means for its value: an AWS secret, perhaps one, or certainly something else."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from credguard.heuristics.names import Name


class Likelihood(IntEnum):
    """How likely a name is that of an AWS secret access key."""

    NO = 0
    NOTHING = 1
    NEAR_ID = 2
    """Enough near an access key ID: `key`, `token`, `password`, a bare word."""
    WITH_CONTEXT = 3
    """Enough if AWS is mentioned: `secret`, `secret_key`."""
    YES = 4


_AWS = frozenset(
    "aws amazon amazonaws amz amzn s3 s3a s3n ec2 ses sqs sns dynamo dynamodb iam boto boto3 lambda redshift "
    "athena kinesis sagemaker emr cloudfront route53 cloudwatch lightsail ecr ecs eks rds textract "
    "rekognition polly".split()
)
_VENDORS = frozenset(
    "stripe github gitlab bitbucket google gcp gcs gs firebase azure cloudflare cf twilio slack facebook fb "
    "twitter heroku datadog dd sendgrid mailgun mailchimp digitalocean linode vultr alibaba aliyun alicloud "
    "oss tencent qcloud cos qiniu oracle oci ibm okta auth0 discord telegram recaptcha captcha hcaptcha "
    "paypal braintree square wechat weixin linkedin instagram spotify dropbox box zoom shopify algolia pusher "
    "plaid mapbox sentry segment mixpanel amplitude newrelic pagerduty jira confluence atlassian npm pypi "
    "docker dockerhub huggingface openai anthropic netlify vercel supabase contentful coinbase binance kraken "
    "bitmex bybit ftx huobi okex okx poloniex bittrex bitfinex backblaze b2 wasabi minio scaleway hetzner ovh "
    "consul nomad rollbar bugsnag r2 pay cloudinary razorpay clerk spaces scw db database rds redis mail smtp "
    "mongo mongodb postgres postgresql mysql mssql pg sql kafka rabbitmq amqp ldap ftp sftp grafana jenkins "
    "sonar influx elastic elasticsearch cron".split()
)
# A secret other than an access key: signing, sessions, OAuth.
_OTHER_SECRETS = frozenset(
    "jwt csrf xsrf session cookie client consumer oauth oauth2 oidc saml webhook hook signing hmac salt "
    "pepper flask django rails laravel express nextauth application recovery totp otp mfa 2fa shared webhooks "
    "encryption bearer".split()
)
_DIGESTS = frozenset(
    "hash hashes hashed sha sha1 sha2 sha224 sha256 sha384 sha512 md5 digest checksum checksums fingerprint "
    "integrity sri etag commit rev revision thumbprint crc hexdigest sum ciphertext encrypted cipher "
    "cipherblob sealed encryptedvalue".split()
)
_NOT_VALUES = frozenset(
    "path paths file files filename dir folder arn url uri href link src ref refs uuid guid id ids length len "
    "size count regex pattern format version expiry expires ttl rotation date time timestamp request trace "
    "span signature sig sign nonce iv public pub pubkey cert certificate image img icon font css script "
    "integrity cursor page next marker continuation name upload etag cookie branch tree blob parent object "
    "md5sum sha1sum build release tag module package".split()
)
_ID_WORDS = frozenset("access key id".split())
_OTHER_AWS = frozenset("pay appsync sse customer sso".split())
_AWS_ITSELF = frozenset("aws amazon amazonaws amz amzn boto boto3 iam".split())
# Words that make a key or token something other than a credential.
_OTHER_KEYS = frozenset(
    "api kms cache object public pair partition sort primary foreign license topic queue table dedup "
    "deduplication encryption ssh host count client next page continuation idempotency request pool cognito "
    "index row column map json message group item label tag metric event stream shard record folder prefix".split()
)
# A prefix outside these may be another product's: `duo_secret_key`. `SECRET_KEY` alone is what Flask and Django sign
# sessions with. Both count only if AWS is mentioned nearby.
_NEUTRAL = frozenset(
    "secret secrets key keys secretkey secretkeys my the your our new old prod production dev development stage "
    "staging test qa live local default main user root admin account credentials credential creds cred auth storage "
    "bucket backup export set env name value default login profile region".split()
)
_STRONG = compile_lazily(
    r"fss3\w*secretkey|secretaccesskey|secretaccess|accesssecret|accesskeysecret|awssecret|awssk|s3secret|s3asecret|ec2secret|sessecret|"
    r"sqssecret|snssecret|amazonsecret|iamsecret|dynamodbsecret|dynamosecret|secretawskey|secretaws|secretkeyaws"
)
_CREDENTIAL_WORDS = frozenset(
    "key keys secret pass password passwd pwd token cred creds credential credentials sk".split()
)
_WEAK = frozenset(
    "secret key token password passwd pass pwd private sk credential credentials creds auth access".split()
)
AWS_NEARBY = compile_lazily(
    rb"(?<![a-z])(?:aws|amazon|amzn|boto3?|s3|s3a|s3n|s3fs|ec2|dynamodb|sqs|sns)(?![a-z])|aws_|_aws|amazonaws|awssdk|s3client|"
    rb"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)-(?:gov-)?(?:north|south|east|west|central)(?:east|west)?-\d|accesskeyid|access_key_id|"
    rb"access-key-id|sessiontoken",
    re.IGNORECASE,
)


def estimate_likelihood(name: Name) -> Likelihood:
    """How likely `name` is that of a secret access key."""
    words = frozenset(name.words)
    joined = name.joined
    aws = not words.isdisjoint(_AWS) or "aws" in joined
    if not words.isdisjoint(_DIGESTS):
        return Likelihood.NO
    if not aws and not _VENDORS.isdisjoint(name.own or words):
        return Likelihood.NO
    if _STRONG.search(joined):
        return (
            Likelihood.NO
            if "publickey" in joined or (name.words[-1] in _NOT_VALUES and not name.lines)
            else Likelihood.YES
        )
    if not aws and (not words.isdisjoint(_VENDORS) or not words.isdisjoint(_OTHER_SECRETS)):
        return Likelihood.NO
    if name.words == ("id",) and name.lines:
        return Likelihood.NEAR_ID
    if name.words[-2:] == ("key", "id") and (name.lines or aws or words <= _ID_WORDS):
        return Likelihood.NEAR_ID  # a secret in the ID's field, or a comment on the ID in the line above
    if name.words and (name.words[-1] in _NOT_VALUES or ("secret" not in joined and not words.isdisjoint(_OTHER_KEYS))):
        return Likelihood.NO
    if aws and not words.isdisjoint(_OTHER_SECRETS | _OTHER_AWS):
        return Likelihood.NO
    if aws and not words.isdisjoint(_CREDENTIAL_WORDS):
        return Likelihood.YES if _may_name_secret(words) else Likelihood.NEAR_ID
    if "secretkey" in joined and words <= _NEUTRAL and b"SECRET_KEY" not in name.raw:
        return Likelihood.YES
    if "secret" in joined:
        return Likelihood.WITH_CONTEXT if words <= _NEUTRAL | _AWS else Likelihood.NEAR_ID
    if not name.words or not words.isdisjoint(_WEAK):
        return Likelihood.NEAR_ID
    return Likelihood.NOTHING


def _may_name_secret(words: frozenset[str]) -> bool:
    """`aws_key` and `aws_password` may be secrets; `s3_key` and `dynamodb_token` are other things."""
    if words & {
        "secret",
        "password",
        "passwd",
        "pwd",
        "sk",
        "access",
        "credential",
        "credentials",
        "cred",
        "creds",
        "pass",
    }:
        return True
    return not words.isdisjoint(_AWS_ITSELF) and "token" not in words
