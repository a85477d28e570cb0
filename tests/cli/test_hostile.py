"""No setting of a repository, a user or an environment changes what the hooks find, or makes them run a program."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

LEAK = Filler("hostile").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
PUSHED = Filler("hostile").fill("aws_access_key_id = {{AKID.2}}\naws_secret_access_key = {{SECRET.2}}\n")
# Key and value; {run} is a program that leaves a mark. Each is set in the repository, and all together in
# the repository, for the user, and by the environment.
SETTINGS = {
    "alias.cat-file": "!{run}",
    "alias.diff-index": "!{run}",
    "alias.rev-list": "!{run}",
    "color.branch": "always",
    "color.diff": "always",
    "color.diff.new": "red bold ul",
    "color.ui": "always",
    "column.ui": "always",
    "core.abbrev": "4",
    "core.alternateRefsCommand": "{run}",
    "core.askPass": "{run}",
    "core.attributesFile": "{attributes}",
    "core.autocrlf": "true",
    "core.commentChar": ";",  # a letter would be followed, as git follows it
    "core.editor": "{run}",
    "core.eol": "crlf",
    "core.excludesFile": "{attributes}",
    "core.fsmonitor": "{run}",
    "core.gitProxy": "{run}",
    "core.hooksPath": "{hooks}",
    "core.ignoreCase": "true",
    "core.ignoreStat": "true",
    "core.pager": "{run}",
    "core.precomposeUnicode": "true",
    "core.quotePath": "true",
    "core.safecrlf": "true",
    "core.sparseCheckout": "true",
    "core.splitIndex": "true",
    "core.sshCommand": "{run}",
    "core.untrackedCache": "true",
    "core.useReplaceRefs": "true",
    "core.whitespace": "cr-at-eol",
    "commit.cleanup": "strip",
    "commit.gpgSign": "true",
    "credential.helper": "!{run}",
    "diff.algorithm": "patience",
    "diff.context": "0",
    "diff.external": "{run}",
    "diff.ignoreSubmodules": "all",
    "diff.ini.binary": "true",
    "diff.ini.command": "{run}",
    "diff.ini.textconv": "{run}",
    "diff.mnemonicPrefix": "true",
    "diff.noprefix": "true",
    "diff.orderFile": "{order}",
    "diff.relative": "true",
    "diff.renames": "copies",
    "diff.submodule": "log",
    "diff.tool": "{run}",
    "fetch.recurseSubmodules": "true",
    "filter.ini.clean": "{run}",
    "filter.ini.process": "{run}",
    "filter.ini.required": "true",
    "filter.ini.smudge": "{run}",
    "gpg.program": "{run}",
    "include.path": "{include}",
    "includeIf.gitdir:/.path": "{include}",
    "index.sparse": "true",
    "interactive.diffFilter": "{run}",
    "log.excludeDecoration": "*",
    "log.follow": "true",
    "log.showSignature": "true",
    "maintenance.auto": "true",
    "pager.cat-file": "{run}",
    "pager.diff-index": "{run}",
    "pager.rev-list": "{run}",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "protocol.file.allow": "always",
    "receive.fsckObjects": "true",
    "remote.pushDefault": "elsewhere",
    "safe.bareRepository": "explicit",
    "safe.directory": "",
    "status.showUntrackedFiles": "no",
    "submodule.recurse": "true",
    "transfer.hideRefs": "refs/",
    "uploadpack.packObjectsHook": "{run}",
    "url.ext::{run}.insteadOf": "/",
}
ENVIRONMENT = {
    "GIT_ASKPASS": "{run}",
    "GIT_ATTR_NOSYSTEM": "0",
    "GIT_ATTR_SOURCE": "HEAD",
    "GIT_DIFF_OPTS": "-u0",
    "GIT_EDITOR": "{run}",
    "GIT_EXTERNAL_DIFF": "{run}",
    "GIT_FLUSH": "0",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_GRAFT_FILE": "{grafts}",
    "GIT_ICASE_PATHSPECS": "0",
    "GIT_NO_LAZY_FETCH": "0",
    "GIT_OPTIONAL_LOCKS": "1",
    "GIT_PAGER": "{run}",
    "GIT_PREFIX": "elsewhere/",
    "GIT_PROTOCOL_FROM_USER": "1",
    "GIT_ALLOW_PROTOCOL": "ext:file",
    "GIT_REPLACE_REF_BASE": "refs/heads/",
    "GIT_SSH": "{run}",
    "GIT_SSH_COMMAND": "{run}",
    "GIT_TEST_FSMONITOR": "{run}",
    "GIT_TRACE": "1",
    "GIT_TRACE2": "1",
    "GIT_TRACE2_EVENT": "{mark}",
    "GIT_TRACE_PACKET": "{mark}",
    "GIT_TRACE_SETUP": "{mark}",
    "LANG": "de_DE.UTF-8",
    "LANGUAGE": "de",
    "LC_ALL": "tr_TR.UTF-8",
    "LESSOPEN": "|{run}",
    "PAGER": "{run}",
    "SSH_ASKPASS": "{run}",
    "TZ": "Nowhere/Nothing",
}
STOPPED = [1, 1, 1]


@dataclass(frozen=True, slots=True)
class Place:
    """A repository in which a key is staged and another committed, and the things that settings lead to."""

    repo: Repository
    folder: Path
    root: str
    tip: str

    @property
    def mark(self) -> Path:
        """What appears when a program was run, or something was traced."""
        return self.folder / "mark"

    def filled(self, text: str) -> str:
        names = ("attributes", "hooks", "order", "include", "grafts", "mark", "run")
        for name in names:
            text = text.replace(f"{{{name}}}", str(self.folder / name))
        return text

    def run(self, *args: str, stdin: str = "", **environment: str) -> tuple[int, bytes]:
        done = processes.run(
            [*args, "--format=json"], cwd=self.repo.folder, env=clean_environment() | environment, stdin=stdin.encode()
        )
        assert not done.stderr, done.stderr
        report = json.loads(done.stdout)
        shown = [
            (f["rule_id"], f["severity"], f["locations"], f["fingerprint"], f["outcome"]) for f in report["findings"]
        ]
        return done.returncode, json.dumps([shown, report["coverage"]]).encode()

    def reports(self, **environment: str) -> list[tuple[int, bytes]]:
        """What the hooks say of what is staged and of what is pushed."""
        line = f"refs/heads/main {self.tip} refs/heads/main {self.root}\n"
        return [
            self.run("hook", "pre-commit", **environment),
            self.run("hook", "pre-push", "origin", "elsewhere", stdin=line, **environment),
        ]

    def plain(self, **environment: str) -> list[int]:
        """Exit codes of the hooks as git calls them: with these arguments they try a quick way first."""
        (self.folder / "message").write_text(f"subject\n\n{LEAK}")
        calls = (["pre-commit"], ["pre-merge-commit"], ["commit-msg", str(self.folder / "message")])
        return [
            processes.run(["hook", *call], cwd=self.repo.folder, env=clean_environment() | environment).returncode
            for call in calls
        ]  # fmt: skip


def program(path: Path, mark: Path) -> None:
    path.write_text(f'#!/bin/sh\necho "$0 $*" >>"{mark}"\ncat 2>/dev/null\n')
    path.chmod(0o755)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("hostile")
    repo = Repository(folder / "repo")
    program_text = "from dotenv import load_dotenv\nload_dotenv()\n"
    root = repo.commit("begin", {"a.ini": "x\n", ".gitignore": ".env\n.env.*\n", "app.py": program_text})
    tip = repo.commit("leak", {"b.ini": PUSHED})
    # What a rule says of ignore rules depends on a program that loads env files.
    repo.write({"c.ini": LEAK, "fine.ini": "nothing\n", ".gitignore": "*.pyc\n"})
    repo.add()
    program(folder / "run", folder / "mark")
    (folder / "hooks").mkdir()
    for name in ("pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        program(folder / "hooks" / name, folder / "mark")
    text = "* -diff binary -text filter=ini diff=ini merge=ours export-ignore working-tree-encoding=UTF-16\n"
    for file in (folder / "attributes", folder / "repo" / ".git" / "info" / "attributes"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (folder / "order").write_text("nothing\n")
    (folder / "include").write_text(f"[core]\n\tpager = {folder}/run\n[color]\n\tui = always\n")
    (folder / "grafts").write_text(f"{tip} {root}\n")
    return Place(repo, folder, root, tip)


@pytest.fixture(scope="module")
def expected(place: Place) -> list[tuple[int, bytes]]:
    found = place.reports()
    assert [code for code, _ in found] == [1, 1] and place.plain() == STOPPED
    assert b"c.ini" in found[0][1] and b"CG202" in found[0][1] and b'"medium"' in found[0][1]
    assert b"b.ini" in found[1][1]
    return found


@pytest.mark.parametrize("key", SETTINGS)
def test_a_setting_of_the_repository(place: Place, expected: list[tuple[int, bytes]], key: str) -> None:
    config = place.repo.folder / ".git" / "config"
    before = config.read_bytes()
    place.repo.git("config", place.filled(key), place.filled(SETTINGS[key]))
    try:
        assert place.reports() == expected
        assert not place.mark.exists()
    finally:
        config.write_bytes(before)


def settings_file(place: Place) -> Path:
    """All settings in one file."""
    file = place.folder / "all"
    for key, value in SETTINGS.items():
        place.repo.git("config", "--file", str(file), place.filled(key), place.filled(value))
    return file


def test_all_of_them(place: Place, expected: list[tuple[int, bytes]]) -> None:
    file = settings_file(place)
    config = place.repo.folder / ".git" / "config"
    before = config.read_bytes()
    try:
        assert place.reports(GIT_CONFIG_GLOBAL=str(file)) == expected
        assert place.plain(GIT_CONFIG_GLOBAL=str(file)) == STOPPED
        assert place.reports(GIT_CONFIG_SYSTEM=str(file), GIT_CONFIG_NOSYSTEM="0") == expected
        config.write_bytes(before + file.read_bytes())
        assert place.reports() == expected and place.plain() == STOPPED
    finally:
        config.write_bytes(before)
    assert not place.mark.exists()


def test_settings_by_the_environment(place: Place, expected: list[tuple[int, bytes]]) -> None:
    pairs = {place.filled(k): place.filled(v) for k, v in SETTINGS.items()}
    counted = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs.items()):
        counted |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    assert place.reports(**counted) == expected and place.plain(**counted) == STOPPED
    quoted = " ".join(f"'{key}'='{value}'".replace("!", "'\\!'") for key, value in pairs.items())
    assert place.reports(GIT_CONFIG_PARAMETERS=quoted) == expected  # as `git -c KEY=VALUE commit` sets it
    assert not place.mark.exists()


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_variable_of_the_environment(place: Place, expected: list[tuple[int, bytes]], name: str) -> None:
    assert place.reports(**{name: place.filled(ENVIRONMENT[name])}) == expected
    assert not place.mark.exists()


def test_all_variables(place: Place, expected: list[tuple[int, bytes]]) -> None:
    everything = {name: place.filled(value) for name, value in ENVIRONMENT.items()}
    assert place.reports(**everything) == expected and place.plain(**everything) == STOPPED
    assert not place.mark.exists()


def test_attributes_of_the_user(place: Place, expected: list[tuple[int, bytes]]) -> None:
    home = place.folder / "xdg"
    (home / "git").mkdir(parents=True)
    (home / "git" / "attributes").write_bytes((place.folder / "attributes").read_bytes())
    (home / "git" / "ignore").write_text("*.ini\n")
    assert place.reports(XDG_CONFIG_HOME=str(home)) == expected


def test_attributes_that_are_committed(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.commit("attributes", {".gitattributes": "* -diff binary export-ignore\n*.ini filter=none diff=none\n"})
    repo.write({"c.ini": LEAK})
    repo.add()
    done = processes.run(["hook", "pre-commit"], cwd=tmp_path, env=clean_environment())
    assert done.returncode == 1 and b"c.ini" in done.stderr


@pytest.mark.parametrize("url", ["ext::{run}", "file:///nowhere", "ssh://-oProxyCommand={run}/x", "{run}"])
def test_what_is_missing_is_not_fetched(tmp_path: Path, url: str) -> None:
    """A partial clone's remote may name a program; the protocol settings say that it may run."""
    program(tmp_path / "run", tmp_path / "mark")
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.py": "x\n"})
    for key, value in {
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin", "remote.origin.promisor": "true",
        "remote.origin.url": url.format(run=tmp_path / "run"), "remote.origin.uploadpack": str(tmp_path / "run"),
        "core.sshCommand": str(tmp_path / "run"), "protocol.allow": "always", "protocol.ext.allow": "always",
        "protocol.file.allow": "always", "protocol.ssh.allow": "always",
    }.items():  # fmt: skip
        repo.git("config", key, value)
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{'1' * 40},b.py")
    for _ in range(2):  # the second time the quick way may be taken
        done = processes.run(
            ["hook", "pre-commit"], cwd=repo.folder, env=clean_environment() | {"GIT_NO_LAZY_FETCH": "0"}
        )
        assert done.returncode == 3 and b"b.py" in done.stderr
    assert not (tmp_path / "mark").exists()


def test_the_same_program_would_run_without_care(place: Place) -> None:
    """The settings above are alive: plain git runs the program."""
    subprocess.run(
        ["git", "-c", f"diff.external={place.folder}/run", "diff", "--cached", "--ext-diff"], cwd=place.repo.folder,
        env=clean_environment(), capture_output=True, check=False,
    )  # fmt: skip
    assert place.mark.exists()
    place.mark.unlink()
