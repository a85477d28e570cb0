"""The machine's own values: read once, searched in two ways with one answer, never shown."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from credguard.rules.aws import own_credential
from tests.keys import MAKERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = MAKERS["SECRET"](random.Random("own")) + "/+"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of its own and no AWS variables."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name in ("BOTO_CONFIG", "S3CMD_CONFIG")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    own_credential.forget()
    yield tmp_path
    own_credential.forget()


def test_nothing_to_read(home: Path) -> None:
    assert not own_credential.has_own_credentials()
    assert not own_credential.list_own_values()
    assert not own_credential.list_unread_files()
    assert not list(own_credential.find_own_values(b"x" * 100))
    assert not list(home.iterdir())


def test_what_cannot_be_read_is_told(home: Path) -> None:
    (home / ".boto").mkdir()
    assert own_credential.list_unread_files() == ("~/.boto",)


def test_both_searches_agree(home: Path) -> None:
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(f"[x]\naws_secret_access_key = {SECRET}\n", encoding="utf-8")
    data = f"a {SECRET} b {SECRET} c".encode()
    first = list(own_credential.find_own_values(data))
    again = list(own_credential.find_own_values(data + b" " * own_credential._COMPILE_AFTER))
    assert [[(p.start, p.end) for p in one.parts] for one in first] == [[(2, 44), (47, 89)]]
    assert [one.parts for one in again] == [one.parts for one in first]
    assert own_credential.list_own_values() == (SECRET.encode(),)


def test_no_value_is_shown(home: Path) -> None:
    (home / ".passwd-s3fs").write_text(f"ID:{SECRET}\n", encoding="utf-8")
    (one,) = own_credential.find_own_values(SECRET.encode())
    assert SECRET[4:] not in repr((one, own_credential._load_own().values, own_credential._load_needles().all))
