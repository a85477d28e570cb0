"""Tracked env files as people bring them: in a commit, in a push, in an audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.auditing import found
from tests.hooking import cloned, commit_leak, git, hooked, leak, stopped
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.auditing import Audit
    from tests.keys import Filler

SYMFONY = '{"require": {"symfony/framework-bundle": "7.1.*"}}'
SETTINGS = "APP_ENV=dev\n"


@pytest.fixture
def plain(tmp_path: Path) -> Repository:
    """A repository with hooks whose .gitignore says nothing of env files."""
    repo = hooked(tmp_path / "repo")
    repo.commit("ignore nothing", {".gitignore": "*.log\n"})
    return repo


@pytest.mark.parametrize("name", [".env", "services/api/.env.production", "a/.env.test.local", ".env.dev"])
def test_a_commit_that_brings_one_is_stopped(plain: Repository, name: str) -> None:
    leak(plain, name, SETTINGS)
    assert stopped(plain, "commit", "-qm", "x")


def test_what_symfony_has_committed_goes_through(plain: Repository) -> None:
    plain.commit("manifest", {"shop/composer.json": SYMFONY, ".gitignore": "/.env*\n.env.local\n.env.*.local\n"})
    leak(plain, "shop/.env", SETTINGS)
    assert not stopped(plain, "commit", "-qm", "x")
    leak(plain, "shop/.env.local", SETTINGS)
    assert stopped(plain, "commit", "-qm", "x")


def test_a_push_asks_the_commit_for_the_framework(tmp_path: Path) -> None:
    remote = Repository(tmp_path / "remote", bare=True)
    repo = cloned(tmp_path / "repo", remote)
    repo.commit("ignored", {".gitignore": "/.env*\n.env.local\n", "shop/composer.json": SYMFONY})
    assert git(repo.folder, "push", "-q", "origin", "main").returncode == 0
    commit_leak(repo, "shop/.env", SETTINGS)
    assert git(repo.folder, "push", "-q", "origin", "main").returncode == 0
    commit_leak(repo, "other/.env", SETTINGS)
    done = git(repo.folder, "push", "-q", "origin", "main")
    assert done.returncode and "other/.env" in done.stderr


@pytest.mark.parametrize("name", [".dev.vars", "web/.flaskenv", ".env.d/mail", ".envs/.production/.django"])
def test_the_history_knows_the_other_names(repo: Repository, filler: Filler, audit: Audit, name: str) -> None:
    first = repo.commit("secret", {name: filler.fill("API_TOKEN={{ALNUM:40}}\n")})
    repo.git("rm", "-q", name)
    repo.commit("clean up")
    assert found(audit("audit", repo.folder), "CG201")["exposure"]["first_commit"] == first


def test_one_without_secrets_that_is_gone_is_low(repo: Repository, audit: Audit) -> None:
    repo.commit("settings", {".env": SETTINGS, ".gitignore": ".env*\n"})
    assert found(audit("audit", repo.folder), "CG201")["severity"] == "medium"
    repo.git("rm", "-q", ".env")
    repo.commit("clean up")
    assert found(audit("audit", repo.folder), "CG201")["severity"] == "low"


def test_tracking_one_silences_nothing(repo: Repository, audit: Audit) -> None:
    files = {".env.example": "PORT=\n", "Dockerfile": "FROM a\nCOPY . .\n"}
    repo.commit("before", files)
    before = {one["rule_id"]: one["severity"] for one in audit("audit", repo.folder)["findings"]}
    repo.commit("tracked", {".env": SETTINGS})
    after = {one["rule_id"]: one["severity"] for one in audit("audit", repo.folder)["findings"]}
    assert before == {"CG202": "medium", "CG204": "medium"}
    assert after == before | {"CG201": "medium"}
