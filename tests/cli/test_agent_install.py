"""`credguard install --agent`: settings keep every byte of their owner's, and a key is stopped."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from credguard.errors import CredguardError
from credguard.hooks.agents import settings
from credguard.hooks.agents.targets import AGENTS, Agent, format_command, parse_agents
from tests import processes
from tests.agent_payloads import command, decide
from tests.hooking import credguard
from tests.keys import Filler

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [agent.name for agent in AGENTS]
COMMAND = "/opt/credguard/bin/credguard hook agent || exit 2"
THEIRS = [
    "{}", "{ }", "{}\n", "{\n}\n", '{"model": "opus"}', '{"hooks":{}}', '{\n  "hooks": {\n  }\n}\n',
    '{\n  "permissions": {\n    "allow": ["Bash(make:*)"]\n  },\n  "hooks": {"EVENT": []}\n}\n',
    '{"hooks": {"EVENT": [ENTRY], "Other": [ENTRY]}, "z": [1, 2, {"a": null}]}',
    '{\n\t"a": 1, // a remark\n\t/* { "hooks": */\n\t"hooks": { // x\n\t\t"EVENT": [ /* y */ ENTRY, ],\n\t},\n}\n',
    '\ufeff{\r\n  "a": "caf\u00e9 \\" } { \\u0041",\r\n  "hooks": {\r\n    "EVENT": [ENTRY]\r\n  }\r\n}\r\n',
    '{\n    "hooks": {\n        "EVENT": [\n            ENTRY\n        ]\n    },\n    "version": 1\n}',
    '{"version": 1,\n "hooks":\n  {"Last": [ENTRY]}}\n\n\n',
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


def fill(text: str, agent: Agent) -> str:
    entry = json.dumps(agent.build(agent.events[1], "/usr/bin/other-check"))
    return text.replace("EVENT", agent.events[1]).replace("ENTRY", entry)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theirs", THEIRS)
def test_settings_are_the_same_after_uninstall(name: str, theirs: str) -> None:
    (agent,) = parse_agents(name)
    text = fill(theirs, agent)
    with_ours = settings.put_entries(text, agent, COMMAND)
    assert settings.list_commands(with_ours, agent) == dict.fromkeys(agent.events, COMMAND)
    assert settings.has_entries(with_ours, agent, COMMAND)
    assert settings.take_entries(with_ours, agent) == text
    if "//" not in text and not text.startswith("\ufeff"):
        there, before = json.loads(with_ours), json.loads(text)
        for event, entries in before.get("hooks", {}).items():
            assert there["hooks"][event][-len(entries) :] == entries if entries else True
        assert {key: one for key, one in there.items() if key != "hooks"} == {
            key: one for key, one in before.items() if key != "hooks"
        }


@pytest.mark.parametrize("name", NAMES)
def test_what_others_have_changed_since_is_kept(name: str) -> None:
    (agent,) = parse_agents(name)
    text = fill('{"hooks": {"EVENT": [ENTRY]}, "x": "}]"}', agent)
    edited = json.loads(settings.put_entries(text, agent, COMMAND))
    edited["hooks"][agent.events[0]].append({"command": "mine"})
    left = json.loads(settings.take_entries(json.dumps(edited, indent=1), agent))
    assert not settings.list_commands(json.dumps(left), agent)
    assert left["hooks"][agent.events[0]] == [{"command": "mine"}]
    assert left["hooks"][agent.events[1]] == json.loads(text)["hooks"][agent.events[1]] and left["x"] == "}]"


@pytest.mark.parametrize(
    "text", ["[]", "", "{", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}', '{"hooks":1,"hooks":2}', "{}{}"]
)
def test_what_are_no_settings_is_refused(text: str) -> None:
    with pytest.raises(CredguardError):
        settings.put_entries(text, AGENTS[0], COMMAND)


def test_install_twice_and_uninstall(home: Path, tmp_path: Path) -> None:
    theirs = home / ".claude" / "settings.json"
    theirs.parent.mkdir()
    theirs.write_bytes(b'{\r\n  "model": "opus"\r\n}')
    theirs.chmod(0o600)
    done = credguard("install", "--agent", ",".join(NAMES), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = {path: path.read_bytes() for path in home.rglob("*.json")}
    assert len(files) == len(AGENTS) and b"\r\n" in files[theirs]
    again = credguard("install", "--agent", "all", cwd=tmp_path)
    assert again.stdout.count("already there") == len(AGENTS)
    assert files == {path: path.read_bytes() for path in home.rglob("*.json")}
    assert theirs.stat().st_mode & 0o777 == 0o600
    done = credguard("uninstall", "--agent", "all", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert theirs.read_bytes() == b'{\r\n  "model": "opus"\r\n}'
    assert [path.name for path in home.rglob("*.json")] == ["settings.json"]
    assert "nothing of credguard" in credguard("uninstall", "--agent", "claude", cwd=tmp_path).stdout


def test_an_older_entry_is_renewed(home: Path, tmp_path: Path) -> None:
    theirs = home / ".claude" / "settings.json"
    theirs.parent.mkdir()
    text = fill('{"hooks": {"EVENT": [ENTRY]}}', AGENTS[0])
    theirs.write_text(settings.put_entries(text, AGENTS[0], "/old/credguard hook agent"))
    assert credguard("install", "--agent", "claude", cwd=tmp_path).returncode == 0
    assert theirs.read_text().count("hook agent") == len(AGENTS[0].events) and "/old/" not in theirs.read_text()
    credguard("uninstall", "--agent", "claude", cwd=tmp_path)
    assert theirs.read_text() == text


@pytest.mark.parametrize("name", NAMES)
def test_the_project(home: Path, tmp_path: Path, name: str) -> None:
    done = credguard("install", "--agent", name, "--project", cwd=tmp_path)
    assert done.returncode == 0 and "this machine" in done.stdout
    (agent,) = parse_agents(name)
    assert (tmp_path / agent.project).is_file() and not list(home.rglob("*.json"))
    credguard("uninstall", "--agent", name, "--project", cwd=tmp_path)
    assert not (tmp_path / agent.project).exists()


def test_a_link_is_followed_and_stays(home: Path, tmp_path: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / "dotfiles" / "claude.json").write_text("{}\n")
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").symlink_to(home / "dotfiles" / "claude.json")
    assert credguard("install", "--agent", "claude", cwd=tmp_path).returncode == 0
    assert (home / ".claude" / "settings.json").is_symlink()
    assert "hook agent" in (home / "dotfiles" / "claude.json").read_text()


def test_broken_settings_stop_before_anything_is_written(home: Path, tmp_path: Path) -> None:
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text("{ nonsense")
    done = credguard("install", "--agent", "all", cwd=tmp_path)
    assert done.returncode == 2 and ".gemini" in done.stderr
    assert [path.name for path in home.rglob("*.json")] == ["settings.json"]


@pytest.mark.parametrize(
    "words",
    [
        ("install", "--agent", "eliza"), ("install", "--agent", ""), ("install", "--project"), ("uninstall", "--user"),
        ("install", "--agent", "claude", "--hooks", "pre-commit"),
        ("install", "--agent", "claude", "--user", "--project"),
    ],
)  # fmt: skip
def test_wrong_use(home: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert credguard(*words, cwd=tmp_path).returncode == 2
    assert not list(home.rglob("*.json"))


@pytest.mark.skipif(os.name == "nt", reason="the command is one of a POSIX shell")
def test_doctor_proves_that_a_key_is_stopped(home: Path, tmp_path: Path) -> None:
    assert credguard("hook", "doctor", "--agent", cwd=tmp_path).returncode == 1
    credguard("install", "--agent", "all", cwd=tmp_path)
    done = credguard("hook", "doctor", "--agent", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("a key is stopped") == len(AGENTS)
    path = home / ".claude" / "settings.json"
    path.write_text(path.read_text().replace(json.dumps(format_command())[1:-1], "true # credguard hook agent"))
    done = credguard("hook", "doctor", "--agent", cwd=tmp_path)
    assert done.returncode == 1 and "a key was not stopped" in done.stderr
    data: dict[str, Any] = json.loads((home / ".cursor" / "hooks.json").read_text())
    del data["hooks"]["preToolUse"]
    (home / ".cursor" / "hooks.json").write_text(json.dumps(data))
    assert "does not ask credguard at preToolUse" in credguard("hook", "doctor", "--agent", cwd=tmp_path).stderr


@pytest.mark.skipif(os.name == "nt", reason="the command is one of a POSIX shell")
def test_the_command_is_a_no_where_credguard_is_gone_or_killed(tmp_path: Path) -> None:
    asked = json.dumps(command("claude", tmp_path, "make")).encode()
    end = format_command().partition(" hook agent")[2]
    for start in ("/nowhere/credguard hook agent", "sh -c 'kill -9 $$'", "false"):
        done = subprocess.run(
            ["/bin/sh", "-c", start + end], input=asked, capture_output=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 2
    done = subprocess.run(
        ["/bin/sh", "-c", format_command()], input=asked, capture_output=True, cwd=tmp_path, check=False
    )
    assert decide("claude", command("claude", tmp_path, "make"), done) == "allow"
    key = Filler("installed").fill("export A={{AKID}} B={{SECRET}}")
    leak = command("claude", tmp_path, key)
    done = processes.run(["hook", "agent"], cwd=tmp_path, stdin=json.dumps(leak).encode())
    assert decide("claude", leak, done) == "deny"
