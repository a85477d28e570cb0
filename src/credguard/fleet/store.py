"""Where the results of a fleet are kept: a file for each repository, in a folder or a bucket, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from credguard.errors import CredguardError, ExitCode
from credguard.system import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAN = "plan.jsonl"
RESULTS, OBJECTS, LEASES = "results", "objects", "leases"
_NAME = re.compile(r"(?:[a-z]+/)?[0-9a-z][0-9a-z.\-]*")
_LARGEST = 512 << 20


class ResultStore(Protocol):
    """Named contents; all methods raise CredguardError (incomplete) where they cannot be had."""

    def read(self, name: str) -> bytes | None:
        """The content, None where there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Puts a content in its place, whole: nobody ever reads a part of it."""
        ...

    def remove(self, name: str) -> None:
        """Removes a content, if it is there."""
        ...

    def list_names(self, folder: str) -> list[str]:
        """The names in a folder, in order."""
        ...


def open_store(location: str) -> ResultStore:
    """The store at a folder, or at `s3://BUCKET/PREFIX`; raises CredguardError."""
    if location.startswith("s3://"):
        return BucketStore(location)
    if "://" in location:
        raise CredguardError(f"{location.partition('://')[0]}:// is no kind of store", "give a folder or s3://…")
    return FolderStore(Path(location))


def format_result_name(entry_id: str) -> str:
    """The name of a repository's result."""
    return f"{RESULTS}/{entry_id}.json"


def format_lease_name(entry_id: str) -> str:
    """The name of the note that a worker has begun a repository."""
    return f"{LEASES}/{entry_id}.json"


def format_objects_name(entry_id: str) -> str:
    """The name of what is remembered of a repository's objects."""
    return f"{OBJECTS}/{entry_id}.bin"


class FolderStore:
    """A store in a folder, which is made when something is written; only this user can read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _locate(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        return self._folder / name

    def read(self, name: str) -> bytes | None:
        """The content of a file."""
        with self._wrap_errors("read"):
            try:
                with open(self._locate(name), "rb") as handle:
                    return handle.read(_LARGEST)
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Writes a file beside its place and renames it."""
        with self._wrap_errors("written"):
            place = self._locate(name)
            os.makedirs(place.parent, mode=0o700, exist_ok=True)
            atomic.replace_file(place, data, 0o600)

    def remove(self, name: str) -> None:
        """Removes a file."""
        with self._wrap_errors("changed"), contextlib.suppress(FileNotFoundError):
            os.unlink(self._locate(name))

    def list_names(self, folder: str) -> list[str]:
        """The files of a folder, without those that are being written."""
        with self._wrap_errors("read"):
            try:
                return sorted(f"{folder}/{name}" for name in os.listdir(self._folder / folder) if name[0] != ".")
            except FileNotFoundError:
                return []

    @contextlib.contextmanager
    def _wrap_errors(self, act: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            hint = "see to its room and its rights, and run again: what is done is kept"
            raise CredguardError(f"the store could not be {act}: {reason}", hint, ExitCode.INCOMPLETE) from None


class BucketStore:
    """A store in a bucket of S3, by boto3 (extra `aws`), whose credentials and endpoint the environment names."""

    def __init__(self, location: str) -> None:
        from credguard.aws.live.client import require_boto3

        require_boto3()
        import boto3
        from botocore.config import Config

        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.\-]{1,62}", bucket):
            raise CredguardError("the store's bucket has no valid name", "give s3://BUCKET/PREFIX")
        self._bucket, self._prefix = bucket, prefix.strip("/") + "/" if prefix.strip("/") else ""
        with self._wrap_errors():
            self._client: Any = boto3.client("s3", config=Config(retries={"max_attempts": 5, "mode": "standard"}))

    def read(self, name: str) -> bytes | None:
        """The content of an object."""
        with self._wrap_errors():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
                return bytes(answer["Body"].read())
            except self._client.exceptions.NoSuchKey:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Puts an object, which S3 shows when it is whole."""
        with self._wrap_errors():
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data)

    def remove(self, name: str) -> None:
        """Deletes an object."""
        with self._wrap_errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def list_names(self, folder: str) -> list[str]:
        """The objects below a prefix."""
        names: list[str] = []
        with self._wrap_errors():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}{folder}/"):
                names += [one["Key"][len(self._prefix) :] for one in page.get("Contents", ())]
        return sorted(names)

    @contextlib.contextmanager
    def _wrap_errors(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else ""
            raise CredguardError(
                f"the store in S3 could not be used: {code or type(error).__name__}",
                "check bucket, region and rights (s3:GetObject, PutObject, DeleteObject, ListBucket)",
                ExitCode.INCOMPLETE,
            ) from None
