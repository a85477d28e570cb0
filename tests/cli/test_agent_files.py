"""`credguard scan --agents`: keys in transcripts, memories, settings and MCP configurations of AI agents."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.hooking import credguard
from tests.keys import Filler

if TYPE_CHECKING:
    from pathlib import Path

FILLER = Filler("agent files")
KEY_ID, SECRET = FILLER.fill("{{AKID}}"), FILLER.fill("{{SECRET}}")
PAIR = f"aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
ENV = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
RUN = f"AWS_ACCESS_KEY_ID={KEY_ID} AWS_SECRET_ACCESS_KEY={SECRET} aws s3 ls"
SERVER = json.dumps(
    {"mcpServers": {"aws": {"command": "uvx", "args": ["awslabs.core-mcp-server"], "env": ENV}}}, indent=2
)
DOCKER = {"command": "docker", "args": [word for name in ENV for word in ("-e", f"{name}={ENV[name]}")]}
LINE = json.dumps({"type": "user", "toolUseResult": {"stdout": PAIR, "stderr": ""}}) + "\n"
TRANSCRIPTS = {
    ".claude/projects/-srv-app/1.jsonl": LINE,
    ".claude/projects/-srv-app/1/subagents/agent-2.jsonl": LINE,
    ".claude/projects/-srv-app/1/tool-results/t.txt": PAIR,
    ".claude/history.jsonl": json.dumps({"display": f"use {KEY_ID} {SECRET}"}) + "\n",
    ".claude/CLAUDE.md": f"# Deploy\nKey `{KEY_ID}`, secret `{SECRET}`\n",
    ".codex/sessions/2026/11/30/r.jsonl": json.dumps({"payload": {"output": json.dumps({"output": PAIR})}}) + "\n",
    ".gemini/tmp/ab/chats/s.json": json.dumps({"messages": [{"content": PAIR}]}),
    ".copilot/session-state/1/events.jsonl": LINE,
    ".aider.chat.history.md": PAIR,
}
SETTINGS = {
    ".claude.json": SERVER,
    ".cursor/mcp.json": SERVER,
    ".config/Claude/claude_desktop_config.json": SERVER,
    ".claude/settings.json": json.dumps({"permissions": {"allow": [f"Bash({RUN})"]}}),
    ".codex/config.toml": f'[mcp_servers.aws]\ncommand = "sh"\nargs = ["-c", "{RUN}"]\n',
    ".config/Code/User/mcp.json": json.dumps({"servers": {"aws": DOCKER}}),
}
CLEAN = {
    ".claude/projects/-srv-app/1.jsonl": json.dumps({"message": "read AWS_SECRET_ACCESS_KEY from the environment"}),
    ".cursor/mcp.json": json.dumps({"env": {"AWS_PROFILE": "dev", "AWS_SECRET_ACCESS_KEY": "${env:S}"}}),
    "src/app/keys.ini": PAIR,  # no file of an agent
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    return folder


def write(home: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)


def report(tmp_path: Path, *words: str, code: int) -> dict[str, Any]:
    done = credguard(*(words or ("scan", "--agents")), "--format", "json", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert SECRET not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def list_found(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["rule_id"], one["locations"][0]["path"]) for one in result["findings"]}


def test_each_kind_of_file(home: Path, tmp_path: Path) -> None:
    write(home, TRANSCRIPTS | SETTINGS)
    found = list_found(report(tmp_path, code=1))
    assert found == {("CG603", f"~/{path}") for path in TRANSCRIPTS} | {("CG604", f"~/{path}") for path in SETTINGS}


def test_clean_homes_pass(home: Path, tmp_path: Path) -> None:
    assert "no files of AI agents" in str(report(tmp_path, code=0)["coverage"])
    write(home, CLEAN)
    assert not report(tmp_path, code=0)["findings"]


def test_a_database_of_cursor(home: Path, tmp_path: Path) -> None:
    place = home / ".config" / "Cursor" / "User" / "globalStorage"
    place.mkdir(parents=True)
    with sqlite3.connect(place / "state.vscdb") as database:
        database.execute("create table cursorDiskKV (key text, value blob)")
        database.execute(
            "insert into cursorDiskKV values (?, ?)", ("bubbleId:1", json.dumps({"text": PAIR * 3}) + " " * 9000)
        )
    database.close()
    assert list_found(report(tmp_path, code=1)) == {("CG603", "~/.config/Cursor/User/globalStorage/state.vscdb")}


def test_a_key_counts_once_a_file_and_says_where(home: Path, tmp_path: Path) -> None:
    write(home, {".claude/projects/a/1.jsonl": "{}\n" + LINE * 3})
    (one,) = report(tmp_path, code=1)["findings"]
    assert one["locations"][0]["line"] == 2 and KEY_ID in one["message"]
    assert "Claude Code" in one["message"] and any("rotate" in step for step in one["remediation"])


def test_another_home_and_doctor(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(other, {".claude.json": SERVER})
    assert list_found(report(tmp_path, "scan", "--agents", str(other), code=1)) == {("CG604", f"{other}/.claude.json")}
    assert not report(tmp_path, code=0)["findings"]
    write(home, {".claude/projects/a/1.jsonl": LINE})
    assert ("CG603", "~/.claude/projects/a/1.jsonl") in list_found(report(tmp_path, "doctor", "--no-hooks", code=1))


def test_links_and_special_files_are_not_followed(home: Path, tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/1.jsonl": LINE})
    (home / ".claude").mkdir()
    (home / ".claude" / "projects").symlink_to(tmp_path / "elsewhere")
    (home / ".codex" / "sessions").mkdir(parents=True)
    os.mkfifo(home / ".codex" / "sessions" / "pipe.jsonl")
    (home / ".codex" / "sessions" / "l.jsonl").symlink_to(tmp_path / "elsewhere" / "1.jsonl")
    assert not [one for one in report(tmp_path, code=3)["findings"] if one["rule_id"] != "CG001"]
    assert "not followed" in credguard("scan", "--agents", cwd=tmp_path).stdout


def test_wrong_use(home: Path, tmp_path: Path) -> None:
    for words in (("--agents", str(tmp_path / "none")), ("--agents", str(home), "a.txt"), ("--agents", "--staged")):
        assert credguard("scan", *words, cwd=tmp_path).returncode == 2
