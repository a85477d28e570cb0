"""Repositories behind a token are scanned, and the token is in no argument, plan, result, log or page."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fleet.servers import Answer, Host, has_http_backend, serve

if TYPE_CHECKING:
    from tests.fleet.conftest import Fleet

pytestmark = [
    pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="looks for processes in /proc"),
    pytest.mark.skipif(not has_http_backend(), reason="git has no HTTP server here"),
]


def test_a_token_is_given_to_its_host_and_is_nowhere_else(fleet: Fleet) -> None:
    token = f"token-{secrets.token_hex(20)}"
    fleet.variables["FLEET_MARK"] = mark = str(fleet.folder)
    fleet.variables["GITEA_TOKEN"] = token
    with serve(Host(mirrors=fleet.folder / "mirrors", token=token)) as host:
        listed = [{"clone_url": f"{host.url}/{name}/.git", "size": 1} for name in ("one", "two", "gone")]
        host.answers["/api/v1/orgs/acme/repos?limit=50"] = [Answer(listed)]
        fleet.variables["GITEA_HOST"] = host.url
        done = fleet.plan("--gitea", "acme", "--url", host.url)
        process = fleet.start("run", "plan.jsonl", "--store", "store", "--tries", "2", "--pause", "0", "--jobs", "2")
        commands: set[bytes] = set()
        while process.poll() is None:
            for number in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    commands.add(Path("/proc", number, "cmdline").read_bytes())
            time.sleep(0.02)
        said = process.communicate()[1].decode()
        assert process.returncode == 3 and "1 unreachable, 2 whole" in said and "no repository was found" in said
        again = fleet.scan()
        assert "2 kept, 1 unreachable" in again.stderr
        fleet.variables["GITEA_TOKEN"] = "wrong"
        denied = fleet.scan("--full")
        assert denied.returncode == 3 and denied.stderr.count("access was denied") == 3
    report = fleet.merge("--html", "page.html", "--tables", "tables")
    assert [one["state"] for one in report["target"]["fleet"]["repositories"]] == ["unreachable"] * 3
    assert len([f for f in report["findings"] if f["rule_id"] == "CG103"]) == 2  # what was known is not lost
    assert any(b"credential" in command for command in commands) or any(b"clone" in command for command in commands)
    texts = [done.stdout, done.stderr, said, again.stderr, denied.stderr, json.dumps(report)]
    files = [path for path in fleet.folder.rglob("*") if path.is_file() and mark in str(path)]
    assert not [text for text in texts if token in text]
    assert not [command for command in commands if token.encode() in command]
    assert not [path for path in files if token.encode() in path.read_bytes()]
