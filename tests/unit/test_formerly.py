"""Every name that the file rules judge is also looked for in the trees of a history."""

from __future__ import annotations

import pytest

from credguard.history import deleted_files
from credguard.matching.database import Matcher
from credguard.sources import credential_files

ENV_FILES = [".env", ".env.production", "prod.env", "env.local", ".envrc", "dotenv.staging"]
PLACES = [".aws/credentials", ".AWS/config", ".aws/sso/cache/a.json", ".mc/config.json", ".docker/config.json"]


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """Finds them in trees."""
    return Matcher([deleted_files.CREDENTIAL_NAMES], cache=False)


def _tree(name: str) -> bytes:
    return b"100644 README.md\0" + bytes(20) + b"100644 " + name.encode() + b"\0" + bytes(20)


@pytest.mark.parametrize("name", ["environment.py", "README.md", "boto.py", "history.txt", ".awsome", "docker.md"])
def test_innocent(name: str) -> None:
    assert not deleted_files.is_credential_path(b"src/" + name.encode())


@pytest.mark.parametrize("name", [*credential_files._NAMES, *(name.upper() for name in ENV_FILES), *ENV_FILES])
def test_files(matcher: Matcher, name: str) -> None:
    assert deleted_files.is_credential_path(b"deploy/" + name.encode())
    assert deleted_files.may_be_credential_name(name.encode())
    assert matcher.find_hits(_tree(name))


@pytest.mark.parametrize("path", PLACES)
def test_files_by_their_folder(matcher: Matcher, path: str) -> None:
    assert deleted_files.is_credential_path(b"home/" + path.encode())
    assert matcher.find_hits(_tree(path.partition("/")[0]))
