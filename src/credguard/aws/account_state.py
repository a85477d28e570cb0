"""What a live account answers, as the rules get it: data alone, each with its place `aws://ACCOUNT/…`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from credguard.model.findings import Blob

QUARANTINE = compile_lazily(r"arn:aws[\w-]*:iam::aws:policy/(AWSCompromisedKeyQuarantine(?:V\d+)?)")
"""The policy that AWS attaches to a user whose key it found in public."""
ROOT_USER = "iam/root"
_SCHEME = "aws://"


def name_resource(account: str, path: str) -> str:
    """The place of something in an account, as findings name it."""
    return f"{_SCHEME}{account or 'unknown-account'}/{path}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the answer of sts:GetCallerIdentity."""

    account: str
    arn: str

    @property
    def is_root(self) -> bool:
        """True for the account's root user."""
        return self.arn.endswith(f"::{self.account}:root")

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn`, `aws-us-gov` and so on."""
        return self.arn.split(":")[1] if self.arn.startswith("arn:") else "aws"

    @property
    def place(self) -> str:
        """Where a finding about the caller is."""
        return name_resource(self.account, ROOT_USER if self.is_root else "sts/caller")


@dataclass(frozen=True, slots=True)
class RootSummary:
    """What iam:GetAccountSummary says of the root user, for a credential report without its row."""

    account: str
    keys: int
    mfa: int
    certificates: int

    @property
    def place(self) -> str:
        """Where a finding about the root user is."""
        return name_resource(self.account, ROOT_USER)


@dataclass(frozen=True, slots=True)
class UserReport:
    """The row of one user in the account's credential report, below the header."""

    place: str
    report: Blob


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy of the account: its name, and its JSON."""

    name: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Holder:
    """What has permissions: a `user`, `group` or `role`, or a managed `policy` that is attached to some of them.

    `attached` are the ARNs of managed policies, `policies` those inside of it, `trust` is who may assume a role,
    `groups` are the names of those that a user is in.
    """

    account: str
    kind: str
    name: str
    arn: str = ""
    attached: tuple[str, ...] = ()
    policies: tuple[PolicyDocument, ...] = ()
    trust: PolicyDocument | None = None
    groups: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where a finding about it is."""
        return name_resource(self.account, f"iam/{self.kind}/{self.name}")

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class CloudTrail:
    """A CloudTrail trail: whether it takes in every Region, whether it logs, and whether it logs all management
    events."""

    name: str
    every_region: bool
    logging: bool
    management: bool


@dataclass(frozen=True, slots=True)
class Trails:
    """All trails that the account sees, and what reads them (`watchers`, in words)."""

    account: str
    trails: tuple[CloudTrail, ...]
    watchers: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where a finding about trails is."""
        return name_resource(self.account, "cloudtrail")

    def list_good(self) -> list[CloudTrail]:
        """The trails that record what happens in the whole account."""
        return [trail for trail in self.trails if trail.every_region and trail.logging and trail.management]


AccountItem: TypeAlias = Caller | RootSummary | UserReport | Holder | Trails
