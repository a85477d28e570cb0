"""CG201 to CG206 where a case file cannot go: links, filters, missing and hostile files, odd names."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from credguard.rules.files import (
    credential_file_tracked,
    env_file_in_docker_context,
    env_file_not_ignored,
    env_file_tracked,
    real_value_in_example_file,
    state_file_tracked,
)
from credguard.sources.files import open_tree
from tests.keys import Filler
from tests.pace import PACE
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from credguard.model.findings import Detection

RULES = (
    env_file_tracked.RULE, env_file_not_ignored.RULE, credential_file_tracked.RULE, env_file_in_docker_context.RULE,
    real_value_in_example_file.RULE, state_file_tracked.RULE,
)  # fmt: skip
SECRET = Filler("tracked files").fill("AWS_SECRET_ACCESS_KEY={{SECRET}}\n")
NAMES = (
    ".env", ".env.local", ".env.example", "prod.env", "accessKeys.csv", "x.csv", ".aws/credentials", ".s3cfg", ".netrc",
    ".passwd-s3fs", ".docker/config.json", "a.ini", "terraform.tfstate", "a.tfvars", "stack.json", "Dockerfile",
    ".dockerignore", ".gitignore", "config.yml.example", "compose.yaml", "package.json", ".bash_history",
)  # fmt: skip


HOSTILE = (
    b"COPY \\\n", b"RUN <<A\n", b"a:\n", b"build:\n", b"[a]\n", b"a,b\n", b'"plaintext": "', b"{", b"x:", b".env/\n",
    b"!.env\n", b"**/", b"[[\n", b"K_SECRET=a\n", b"#\n", b"password ",
)  # fmt: skip


def found(rule: object, folder: Path) -> list[Detection]:
    check = getattr(rule, "check_tree")  # noqa: B009 - every rule here has one
    return list(check(open_tree(folder).tree))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


def test_a_link_is_not_what_it_points_to(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "shared.env").write_text(SECRET)
    (repository.folder / ".env").symlink_to(tmp_path / "shared.env")
    repository.add()
    assert found(env_file_tracked.RULE, repository.folder) == []


def test_what_a_filter_decrypts_is_judged_as_git_holds_it(repository: Repository) -> None:
    repository.git("config", "filter.crypt.clean", "printf '\\000GITCRYPT\\000x'")
    repository.git("config", "filter.crypt.smudge", "cat")
    repository.write({".gitattributes": ".env filter=crypt\n.aws/* filter=crypt\n", ".env": SECRET})
    repository.write({".aws/credentials": f"[default]\n{SECRET.lower()}"})
    repository.add()
    assert found(env_file_tracked.RULE, repository.folder) == []
    assert found(credential_file_tracked.RULE, repository.folder) == []


def test_deleted_from_disk_is_still_tracked(repository: Repository) -> None:
    repository.write({".env": SECRET, "a b/.env": SECRET})
    repository.add()
    (repository.folder / ".env").unlink()
    (repository.folder / "a b/.env").unlink()
    severities = {one.path: one.severity for one in found(env_file_tracked.RULE, repository.folder)}
    assert severities == {".env": env_file_tracked.RULE.severity, "a b/.env": env_file_tracked.RULE.severity}


def test_a_folder_of_the_repository(repository: Repository) -> None:
    repository.write({"a/.env": SECRET, ".env": SECRET, "a/terraform.tfvars": 'db_password = "Xk29dLLq8"\n'})
    repository.add()
    assert [one.path for one in found(env_file_tracked.RULE, repository.folder / "a")] == [".env"]
    assert [one.path for one in found(state_file_tracked.RULE, repository.folder / "a")] == ["terraform.tfvars"]


@pytest.mark.parametrize("name", [b"\xff\xfe", "ü".encode(), b"a\nb", b"a b missing", b":(icase)x", b"-rf", b"x y z"])
def test_odd_names(repository: Repository, name: bytes) -> None:
    folder = os.path.join(os.fsencode(repository.folder), name)
    os.mkdir(folder)
    with open(os.path.join(folder, b".env"), "wb") as handle:
        handle.write(SECRET.encode())
    repository.add()
    (only,) = found(env_file_tracked.RULE, repository.folder)
    assert only.path == os.fsdecode(name) + "/.env"
    assert only.severity is env_file_tracked.RULE.severity


def test_an_unmerged_env_file(repository: Repository) -> None:
    oid = repository.git("hash-object", "-w", "--stdin", stdin=SECRET).strip()
    repository.git("update-index", "--index-info", stdin=f"100644 {oid} 1\t.env\n100644 {oid} 2\t.env\n")
    repository.write({".env": SECRET})
    assert [one.path for one in found(env_file_tracked.RULE, repository.folder)] == [".env"]


@pytest.mark.slow
def test_no_bytes_raise(repository: Repository) -> None:
    seeded = random.Random(11)
    words = [
        b"A=", b"\n", b'"', b"'", b"{", b"}", b"[", b"]", b":", b"COPY . .\n", b"AWS_SECRET_ACCESS_KEY", b"\\", b"\x00",
        b"\xff", b"<<EOF", b"!", b"*", b",", b"Secret access key,Access key ID\n", b"build:", b"  context: ", b"#",
        b" ",
    ]  # fmt: skip
    for _ in range(15):
        repository.write({name: b"".join(seeded.choices(words, k=120)) for name in NAMES})
        repository.git("add", "--force", "--all")
        for rule in RULES:
            found(rule, repository.folder)


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_files_take_linear_time(repository: Repository, unit: bytes) -> None:
    repository.write({name: unit * (50_000 // len(unit)) for name in NAMES if name != ".gitignore"})
    repository.git("add", "--force", "--all")
    started = time.process_time()
    for rule in RULES:
        found(rule, repository.folder)
    assert time.process_time() - started < 5 * PACE
