"""`credguard doctor`: file modes, malformed and root-named credentials, .env files and hooks; never a secret."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from credguard.hooks import install
from tests import processes
from tests.keys import Filler
from tests.repos import Repository, write

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
FILL = Filler("machine")
GOOD = FILL.fill("[default]\naws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
PROBLEM = "pre-commit is not in"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def lay(home: Path, files: dict[str, str], mode: int = 0o600, folder: int = 0o700) -> None:
    write(home, files)
    for name in files:
        (home / name).chmod(mode)
        if (home / name).parent != home:
            (home / name).parent.chmod(folder)


def run(home: Path, cwd: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    return processes.run_text(["doctor", *args], cwd=cwd, env=os.environ | {"HOME": str(home)} | environment)


def report(home: Path, cwd: Path, *args: str, **environment: str) -> dict[str, Any]:
    done = run(home, cwd, "--format", "json", *args, **environment)
    assert done.stdout, done.stderr
    assert not [secret for secret in FILL.secrets if secret[4:] in done.stdout + done.stderr]
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["exit_code"] == done.returncode
    return result


def found(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (f["rule_id"], f["locations"][0]["path"], str(f["attributes"].get("fault", ""))) for f in result["findings"]
    ]


def test_all_is_well(repo: Repository, home: Path) -> None:
    lay(home, {".aws/credentials": GOOD, ".aws/config": "[default]\nregion = eu-west-1\n", ".s3cfg": "[default]\n"})
    install.install(repo.folder)
    result = report(home, repo.folder)
    assert result["findings"] == [] and result["exit_code"] == 0
    assert result["target"]["hooks"]["checked"] is True and result["target"]["hooks"]["problems"] == []
    assert "The hooks work: pre-commit: blocks a generated key pair" in run(home, repo.folder).stdout


def test_nothing_there(home: Path, tmp_path: Path) -> None:
    result = report(home, tmp_path)
    assert result["findings"] == [] and result["exit_code"] == 0
    assert result["target"]["hooks"]["checked"] is False
    assert "this machine has no AWS credential files at the usual places" in result["coverage"]["notes"]


def test_hooks_that_are_not_there(repo: Repository, home: Path) -> None:
    result = report(home, repo.folder)
    assert result["exit_code"] == 1 and result["target"]["hooks"]["problems"][0].startswith(PROBLEM)
    assert f"The hooks do not work: {PROBLEM}" in run(home, repo.folder).stdout
    assert run(home, repo.folder, "--no-hooks").returncode == 0


@pytest.mark.parametrize(
    ("path", "mode", "text", "told"),
    [
        (".aws/credentials", 0o640, GOOD, True), (".aws/credentials", 0o604, GOOD, True),
        (".aws/credentials", 0o620, GOOD, True), (".aws/credentials", 0o400, GOOD, False),
        (".aws/config", 0o644, "[default]\nregion = x\n", False),
        (".aws/config", 0o664, "[default]\nregion = x\n", True),
        (".aws/config", 0o644, GOOD, True), (".aws/sso/cache/a.json", 0o644, "{}", True),
        (".aws/cli/cache/a.json", 0o644, "{}", True), (".aws/login/cache/a.json", 0o644, "{}", True),
        (".boto", 0o644, "[Boto]\nx = 1\n", False),
        (".boto", 0o644, "[Credentials]\naws_secret_access_key = x\n", True),
        (".s3cfg", 0o644, "[default]\n", True), (".passwd-s3fs", 0o644, "a:b\n", True),
        (".config/rclone/rclone.conf", 0o644, "[s]\ntype = s3\nsecret_access_key = x\n", True),
    ],
)  # fmt: skip
def test_modes(home: Path, tmp_path: Path, path: str, mode: int, text: str, told: bool) -> None:
    lay(home, {path: text}, mode)
    result = report(home, tmp_path)
    assert found(result) == ([("CG601", f"~/{path}", "mode")] if told else [])
    if told:
        assert result["findings"][0]["attributes"]["mode"] == f"{mode:04o}"
        assert f"chmod 600 ~/{path}" in result["findings"][0]["remediation"]


def test_a_folder_that_others_may_write_to(home: Path, tmp_path: Path) -> None:
    lay(home, {".aws/credentials": GOOD}, folder=0o770)
    assert found(report(home, tmp_path)) == [("CG601", "~/.aws", "mode")]
    (home / ".aws").chmod(0o755)
    assert found(report(home, tmp_path)) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_somebody_elses_file(home: Path, tmp_path: Path) -> None:
    lay(home, {".aws/credentials": GOOD})
    os.chown(home / ".aws" / "credentials", 12345, -1)
    assert found(report(home, tmp_path)) == [("CG601", "~/.aws/credentials", "owner")]


def test_a_link_into_a_repository(home: Path, tmp_path: Path) -> None:
    dotfiles = Repository(tmp_path / "dotfiles")
    lay(dotfiles.folder, {"aws": GOOD})
    (home / ".aws").mkdir(parents=True, mode=0o700)
    (home / ".aws" / "credentials").symlink_to(dotfiles.folder / "aws")
    assert found(report(home, tmp_path)) == [("CG601", "~/.aws/credentials", "link")]


def test_places_of_the_environment(home: Path, tmp_path: Path) -> None:
    lay(tmp_path / "else", {"keys": GOOD, "conf": "[work]\nregion = x\n"}, 0o644)
    keys, conf = str(tmp_path / "else" / "keys"), str(tmp_path / "else" / "conf")
    result = report(home, tmp_path, AWS_SHARED_CREDENTIALS_FILE=keys, AWS_CONFIG_FILE=conf)
    assert found(result) == [("CG602", conf, "no-profile-word"), ("CG601", keys, "mode")]
    assert found(report(home, tmp_path)) == []


def test_malformed_and_root_named(home: Path, tmp_path: Path) -> None:
    text = FILL.fill(
        "[default]\naws_access_key_id = '{{AKID}}'\naws_secret_access_key = {{SECRET}}\n"
        "[root]\naws_access_key_id = {{AKID.2}}\naws_secret_access_key = {{SECRET.2}}\n"
    )
    lay(home, {".aws/credentials": text})
    result = report(home, tmp_path)
    assert [(rule, path) for rule, path, _ in found(result)] == [
        ("CG602", "~/.aws/credentials"),
        ("CG304", "~/.aws/credentials"),
    ]
    assert [f["locations"][0]["line"] for f in result["findings"]] == [2, 5]


def test_env_files_that_git_ignores(repo: Repository, home: Path) -> None:
    repo.write({
        ".gitignore": ".env*\nnode_modules/\n", "api/.env.local": FILL.fill("AWS_ACCESS_KEY_ID={{AKID}}X\n"),
        "node_modules/a/.env": FILL.fill("AWS_ACCESS_KEY_ID={{AKID}}X\n"),
        ".env.example": FILL.fill("AWS_ACCESS_KEY_ID={{AKID}}X\n"),
    })  # fmt: skip
    assert found(report(home, repo.folder, "--no-hooks")) == [("CG602", "api/.env.local", "length")]
    assert found(report(home, repo.folder.parent, "--no-hooks", "repo")) == [("CG602", "api/.env.local", "length")]


def test_a_pipe_is_not_waited_for(home: Path, tmp_path: Path) -> None:
    (home / ".aws").mkdir(parents=True, mode=0o700)
    os.mkfifo(home / ".aws" / "credentials")
    result = report(home, tmp_path)
    assert result["exit_code"] == 0
    assert "~/.aws/credentials is not a regular file and has no content to scan" in result["coverage"]["notes"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_said(home: Path, tmp_path: Path) -> None:
    lay(home, {".aws/credentials": GOOD}, mode=0o000)
    result = report(home, tmp_path)
    assert result["exit_code"] == 3
    assert result["coverage"]["skipped"][0]["path"] == "~/.aws/credentials"


def test_no_folder(home: Path, tmp_path: Path) -> None:
    done = run(home, tmp_path, "missing")
    assert done.returncode == 2 and "missing is not a folder" in done.stderr
