"""Where each AI agent keeps the hooks that it runs, and what credguard's entry in them is."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError
from credguard.system.compat import is_standalone_build

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TIMEOUT = 30
"""Seconds that an agent is to wait: more than the hook itself takes at most."""
_START = "import sys; sys.path[:] = filter(None, sys.path); from credguard.cli import main; sys.exit(main())"
_CALL = "hook agent"
SettingsEntry = dict[str, object]


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: where its settings are (for this user, below a project), the events that it asks at, and the entry
    for each. `top` is what a new file of settings has besides, `remark` what its user has to know."""

    name: str
    title: str
    user: Callable[[], Path]
    project: str
    events: tuple[str, ...]
    build: Callable[[str, str], SettingsEntry]
    top: Mapping[str, object]
    remark: str = ""

    def locate(self, folder: Path | None) -> Path:
        """The file of settings of this user, or of the project in a folder."""
        return self.user() if folder is None else folder / self.project


def _find_home(variable: str, usual: str) -> Path:
    return Path(os.environ.get(variable) or Path("~").expanduser() / usual)


def _build_claude(event: str, command: str) -> SettingsEntry:
    # A hook that fails lets the call through, but for `onFailure` (Claude Code 2.1.295, 2026-10-08).
    hook = {"type": "command", "command": command, "timeout": TIMEOUT, "onFailure": "block"}
    return {"hooks": [hook]} if event == "UserPromptSubmit" else {"matcher": "*", "hooks": [hook]}


def _build_codex(_event: str, command: str) -> SettingsEntry:
    return {"hooks": [{"type": "command", "command": command, "timeout": TIMEOUT}]}


def _build_gemini(event: str, command: str) -> SettingsEntry:
    hook = {"name": "credguard", "type": "command", "command": command, "timeout": TIMEOUT * 1000}
    return {"hooks": [hook]} if event == "BeforeAgent" else {"matcher": "*", "hooks": [hook]}


def _build_cursor(_event: str, command: str) -> SettingsEntry:
    return {"command": command, "timeout": TIMEOUT, "failClosed": True}


def _build_copilot(_event: str, command: str) -> SettingsEntry:
    program = command.partition(f" {_CALL}")[0]
    windows = f"& {program} {_CALL}; if ($LASTEXITCODE -ne 0) {{ exit 2 }}"
    return {"type": "command", "bash": command, "powershell": windows, "timeoutSec": TIMEOUT}


AGENTS = (
    Agent(
        "claude", "Claude Code", lambda: _find_home("CLAUDE_CONFIG_DIR", ".claude") / "settings.json",
        ".claude/settings.json", ("UserPromptSubmit", "PreToolUse", "PostToolUse"), _build_claude, {},
    ),
    Agent(
        "cursor", "Cursor", lambda: Path("~/.cursor/hooks.json").expanduser(), ".cursor/hooks.json",
        (
            "beforeSubmitPrompt", "preToolUse", "beforeShellExecution", "beforeMCPExecution", "beforeReadFile",
            "postToolUse",
        ),
        _build_cursor, {"version": 1},
        "Cursor cannot withhold what a tool of its own prints: there the hook tells you that it leaked",
    ),
    Agent(
        "copilot", "Copilot CLI and VS Code",
        lambda: _find_home("COPILOT_HOME", ".copilot") / "hooks" / "credguard.json",
        ".github/hooks/credguard.json", ("userPromptSubmitted", "preToolUse", "postToolUse"), _build_copilot,
        {"version": 1},
    ),
    Agent(
        "codex", "Codex", lambda: _find_home("CODEX_HOME", ".codex") / "hooks.json", ".codex/hooks.json",
        ("UserPromptSubmit", "PreToolUse", "PostToolUse"), _build_codex, {},
        "Codex runs hooks once they are switched on and trusted: see `/hooks` there",
    ),
    Agent(
        "gemini", "Gemini CLI", lambda: _find_home("GEMINI_CLI_HOME", ".gemini") / "settings.json",
        ".gemini/settings.json", ("BeforeAgent", "BeforeTool", "AfterTool"), _build_gemini, {},
    ),
)  # fmt: skip


def parse_agents(words: str) -> tuple[Agent, ...]:
    """The agents of a comma-separated list, or all; raises CredguardError for an unknown name."""
    wanted = {word.strip().lower() for word in words.split(",") if word.strip()}
    known = [agent.name for agent in AGENTS]
    unknown = sorted(wanted - {*known, "all"})
    if unknown or not wanted:
        said = f"{unknown[0]!r} is no agent that credguard knows" if unknown else "no agent is named"
        raise CredguardError(said, f"choose from {', '.join(known)}, or all")
    return tuple(agent for agent in AGENTS if agent.name in wanted or "all" in wanted)


def format_command() -> str:
    """What an agent runs: credguard by its absolute path; whatever ends it but a plain yes is a no."""
    if is_standalone_build():
        return f"{shlex.quote(sys.executable)} {_CALL}" + ("" if os.name == "nt" else " || exit 2")
    folder = Path(sys.executable).parent
    names = ("credguard.bat",) if os.name == "nt" else ("credguard",)
    program = next((folder / name for name in names if os.access(folder / name, os.X_OK)), None)
    if os.name == "nt":
        return f'"{program}" {_CALL}' if program else f'"{sys.executable}" -E -c "{_START}" {_CALL}'
    start = shlex.quote(str(program)) if program else f"{shlex.quote(sys.executable)} -E -c {shlex.quote(_START)}"
    return f"{start} {_CALL} || exit 2"


def is_own_command(command: str) -> bool:
    """True for a command that any version of `credguard install --agent` wrote."""
    return "credguard" in command and f" {_CALL}" in command
