"""Replaces the key of a profile: each step is one that a run killed there can be taken up from."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from credguard.aws.account_state import Caller
from credguard.aws.live.client import AwsClient, CallError, make_session
from credguard.aws.live.credentials_file import CredentialsFile, ProfileKey
from credguard.errors import CredguardError, ExitCode
from credguard.heuristics.expiry import format_rfc3339, parse_iso_time
from credguard.model.secret import Secret
from credguard.system import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

_NEW = "-credguard-new"
"""What the name of the profile ends with that holds the new key until it is known to work."""
_JOURNAL = ".credguard-rotate"
_WAIT_SECONDS = 60.0
"""How long AWS may take until a new key works everywhere."""
_NOT_YET = ("InvalidClientTokenId", "SignatureDoesNotMatch")
_CLOCK = timedelta(minutes=5)


@dataclass(slots=True)
class Rotation:
    """One rotation of a profile's key: the user's name, the old key's ID, when it began, and since when the old key is
    inactive. It is kept beside the credentials file, without any secret, until the old key is deleted."""

    profile: str
    user: str
    old: str
    begun: str
    deactivated: str = ""


class Journal:
    """The rotations that are under way, by profile, in a file beside the credentials file."""

    def __init__(self, file: CredentialsFile) -> None:
        self._path = file.path + _JOURNAL

    def find(self, profile: str) -> Rotation | None:
        """The rotation of that profile; raises CredguardError for a file that is not ours."""
        kept = self._read().get(profile)
        return Rotation(**kept) if kept else None

    def keep(self, rotation: Rotation) -> None:
        """Remembers where a rotation is."""
        fields = {name: getattr(rotation, name) for name in Rotation.__slots__}
        self._write({**self._read(), rotation.profile: fields})

    def forget(self, profile: str) -> None:
        """Forgets a rotation that is over."""
        left = {name: fields for name, fields in self._read().items() if name != profile}
        if left:
            self._write(left)
        else:
            os.unlink(self._path)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            with open(self._path, encoding="utf-8") as handle:
                kept = json.load(handle)
            for fields in kept.values():
                Rotation(**fields)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            raise CredguardError(f"{self._path} is not what credguard wrote", "look at it, and remove it") from None
        return dict(kept)

    def _write(self, kept: dict[str, dict[str, str]]) -> None:
        try:
            atomic.replace_file(self._path, json.dumps(kept, indent=1).encode(), 0o600)
        except OSError as error:
            raise CredguardError(f"{self._path} could not be written: {error.strerror}", "check the folder") from error


class Rotator:
    """Rotates the key of one profile. `wait` sleeps."""

    def __init__(self, profile: str, region: str = "", wait: Callable[[float], None] = time.sleep) -> None:
        self.profile, self._region, self._wait = profile, region, wait
        self.file = CredentialsFile()
        self.journal = Journal(self.file)

    def begin(self) -> Rotation:
        """What would be rotated; raises CallError, and CredguardError where that cannot be."""
        if self.journal.find(self.profile):
            raise CredguardError(f"a rotation of profile {self.profile} is under way", "take it up with --resume")
        key = self._read_key()
        client = self._make_client(key)
        answer = client.contact()
        caller = Caller(str(answer.get("Account", "")), str(answer.get("Arn", "")))
        if caller.is_root:
            raise CredguardError(
                f"profile {self.profile} has a key of the root user of account {caller.account}",
                "root should have none: make a role or user with what the work needs, and delete root's key",
            )
        keys = _list_keys(client)
        user = next((one["UserName"] for one in keys if one["AccessKeyId"] == key.id), "")
        if not user:
            raise CredguardError(f"{key.id} of profile {self.profile} is no key of its own user", "nothing was changed")
        if len(keys) > 1:
            raise CredguardError(f"user {user} has two keys already, as many as AWS allows: {_describe(client, keys)}",
                                 "end the one that is not used: `credguard revoke KEY_ID`")  # fmt: skip
        return Rotation(self.profile, user, key.id, format_rfc3339(datetime.now(timezone.utc)))

    def carry_out(self, rotation: Rotation, after_days: int) -> Iterator[str]:
        """Takes all steps that are left, and says what each did; raises CallError and CredguardError where one fails,
        after which it can be called again."""
        self.journal.keep(rotation)
        current = self._read_key()
        if current.id == rotation.old:
            current = yield from self._replace(rotation, current)
        elif self.file.read_key(self._new_profile):
            self.file.remove_profile(self._new_profile)
        client = self._make_client(current)
        if not rotation.deactivated:
            words = {"UserName": rotation.user, "AccessKeyId": rotation.old, "Status": "Inactive"}
            self._insist(lambda: client.change("iam", "update_access_key", **words), gone_is_done=True)
            rotation.deactivated = format_rfc3339(datetime.now(timezone.utc))
            self.journal.keep(rotation)
            yield f"deactivated the old key {rotation.old}"
        since = parse_iso_time(rotation.deactivated.encode()) or datetime.now(timezone.utc)
        due = since + timedelta(days=after_days)
        if datetime.now(timezone.utc) < due:
            command = f"credguard rotate {self.profile} --resume"
            yield f"the old key can be deleted from {due:%Y-%m-%d %H:%M} UTC on: `{command}`"
            return
        words = {"UserName": rotation.user, "AccessKeyId": rotation.old}
        self._insist(lambda: client.change("iam", "delete_access_key", **words), gone_is_done=True)
        self.journal.forget(self.profile)
        yield f"deleted the old key {rotation.old}"

    @property
    def _new_profile(self) -> str:
        return self.profile + _NEW

    def _read_key(self) -> ProfileKey:
        key = self.file.read_key(self.profile)
        if key is None:
            raise CredguardError(
                f"profile {self.profile} has no access key in {self.file.path}",
                "what signs in by a role, a program or IAM Identity Center has nothing to rotate",
            )
        return key

    def _make_client(self, key: ProfileKey) -> AwsClient:
        """A client with this key alone."""
        known = self._region or AwsClient(self.profile).find_region()
        secret = key.secret.reveal().decode("ascii")
        return AwsClient(session=make_session(key=(key.id, secret), region=known))

    def _replace(self, rotation: Rotation, old: ProfileKey) -> Generator[str, None, ProfileKey]:
        """Makes a new key, and puts it in the place of the old one once it works."""
        client = self._make_client(old)
        ids = {one["AccessKeyId"]: one for one in _list_keys(client)}
        new = self.file.read_key(self._new_profile)
        if new and new.id not in ids:
            self.file.remove_profile(self._new_profile)
            new = None
        if new is None:
            for key_id, one in ids.items():
                if key_id != old.id:
                    yield from self._drop_lost(client, rotation, one)
            made = client.change("iam", "create_access_key", UserName=rotation.user)["AccessKey"]
            new = ProfileKey(made["AccessKeyId"], Secret(made["SecretAccessKey"].encode()))
            self.file.add_profile(self._new_profile, new)
            yield f"made the new key {new.id}"
        fresh = self._make_client(new)
        self._insist(lambda: fresh.ask("sts", "get_caller_identity"))
        self.file.replace_key(self.profile, new)
        self.file.remove_profile(self._new_profile)
        yield f"it works; wrote it to profile {self.profile} of {self.file.path}"
        return new

    def _drop_lost(self, client: AwsClient, rotation: Rotation, one: dict[str, Any]) -> Iterator[str]:
        """Deletes the key of a run that was killed before it could write down the secret; another's is left alone."""
        begun = parse_iso_time(rotation.begun.encode())
        used = client.ask("iam", "get_access_key_last_used", AccessKeyId=one["AccessKeyId"]).get(
            "AccessKeyLastUsed", {}
        )
        if begun is None or one["CreateDate"] < begun - _CLOCK or used.get("LastUsedDate"):
            raise CredguardError(
                f"user {rotation.user} has another key, {one['AccessKeyId']}, which is not of this rotation",
                "end the one that is not used: `credguard revoke KEY_ID`, then --resume", ExitCode.INCOMPLETE,
            )  # fmt: skip
        client.change("iam", "delete_access_key", UserName=rotation.user, AccessKeyId=one["AccessKeyId"])
        yield f"deleted {one['AccessKeyId']}, whose secret was lost when the run before ended"

    def _insist(self, call: Callable[[], object], *, gone_is_done: bool = False) -> None:
        """Calls until the new key is known everywhere; what is asked for may be done twice without harm."""
        pause, waited = 1.0, 0.0
        while (failure := _try(call)) is not None:
            if gone_is_done and failure.code == "NoSuchEntity":
                return
            if failure.code not in _NOT_YET or waited >= _WAIT_SECONDS:
                raise failure
            self._wait(pause)
            waited, pause = waited + pause, min(pause * 2, 10.0)


def _try(call: Callable[[], object]) -> CallError | None:
    """How the call failed, None where it did not."""
    try:
        call()
    except CallError as error:
        return error
    return None


def _list_keys(client: AwsClient) -> list[dict[str, Any]]:
    """The keys of the caller itself."""
    return [one for page in client.iter_pages("iam", "list_access_keys") for one in page.get("AccessKeyMetadata", ())]


def _describe(client: AwsClient, keys: list[dict[str, Any]]) -> str:
    """Each key with its last use."""
    said = []
    for one in keys:
        used = client.ask("iam", "get_access_key_last_used", AccessKeyId=one["AccessKeyId"]).get(
            "AccessKeyLastUsed", {}
        )
        when = used.get("LastUsedDate")
        last = f"last used on {when:%Y-%m-%d}" if isinstance(when, datetime) else "never used"
        said.append(f"{one['AccessKeyId']} ({one['Status'].lower()}, {last})")
    return ", ".join(said)
