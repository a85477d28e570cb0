"""Payloads of AI agents in the shapes that their documentation and source show, and what their answers mean."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tests import processes

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

Payload = dict[str, Any]
CALLERS = ("claude", "codex", "vscode", "cursor", "copilot", "gemini", "plain")
SHELLS = {
    "claude": "Bash", "codex": "Bash", "vscode": "run_in_terminal", "cursor": "Shell", "copilot": "bash",
    "gemini": "run_shell_command", "plain": "shell",
}  # fmt: skip
_CLAUDE = {
    "session_id": "7f1c", "transcript_path": "/home/a/.claude/projects/-srv/7f1c.jsonl", "permission_mode": "default",
}  # fmt: skip
_CODEX = {"session_id": "0199", "turn_id": "4", "transcript_path": "/home/a/.codex/sessions/r.jsonl", "model": "m"}
_VSCODE = {
    "timestamp": "2026-11-30T10:00:00Z", "session_id": "c2", "model": "m",
    "transcript_path": "/home/a/.config/Code/User/workspaceStorage/1/github.copilot-chat/t.jsonl",
}  # fmt: skip
_GEMINI = {
    "session_id": "9a",
    "transcript_path": "/home/a/.gemini/tmp/1/s.json",
    "timestamp": "2026-11-30T10:00:00Z",
}
_CURSOR = {
    "conversation_id": "c", "generation_id": "g",
    "model": "m", "cursor_version": "2.6.1", "user_email": "a@example.com",
}  # fmt: skip


def prompt(caller: str, folder: Path, text: str) -> Payload:
    """A prompt that is submitted."""
    base = _base(caller, folder, "UserPromptSubmit", "beforeSubmitPrompt", "BeforeAgent")
    if caller == "plain":
        return {**base, "event": "prompt", "prompt": text}
    return {**base, "prompt": text, **({"attachments": []} if caller == "cursor" else {})}


def before(caller: str, folder: Path, tool: str, given: object) -> Payload:
    """A tool that is about to run."""
    base = _base(caller, folder, "PreToolUse", "preToolUse", "BeforeTool")
    if caller == "copilot":
        return {**base, "toolName": tool, "toolArgs": json.dumps(given)}
    if caller == "plain":
        return {**base, "event": "before", "tool": tool, "input": given}
    return {**base, "tool_name": tool, "tool_input": given, "tool_use_id": "toolu_1"}


def command(caller: str, folder: Path, text: str) -> Payload:
    """A shell command that is about to run."""
    return before(caller, folder, SHELLS[caller], {"command": text, "description": "work"})


def after(caller: str, folder: Path, text: str, tool: str = "") -> Payload:
    """What a shell command has given."""
    base = _base(caller, folder, "PostToolUse", "postToolUse", "AfterTool")
    tool, given = tool or SHELLS[caller], {"command": "make"}
    if caller == "copilot":
        result = {"resultType": "success", "textResultForLlm": text}
        return {**base, "toolName": tool, "toolArgs": json.dumps(given), "toolResult": result}
    if caller == "plain":
        return {**base, "event": "after", "tool": tool, "input": given, "output": text}
    if caller == "cursor":
        return {
            **base,
            "tool_name": tool,
            "tool_input": given,
            "tool_output": json.dumps({"output": text, "exitCode": 0}),
        }
    results: dict[str, object] = {
        "claude": {"stdout": text, "stderr": "", "interrupted": False, "isImage": False},
        "codex": text, "vscode": text, "gemini": {"llmContent": text, "returnDisplay": text},
    }  # fmt: skip
    return {**base, "tool_name": tool, "tool_input": given, "tool_response": results[caller]}


def _base(caller: str, folder: Path, name: str, cursor: str, gemini: str) -> Payload:
    where = str(folder)
    bases: dict[str, Payload] = {
        "claude": {**_CLAUDE, "cwd": where, "hook_event_name": name},
        "codex": {**_CODEX, "cwd": where, "hook_event_name": name},
        "vscode": {**_VSCODE, "cwd": where, "hook_event_name": name},
        "cursor": {**_CURSOR, "workspace_roots": [where], "hook_event_name": cursor},
        "copilot": {"sessionId": "s", "timestamp": 1764496800000, "cwd": where},
        "gemini": {**_GEMINI, "cwd": where, "hook_event_name": gemini},
        "plain": {"credguard": 1, "cwd": where},
    }
    return bases[caller]


def ask_hook(payload: Payload | bytes, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The hook, as an agent runs it."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return processes.run(["hook", "agent"], cwd=cwd, env=os.environ | environment, stdin=data)


def decide(caller: str, payload: Payload, done: subprocess.CompletedProcess[bytes]) -> str:
    """What the agent makes of an answer, by its documentation: allow, deny, withheld (another result for the model), or
    leaked (told, after the model has it)."""
    if done.returncode == 2:
        return "withheld" if caller == "plain" and b'"withhold"' in done.stdout else "deny"
    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    _check_keys(caller, answer)
    inner = answer.get("hookSpecificOutput", {})
    assert not inner or inner["hookEventName"] == payload["hook_event_name"]
    if "updatedToolOutput" in inner or "modifiedResult" in answer or "updated_mcp_tool_output" in answer:
        is_mcp = "updated_mcp_tool_output" not in answer or payload["tool_name"].startswith("MCP")
        return "withheld" if is_mcp else "leaked"
    no = (
        inner.get("permissionDecision") == "deny" or answer.get("permissionDecision") == "deny"
        or answer.get("permission") == "deny" or answer.get("continue") is False
        or answer.get("decision") in ("block", "deny")
    )  # fmt: skip
    if not no:
        return "allow"
    if "tool_response" not in payload:
        return "deny"
    return "leaked" if caller == "vscode" else "withheld"


def _check_keys(caller: str, answer: Payload) -> None:
    """An unknown key makes Codex take the answer for a failure, and run the tool; none may say yes for the user."""
    if caller == "codex":
        assert answer.keys() <= {"decision", "reason", "systemMessage", "hookSpecificOutput"}
        assert not ({"decision", "systemMessage"} <= answer.keys())
    assert answer.get("hookSpecificOutput", {}).get("permissionDecision") != "allow"
    assert answer.get("permissionDecision") != "allow"
    assert answer.get("permission") != "allow" or "tool_name" not in answer
