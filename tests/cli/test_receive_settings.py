"""What a server settles for its hook: a deadline, a queue, who may push past findings, a log, and its web interface."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from credguard.engine.receive import RefUpdate, scan_push
from credguard.engine.session import Session
from credguard.git.repository import Git
from credguard.policy.resolve import PolicyResolver
from credguard.sources.time_limit import TimeLimit, is_late
from tests import processes
from tests.caches import as_root, owners, posix
from tests.hooking import KEY_ID, LEAK, SECRET, ZERO, git, hook
from tests.repos import Repository, clean_environment

pytestmark = posix
AT_ONCE = "0.001"


class Server:
    """A repository that receives, its hook with options, and a clone to push from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bare = Repository(folder / "server", bare=True)
        self.bare.git("config", "receive.advertisePushOptions", "true")
        self.work = Repository(folder / "work")
        self.work.commit("begin", {"a.py": "x = 1\n"})
        self.work.git("remote", "add", "origin", str(self.bare.folder))
        self.work.git("push", "-q", "origin", "main")
        self.queue, self.log, self.users = folder / "queue", folder / "audit.log", folder / "users"
        self.users.write_text("# who may\nada\n")
        self.users.chmod(0o644)

    def settle(self, *options: str) -> None:
        """Writes the hook."""
        text = processes.format_hook("pre-receive").replace('"$@"', " ".join(f"'{one}'" for one in options) + ' "$@"')
        hook(self.bare.folder / "hooks", "pre-receive", text)

    def push(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A push; no output shows the secret."""
        done = git(self.work.folder, "push", "-q", *words, "origin", "HEAD:refs/heads/x", **environment)
        assert SECRET[4:] not in done.stderr + done.stdout
        return done

    def has(self, branch: str = "x") -> bool:
        """Whether the branch came in."""
        return branch in self.bare.git("branch", "--list", branch)

    def run_queue(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`credguard queue run`."""
        done = processes.run_text(["queue", "run", str(self.queue), *words], cwd=self.folder, env=clean_environment())
        assert SECRET[4:] not in done.stderr + done.stdout
        return done

    def read_log(self) -> list[dict[str, Any]]:
        """The records of the audit log, which hold no value."""
        text = self.log.read_text() if self.log.exists() else ""
        assert SECRET[4:] not in text
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_what_is_late_is_refused(server: Server) -> None:
    server.settle("--deadline", AT_ONCE)
    server.work.commit("late", {"b.py": "y = 1\n"})
    done = server.push()
    assert done.returncode and "0.001 s" in done.stderr and not server.has()


def test_what_is_late_is_let_in_and_scanned_later(server: Server) -> None:
    server.settle(
        "--deadline", AT_ONCE, "--on-deadline", "accept-and-queue", "--queue", str(server.queue), "--audit-log",
        str(server.log),
    )  # fmt: skip
    server.work.commit("late", {"b.py": LEAK})
    done = server.push(REMOTE_USER="ada", GATEWAY_INTERFACE="CGI/1.1")
    assert done.returncode == 0 and "will be scanned later" in done.stderr and server.has()
    (waiting,) = server.queue.iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (server.queue, waiting)] == [0o700, 0o600]
    assert stat.S_IMODE(server.log.stat().st_mode) & ~0o640 == 0, "it names users: others do not read it"
    (record,) = server.read_log()
    assert (record["event"], record["user"]) == ("queued", "ada")
    found = server.run_queue("--format", "json")
    report = json.loads(found.stdout)
    assert found.returncode == report["exit_code"] == 1
    (finding,) = report["findings"]
    assert finding["rule_id"] == "CG103" and finding["locations"][0]["path"] == f"{server.bare.folder}/b.py"
    assert not list(server.queue.iterdir())
    again = server.run_queue()
    assert again.returncode == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="without an alarm some of it is judged at once")
def test_a_queue_is_judged_as_the_hook_would_have_done(server: Server) -> None:
    """By the policy that the server had, without what it had, and each push for itself."""
    server.work.commit("known", {"old.py": LEAK})
    server.work.git("push", "-q", "origin", "HEAD:refs/heads/old")
    server.settle("--deadline", AT_ONCE, "--on-deadline", "accept-and-queue", "--queue", str(server.queue))
    server.work.commit("loosened", {".credguard.yaml": "rules: {CG101: off}\n", "c.py": f"k = '{KEY_ID}'\n"})
    assert server.push().returncode == 0
    server.work.commit("clean", {"d.py": "z = 1\n"})
    assert server.push().returncode == 0
    report = json.loads(server.run_queue("--format", "json").stdout)
    assert sorted(one["rule_id"] for one in report["findings"]) == ["CG005", "CG005", "CG101"]
    assert not list(server.queue.iterdir())


def test_a_queued_push_whose_objects_are_gone_stays(server: Server) -> None:
    server.settle("--deadline", AT_ONCE, "--on-deadline", "accept-and-queue", "--queue", str(server.queue))
    server.work.commit("gone", {"b.py": LEAK})
    assert server.push().returncode == 0
    (server.queue / "torn.push.json").write_text('{"schema": 1, "repo')
    server.bare.git("update-ref", "-d", "refs/heads/x")
    server.bare.git("gc", "-q", "--prune=now")
    done = server.run_queue()
    assert done.returncode == 3 and "is no longer there" in done.stdout and "is no queued push" in done.stdout
    assert len(list(server.queue.iterdir())) == 2


def test_a_key_that_is_found_in_time_is_refused_all_the_same(server: Server) -> None:
    server.settle("--deadline", "600", "--on-deadline", "accept-and-queue", "--queue", str(server.queue))
    server.work.commit("bad", {"b.py": LEAK})
    assert server.push().returncode and not server.has() and not server.queue.exists()


def test_a_queue_that_cannot_be_written_lets_nothing_in(server: Server) -> None:
    server.queue.write_text("")
    server.settle("--deadline", AT_ONCE, "--on-deadline", "accept-and-queue", "--queue", str(server.queue))
    server.work.commit("late", {"b.py": "y = 1\n"})
    done = server.push()
    assert done.returncode and "could not be queued" in done.stderr and not server.has()


class Ending:
    """A clock that has time for so many questions."""

    seconds = 4.5

    def __init__(self, questions: int) -> None:
        self._left = questions

    def has_time(self, share: float = 1) -> bool:
        self._left -= share > 0
        return self._left >= 0


@pytest.mark.parametrize(("questions", "found"), [(0, False), (30, True), (9999, True)])
def test_the_newest_commits_come_first(
    server: Server, monkeypatch: pytest.MonkeyPatch, questions: int, found: bool
) -> None:
    for number in range(20):
        server.work.commit(f"c{number}", {f"f{number}.py": f"v = {number}\n"})
    new = server.work.commit("newest", {"f20.py": LEAK})
    monkeypatch.chdir(server.work.folder / ".git")
    server.work.git("checkout", "-q", "--detach")
    server.work.git("branch", "-f", "main", "HEAD~21")
    session = Session(in_hook=True, stage="pre-receive")
    update = RefUpdate(ZERO, new, "refs/heads/x")
    server.work.git("update-ref", "--no-deref", "HEAD", "main")
    limit = TimeLimit(Ending(questions))
    run = scan_push(session, Git(Path.cwd()), PolicyResolver("pre-receive"), [update], limit=limit)
    assert any(one.rule_id == "CG103" for one in run.result.findings) == found
    skipped = run.result.coverage.skipped
    assert all(map(is_late, skipped)) and bool(skipped) == (questions < 9999)


def bypass(server: Server) -> tuple[str, ...]:
    return (
        "--bypass-option", "break-glass", "--bypass-users", str(server.users), "--audit-log", str(server.log),
    )  # fmt: skip


def test_a_bypass_is_for_users_of_the_server_alone_and_logged(server: Server) -> None:
    server.settle(*bypass(server))
    server.work.commit("bad", {"b.py": LEAK})
    http = {"GATEWAY_INTERFACE": "CGI/1.1"}
    option = "--push-option=break-glass=prod is down"
    assert server.push(REMOTE_USER="ada", **http).returncode  # who did not ask for it
    assert server.push(option, REMOTE_USER="eve", **http).returncode
    assert server.push(option).returncode  # who is nobody
    assert server.push(option, REMOTE_USER="ada").returncode  # of a variable that no server has set
    two_servers = {"GL_REPOSITORY": "project-1", "GL_USERNAME": "ada", "GL_REPO": "demo", "GL_USER": "eve"}
    assert server.push(option, REMOTE_USER="eve", **http, **two_servers).returncode
    assert not server.has()
    assert [(one["event"], one["user"]) for one in server.read_log()] == [
        ("refused", "ada"), ("refused", "eve"), ("refused", ""), ("refused", ""), ("refused", ""),
    ]  # fmt: skip
    done = server.push(option, REMOTE_USER="ada", **http)
    assert done.returncode == 0 and "let in for ada" in done.stderr and server.has()
    record = server.read_log()[-1]
    assert (record["event"], record["user"], record["reason"]) == ("bypassed", "ada", "prod is down")
    (finding,) = record["findings"]
    assert finding["rule_id"] == "CG103" and len(finding["fingerprint"]) >= 16
    (ref,) = record["refs"]
    assert ref["name"] == "refs/heads/x"


def test_without_the_servers_word_there_is_no_bypass(server: Server) -> None:
    server.settle()
    policy = "version: 1\nallow: [{rule: CG103, path: b.py, reason: mine}]\n"
    server.work.commit("bad", {"b.py": LEAK, ".credguard.yaml": policy})
    done = server.push(
        "--push-option=break-glass", REMOTE_USER="ada", GATEWAY_INTERFACE="CGI/1.1", CREDGUARD_BYPASS="break-glass"
    )
    assert done.returncode and not server.has()


def test_what_cannot_be_logged_is_not_let_in(server: Server) -> None:
    server.settle(*bypass(server))
    server.work.commit("bad", {"b.py": LEAK})
    server.log.mkdir()
    done = server.push("--push-option=break-glass", REMOTE_USER="ada", GATEWAY_INTERFACE="CGI/1.1")
    assert done.returncode and "could not be written" in done.stderr and not server.has()


@owners
def test_a_list_of_users_that_others_can_write_is_not_used(server: Server) -> None:
    server.settle(*bypass(server))
    server.users.chmod(0o666)
    server.work.commit("bad", {"b.py": LEAK})
    done = server.push("--push-option=break-glass", REMOTE_USER="ada", GATEWAY_INTERFACE="CGI/1.1")
    assert done.returncode and "--bypass-users" in done.stderr and not server.has()


def test_a_secret_in_a_reason_and_in_a_ref_is_not_logged(server: Server) -> None:
    server.settle(*bypass(server), "--user-variable", "WHO")
    server.work.commit("bad", {"b.py": LEAK})
    ref = f"HEAD:refs/heads/{SECRET}"
    done = git(
        server.work.folder, "push", "-q", f"--push-option=break-glass=aws_secret_access_key={SECRET}", "origin",
        "HEAD:refs/heads/x", ref, WHO="ada",
    )  # fmt: skip
    assert done.returncode == 0 and SECRET[4:] not in done.stderr
    assert server.read_log()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--deadline", "soon"), "no number of seconds"),
        (("--deadline", "-1"), "no number of seconds"),
        (("--deadline", "nan"), "no number of seconds"),
        (("--on-deadline", "accept"), "none of"),
        (("--on-deadline", "accept-and-queue", "--deadline", "4"), "needs --queue"),
        (("--on-deadline", "accept-and-queue", "--queue", "/q"), "a --deadline"),
        (("--on-deadline", "accept-and-queue", "--queue", "q", "--deadline", "4"), "absolute"),
        (("--bypass-option", "x", "--bypass-users", "/u"), "--audit-log"),
        (("--bypass-users", "/u", "--audit-log", "/a"), "--bypass-option"),
        (("--audit-log", "a"), "absolute"),
    ],
)
def test_options_that_do_not_hold_stop_even_a_clean_push(server: Server, options: tuple[str, ...], said: str) -> None:
    server.settle(*options)
    done = server.push()
    assert done.returncode and said in done.stderr and not server.has()


def test_they_are_for_this_hook_alone(server: Server) -> None:
    done = processes.run_text(["hook", "pre-commit", "--deadline", "3"], cwd=server.work.folder)
    assert done.returncode == 2 and "pre-receive alone" in done.stderr


def test_on_github_enterprise_server_there_is_a_deadline(server: Server) -> None:
    server.settle("--on-deadline", "accept-and-queue", "--queue", str(server.queue))
    assert server.push().returncode
    assert server.push(GITHUB_REPO_NAME="octo/demo").returncode == 0


def test_gitlabs_web_interface_is_told_in_its_own_form(server: Server) -> None:
    server.settle()
    server.work.commit("bad", {"b.py": LEAK})
    lines = server.push(GL_PROTOCOL="web", GL_REPOSITORY="project-1").stderr.splitlines()
    said = [line for line in lines if "GL-HOOK-ERR:" in line]
    assert len(said) == 1 and "GL-HOOK-ERR: credguard: CG103 in b.py:1" in said[0]
    assert "GL-HOOK-ERR" not in server.push(GL_PROTOCOL="http", GL_REPOSITORY="project-1").stderr
    server.work.commit("broken", {"b.py": "x\n", ".credguard.yaml": "versoin: 1\n"})
    server.work.git("push", "-q", "--no-verify", "origin", "HEAD~2:refs/heads/y")
    server.bare.git("symbolic-ref", "HEAD", "refs/heads/none")
    server.bare.git("update-ref", "-d", "refs/heads/main")
    done = server.push(GL_PROTOCOL="web")
    assert done.returncode and sum("GL-HOOK-ERR" in line for line in done.stderr.splitlines()) == 1


def test_without_a_home_on_a_read_only_system_and_with_a_cache_of_root(server: Server, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    new = server.work.commit("bad", {"b.py": LEAK})
    server.work.git("push", "-q", "origin", "HEAD:refs/heads/y")
    server.bare.git("update-ref", "-d", "refs/heads/y")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    done = processes.run_text(
        ["hook", "pre-receive", "--audit-log", str(server.log)], cwd=server.bare.folder,
        env=environment | {"TMPDIR": str(locked), "XDG_CACHE_HOME": str(locked)},
        stdin=f"{ZERO} {new} refs/heads/y\n",
    )  # fmt: skip
    assert done.returncode == 1 and "CG103" in done.stderr


@as_root
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_without_dev_null_it_says_what_is_missing(server: Server) -> None:
    """As in a root that a server makes for its hooks; git itself does not run there."""
    python = f"{shlex.quote(sys.executable)} -E -m credguard hook pre-receive"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /dev && {python}"], cwd=server.bare.folder,
        env=clean_environment(), input=f"{ZERO} {'1' * 40} refs/heads/x\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "mount" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 3 and "there is no /dev/null here" in done.stderr and "mknod" in done.stderr
