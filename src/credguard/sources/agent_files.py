"""The files that AI agents keep in a home folder: transcripts, memories, settings and configurations of MCP servers.

Sources: code.claude.com/docs/en/settings and /mcp, cursor.com/docs, developers.openai.com/codex, geminicli.com/docs,
and docs.github.com on Copilot CLI.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLAUDE, _CURSOR, _CODEX, _GEMINI, _COPILOT = "Claude Code", "Cursor", "Codex", "Gemini CLI", "Copilot"
# Where programs with a window keep their data: on Linux, macOS and Windows.
_DATA = (".config", "Library/Application Support", "AppData/Roaming")
_SETTINGS = (
    (_CLAUDE, ".claude.json"), (_CLAUDE, ".claude/settings.json"), (_CLAUDE, ".claude/settings.local.json"),
    (_CLAUDE, ".claude/.mcp.json"), (_CLAUDE, ".mcp.json"), (_CURSOR, ".cursor/mcp.json"),
    (_CURSOR, ".cursor/hooks.json"), (_CODEX, ".codex/config.toml"), (_CODEX, ".codex/config.json"),
    (_CODEX, ".codex/hooks.json"), (_GEMINI, ".gemini/settings.json"), (_COPILOT, ".copilot/mcp-config.json"),
    (_COPILOT, ".copilot/config.json"), ("Continue", ".continue/config.json"), ("Continue", ".continue/config.yaml"),
    ("Windsurf", ".codeium/windsurf/mcp_config.json"), ("Amazon Q", ".aws/amazonq/mcp.json"),
    *((("Claude Desktop", f"{data}/Claude/claude_desktop_config.json")) for data in _DATA),
    *(((_COPILOT, f"{data}/Code/User/mcp.json")) for data in _DATA),
    *(((_COPILOT, f"{data}/Code/User/settings.json")) for data in _DATA),
    *(((_CURSOR, f"{data}/Cursor/User/settings.json")) for data in _DATA),
)  # fmt: skip
_FOLDERS = (
    (_CLAUDE, ".claude/projects", "*"), (_CLAUDE, ".claude/todos", "*.json"), (_CLAUDE, ".claude", "*.jsonl"),
    (_CLAUDE, ".claude", "CLAUDE*.md"), (_CLAUDE, ".claude/memory", "*"), (_CLAUDE, ".claude/file-history", "*"),
    (_CLAUDE, ".claude/paste-cache", "*"), (_CLAUDE, ".claude/shell-snapshots", "*"), (_CODEX, ".codex/sessions", "*"),
    (_CODEX, ".codex/archived_sessions", "*"), (_CODEX, ".codex", "history.jsonl"), (_CODEX, ".codex", "AGENTS*.md"),
    (_CODEX, ".codex/memories", "*"), (_GEMINI, ".gemini/tmp", "*"), (_GEMINI, ".gemini", "GEMINI*.md"),
    (_COPILOT, ".copilot/session-state", "*"), (_COPILOT, ".copilot/history-session-state", "*"),
    (_COPILOT, ".copilot/logs", "*"), (_CURSOR, ".cursor/projects", "*"), (_CURSOR, ".cursor/chats", "*"),
    ("Continue", ".continue/sessions", "*.json"), ("Aider", ".", ".aider.*"),
    *((_CURSOR, f"{data}/Cursor/User", "state.vscdb") for data in _DATA),
    *((_COPILOT, f"{data}/Code/User/workspaceStorage", "*.json*") for data in _DATA),
    *((_COPILOT, f"{data}/Code/User/globalStorage", "*.json*") for data in _DATA),
)  # fmt: skip
_SHALLOW = (".", ".claude", ".codex", ".gemini")
"""Folders whose own files count alone."""


@dataclass(frozen=True, slots=True)
class AgentFile:
    """One file of an agent; `path` is below the home folder. What is no transcript is a file of settings."""

    agent: str
    path: str
    is_transcript: bool


def list_linked_folders(home: str) -> list[str]:
    """The folders of AI agents, below a home folder, that links lead to: they may be anybody's, and are not listed."""
    return sorted({folder for _, folder, _ in _FOLDERS if folder != "." and _is_linked(home, folder)})


def list_agent_files(home: str) -> Iterator[AgentFile]:
    """The files of AI agents in a home folder, without following links; a folder that cannot be listed raises
    OSError."""
    seen = set()
    for agent, path in _SETTINGS:
        if os.path.isfile(os.path.join(home, path)):
            seen.add(path)
            yield AgentFile(agent, path, is_transcript=False)
    for agent, folder, pattern in _FOLDERS:
        for path in _list_below(home, folder) if not _is_linked(home, folder) else ():
            if path not in seen and fnmatch(os.path.basename(path), pattern):
                seen.add(path)
                yield AgentFile(agent, path, is_transcript=True)


def _is_linked(home: str, folder: str) -> bool:
    place = os.path.join(home, folder)
    return os.path.isdir(place) and os.path.realpath(place) != os.path.normpath(
        os.path.join(os.path.realpath(home), folder)
    )


def _list_below(home: str, folder: str) -> Iterator[str]:
    def fail(error: OSError) -> None:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise error

    for place, folders, names in os.walk(os.path.join(home, folder), onerror=fail):
        folders[:] = [] if folder in _SHALLOW else sorted(folders)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(place, name), home).replace(os.sep, "/")
