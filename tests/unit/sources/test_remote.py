"""Cloning for an audit: nothing unsafe is run, nothing secret is said, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

from credguard.errors import CredguardError, ExitCode
from credguard.git import clone
from credguard.system import scratch
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "origin")
    repo.commit("begin", {"a.txt": "one\n"})
    repo.git("branch", "side")
    repo.git("update-ref", "refs/pull/7/head", "HEAD")
    return repo


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("https://example.com/a.git", True), ("ssh://git@example.com/a", True), ("git@example.com:a/b.git", True),
        ("file:///srv/a.git", True), ("ext::sh -c id", True), ("fd::17", True), (".", False), ("a/b", False),
        ("/srv/a", False), ("C:\\repo", False), ("a:b/c", False), ("./x@y:z", False),
    ],
)  # fmt: skip
def test_what_is_a_url(target: str, url: bool) -> None:
    assert clone.is_url(target) is url


def test_a_clone_has_every_ref_is_private_and_is_gone_afterwards(origin: Repository) -> None:
    stages = []
    with clone.clone_mirror(origin.folder.as_uri(), lambda stage, _share: stages.append(stage)) as path:
        refs = subprocess.run(["git", "for-each-ref"], cwd=path, capture_output=True, text=True, check=True).stdout
        assert "refs/pull/7/head" in refs and "refs/heads/side" in refs
        assert not list((path / "hooks").glob("*")) if (path / "hooks").exists() else True
        if os.name == "posix":
            assert path.parent.stat().st_mode & 0o077 == 0
    assert stages and not path.exists() and not path.parent.exists()


def test_an_error_inside_removes_the_clone(origin: Repository) -> None:
    with pytest.raises(KeyboardInterrupt), clone.clone_mirror(origin.folder.as_uri()) as path:
        raise KeyboardInterrupt
    assert not path.parent.exists()


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'touch pwned'", "ext://sh/-c", "fd::3", "EXT::x", "-uorigin", "ssh://-oProxyCommand=id/x",
            "git@-oProxyCommand=id:x", "https://example.com/\nx", "gopher://example.com/x"],
)  # fmt: skip
def test_addresses_that_would_run_something_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(CredguardError) as refused, clone.clone_mirror(url):
        pass
    assert refused.value.code is ExitCode.USAGE
    assert not (tmp_path / "pwned").exists()


def test_what_cannot_be_cloned_is_incomplete_and_no_password_is_said(own_temporary_folder: Path) -> None:
    url = "https://ada:hunter2hunter2@127.0.0.1:1/x.git?token=abcabcabc"
    with pytest.raises(CredguardError) as failed, clone.clone_mirror(url):
        pass
    assert failed.value.code is ExitCode.INCOMPLETE
    words = f"{failed.value} {failed.value.hint} {failed.value.__cause__!r}"
    assert "127.0.0.1" in words and "hunter2" not in words and "abcabc" not in words and "ada" not in words
    assert not list(own_temporary_folder.iterdir())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://u:PASSWORD/x@host/r", "https://host/r"), ("https://u:PASSWORD#x@host", "https://host"),
        ("https://u:PASSWORD?x@host", "https://host"), ("git://u:PASSWORD@host/x", "git://host/x"),
        ("https://u:PASSWORD\\@host", "https://host"), ("u:PASSWORD@host:path", "host:path"),
        ("https:/u:PASSWORD@host", "https:/host"), ("//u:PASSWORD@host", "//host"),
        (" https://u:PASSWORD@host", "https://host"), ("ext::sh -c PASSWORD", "ext::"), ("https://u:PASSWORD", "https://u"),
        ("http://host/x;token=PASSWORD", "http://host/x"), ("https://host:8443/x", "https://host:8443/x"),
        ("https://[::1]:80/x", "https://[::1]:80/x"), ("ssh://u:P@SSWORD@host:22/x", "ssh://host:22/x"),
        ("PASSWORD@host:a/b.git", "host:a/b.git"), ("/srv/a", "/srv/a"), ("./a@b", "./a@b"),
    ],
)  # fmt: skip
def test_what_is_said_of_an_address(address: str, said: str) -> None:
    assert clone.redact_url(address) == said


def test_a_folder_keeps_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "a:b@c"
    folder.mkdir()
    assert clone.redact_url(str(folder)) == str(folder)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("fatal: unable to access 'https://timed out@h/': Could not resolve host: x", "not known"),
        ("fatal: unable to look up SECRET@h (port 9418) (Name or service not known)", "not known"),
        ("fatal: Authentication failed for 'https://h/not found'", "denied"),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 403", "denied"),
        ("remote: Not Found\nfatal: repository 'https://h/x/' not found", "no repository"),
        ("ssh: connect to host h port 22: Connection timed out", "in time"), ("fatal: SECRET", "could not fetch"),
    ],
)  # fmt: skip
def test_reasons_are_said_in_words_of_our_own(words: str, reason: str) -> None:
    said = clone._explain_error(words)
    assert reason in said and "SECRET" not in said and "http" not in said


WRITER = """
import os, sys, time
while True:
    os.makedirs(sys.argv[1], exist_ok=True)
    open(os.path.join(sys.argv[1], "tmp_idx"), "w").close()
    time.sleep(0.001)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="processes that tell their environment")
def test_what_git_has_started_for_a_clone_ends_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "credguard-scratch-1-abc"
    variables = {**os.environ, "GIT_TEMPLATE_DIR": str(folder / "template")}
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder / "objects" / "pack")], env=variables)
    try:
        while not (folder / "objects" / "pack" / "tmp_idx").exists():
            time.sleep(0.01)
        scratch.remove(str(folder))
        assert not folder.exists()
        assert writer.wait(5) == -signal.SIGKILL
        assert not folder.exists()
    finally:
        writer.kill()
        writer.wait()


def test_a_signal_that_comes_with_the_removal_waits_for_its_end(
    origin: Repository, own_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = scratch.remove

    def interrupted(path: str) -> None:
        signal.raise_signal(signal.SIGINT)
        remove(path)

    monkeypatch.setattr(scratch, "remove", interrupted)
    with pytest.raises(KeyboardInterrupt), clone.clone_mirror(origin.folder.as_uri()):
        pass
    assert not list(own_temporary_folder.iterdir())


SCRIPT = """
import sys, time
from credguard.git import clone as remote
with remote.clone_mirror(sys.argv[1]) as path:
    print(path, flush=True)
    time.sleep(60)
"""


def started(origin: Repository) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, origin.folder.as_uri()], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    with process.stdout as words:
        return process, words.readline().strip()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_removes_the_clone(origin: Repository, number: str) -> None:
    sent = getattr(signal, number)
    process, path = started(origin)
    assert os.path.exists(path)
    process.send_signal(sent)
    assert process.wait(20) != 0
    assert not os.path.exists(os.path.dirname(path))
