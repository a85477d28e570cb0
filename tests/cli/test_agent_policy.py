"""What a policy may say to the hook of AI agents, and what no repository can say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.agent_payloads import after, ask_hook, command, decide, prompt
from tests.hooking import credguard, git, hooked
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

FILLER = Filler("agent policy")
KEY_ID, SECRET = FILLER.fill("{{AKID}}"), FILLER.fill("{{SECRET}}")
PAIR = f"aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


def decision(repo: Repository, payload: dict[str, object], **environment: str) -> str:
    return decide("claude", payload, ask_hook(payload, repo.folder, **environment))


def set_mode(repo: Repository, text: str, *, committed: bool = True) -> None:
    repo.write({".credguard.yaml": f"version: 1\n{text}\n"})
    if committed:
        repo.add(".")
        repo.commit("policy")


def test_mode(repo: Repository) -> None:
    repo.commit("begin", {"a.ini": PAIR})
    asked = prompt("claude", repo.folder, f"use {KEY_ID} {SECRET}")
    reads = command("claude", repo.folder, "cat a.ini")
    for mode, wanted in (("block", "deny"), ("warn", "allow"), ("off", "allow")):
        set_mode(repo, f"agent: {{mode: {mode}}}")
        assert decision(repo, asked) == decision(repo, reads) == wanted
        said = ask_hook(asked, repo.folder).stderr.decode()
        assert ("would stop this" in said) == (mode == "warn")
        assert SECRET not in said


def test_what_the_agent_writes_is_no_policy(repo: Repository) -> None:
    """The policy that counts is that of the commit: a change of it is seen there."""
    repo.commit("begin", {"a.ini": PAIR})
    set_mode(repo, "agent: {mode: 'off'}", committed=False)
    assert decision(repo, command("claude", repo.folder, "cat a.ini")) == "deny"
    repo.add(".")
    assert decision(repo, command("claude", repo.folder, "cat a.ini")) == "deny"


def test_a_repository_says_nothing_of_what_is_not_its_own(repo: Repository, tmp_path: Path) -> None:
    repo.commit("begin", {"a.txt": "x\n"})
    set_mode(repo, "agent: {mode: 'off'}")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(f"[default]\n{PAIR}")
    (tmp_path / "other.ini").write_text(Filler("other").fill("id = {{AKID}}\nsecret = {{SECRET}}\n"))
    home = {"HOME": str(tmp_path)}
    assert decision(repo, prompt("claude", repo.folder, f"use {SECRET}"), **home) == "deny"
    assert decision(repo, command("claude", repo.folder, "cat ~/.aws/credentials"), **home) == "deny"
    assert decision(repo, command("claude", repo.folder, "cat ../other.ini"), **home) == "deny"
    assert decision(repo, after("claude", repo.folder, f"k {SECRET}\n"), **home) == "withheld"


def test_exceptions_and_excluded_paths_count_and_comments_and_baseline_do_not(repo: Repository) -> None:
    repo.commit(
        "begin",
        {"a.ini": PAIR, "fixtures/.env": "A=1\n", "b.py": f'X = ("{KEY_ID}", "{SECRET}")  # credguard: allow test\n'},
    )
    assert decision(repo, command("claude", repo.folder, "cat fixtures/.env")) == "deny"
    set_mode(repo, "paths: {exclude: ['fixtures/**']}")
    assert decision(repo, command("claude", repo.folder, "cat fixtures/.env")) == "allow"
    assert credguard("baseline", "create", cwd=repo.folder).returncode == 0
    repo.add(".", force=True)
    repo.commit("baseline")
    assert decision(repo, command("claude", repo.folder, "cat a.ini")) == "deny"
    assert decision(repo, command("claude", repo.folder, "cat b.py")) == "deny"
    found = credguard("scan", "--format", "json", "a.ini", "--baseline", "none.txt", cwd=repo.folder).stdout
    fingerprint = json.loads(found)["findings"][0]["fingerprint"]
    set_mode(repo, f"allow: [{{fingerprint: {fingerprint}, reason: an example}}]")
    assert decision(repo, command("claude", repo.folder, "cat a.ini")) == "allow"


def test_what_happens_where_it_cannot_check(repo: Repository) -> None:
    repo.commit("begin", {"a.txt": "x\n"})
    with (repo.folder / "large.log").open("wb") as handle:
        handle.truncate(49 << 20)
    reads = command("claude", repo.folder, "cat large.log")
    for said, wanted in (("deny", "deny"), ("warn", "allow")):
        set_mode(repo, f"agent: {{on-error: {said}}}")
        assert decision(repo, reads) == wanted
        assert b"could not check" in ask_hook(reads, repo.folder).stderr


def test_a_policy_that_cannot_be_followed_is_a_no(repo: Repository) -> None:
    repo.commit("begin", {"a.ini": PAIR, ".credguard.yaml": "agent: {mode: sometimes}\n"})
    assert decision(repo, command("claude", repo.folder, "cat a.ini")) == "deny"


@pytest.mark.parametrize("text", ["mode: warn", "mode: 'off'", "on-error: warn"])
def test_a_change_that_loosens_it_is_stopped(tmp_path: Path, text: str) -> None:
    repo = hooked(tmp_path / "repo")
    base = repo.git("rev-parse", "HEAD").strip()
    set_mode(repo, f"agent: {{{text}}}", committed=False)
    repo.add(".")
    assert git(repo.folder, "commit", "-qnm", "loosen").returncode == 0
    done = credguard("scan", "--range", f"{base}..HEAD", cwd=repo.folder)
    assert done.returncode == 1 and "CG005" in done.stdout
