"""What an AI agent asks its hook: the caller, known by its payload, and the event in one form for all callers.

Sources: code.claude.com/docs/en/hooks, cursor.com/docs/agent/hooks, docs.github.com "Hooks configuration" and
code.visualstudio.com/docs/copilot/customization/hooks, openai/codex codex-rs/hooks/schema, geminicli.com/docs/hooks.
"""

from __future__ import annotations

import json

CLAUDE, CURSOR, COPILOT, VSCODE, CODEX, GEMINI, PLAIN = "claude cursor copilot vscode codex gemini plain".split()
"""Callers; `copilot` is the payload of Copilot CLI's own, `vscode` that of VS Code, which Copilot CLI has too."""
PROMPT, BEFORE, READ, AFTER, OTHER = "prompt before read after other".split()
"""Kinds of events: a prompt, a tool before it runs, a file with its content, a tool's result, anything else."""
PLAIN_VERSION = 1
_KINDS = {
    "UserPromptSubmit": PROMPT, "PreToolUse": BEFORE, "PermissionRequest": BEFORE,
    "PostToolUse": AFTER, "PostToolUseFailure": AFTER,
}  # fmt: skip
_CURSOR_KINDS = {
    "beforeSubmitPrompt": PROMPT, "preToolUse": BEFORE, "beforeShellExecution": BEFORE, "beforeMCPExecution": BEFORE,
    "beforeReadFile": READ, "beforeTabFileRead": READ, "postToolUse": AFTER, "postToolUseFailure": AFTER,
    "afterShellExecution": AFTER, "afterMCPExecution": AFTER,
}  # fmt: skip
_GEMINI_KINDS = {"BeforeAgent": PROMPT, "BeforeTool": BEFORE, "AfterTool": AFTER}
_GEMINI_OTHERS = ("AfterAgent", "BeforeModel", "AfterModel", "BeforeToolSelection", "PreCompress")
_PLAIN_KINDS = {"prompt": PROMPT, "before": BEFORE, "after": AFTER}
_RESULTS = (
    "tool_response", "tool_result", "toolResult", "tool_output", "result_json", "output", "error", "error_message",
)  # fmt: skip
_LONGEST_NAME = 200


class PayloadError(Exception):
    """The payload cannot be followed; `event` is what is known of it."""

    def __init__(self, message: str, event: Event | None = None) -> None:
        super().__init__(message)
        self.event = event


class Event:
    """One question of an agent. `given` are the tool's arguments, `result` what it gave, `field` the name under which
    the payload holds that; `attached` are files that go with a prompt."""

    __slots__ = (
        "attached",
        "caller",
        "field",
        "folder",
        "given",
        "kind",
        "name",
        "payload",
        "prompt",
        "result",
        "tool",
    )

    def __init__(self, caller: str, name: str, kind: str, payload: dict[str, object]) -> None:
        self.caller, self.name, self.kind, self.payload = caller, name, kind, payload
        self.tool = self.prompt = self.folder = self.field = ""
        self.given: object = None
        self.result: object = None
        self.attached: list[str] = []


def parse_event(data: bytes) -> Event:
    """The event that the payload describes; raises PayloadError."""
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        raise PayloadError("standard input is no JSON of an agent's hook") from None
    if not isinstance(payload, dict):
        raise PayloadError("standard input is no JSON object of an agent's hook")
    event = _identify(payload)
    event.folder = _find_folder(payload)
    if event.kind == PROMPT:
        event.prompt = _require_text(event, "prompt")
        event.attached = _list_attached(payload.get("attachments"))
    elif event.kind in (BEFORE, AFTER):
        _read_tool(event)
    elif event.kind == READ:
        event.given = {"file_path": _require_text(event, "file_path")}
        event.result, event.field = payload.get("content"), "content"
        event.attached = _list_attached(payload.get("attachments"))
    return event


def _identify(payload: dict[str, object]) -> Event:
    """Caller, name and kind; agents run each other's hooks, so nothing but the payload tells."""
    name = payload.get("hook_event_name") or payload.get("hookEventName") or ""
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise PayloadError("the name of the event is no text")
    if "credguard" in payload:
        return _identify_plain(payload)
    path = payload.get("transcript_path")
    transcript = path.replace("\\", "/") if isinstance(path, str) else ""
    if "cursor_version" in payload or name in _CURSOR_KINDS:
        return Event(CURSOR, name, _CURSOR_KINDS.get(name) or _KINDS.get(name, OTHER), payload)
    if not name and ("toolName" in payload or ("sessionId" in payload and "prompt" in payload)):
        kind = PROMPT if "toolName" not in payload else AFTER if "toolResult" in payload else BEFORE
        return Event(COPILOT, "", kind, payload)
    if name in _GEMINI_KINDS or name in _GEMINI_OTHERS:
        return Event(GEMINI, name, _GEMINI_KINDS.get(name, OTHER), payload)
    if not name[:1].isupper() or not ({"session_id", "sessionId"} & payload.keys()):
        raise PayloadError("the payload is of no agent that credguard knows; give it credguard's plain form")
    kind = _KINDS.get(name, OTHER)
    if "turn_id" in payload or "/.codex/" in transcript:
        return Event(CODEX, name, kind, payload)
    if "github.copilot-chat" in transcript or "/.copilot/" in transcript or "hookEventName" in payload:
        return Event(VSCODE, name, kind, payload)
    return Event(VSCODE if "tool_result" in payload else CLAUDE, name, kind, payload)


def _identify_plain(payload: dict[str, object]) -> Event:
    version, name = payload["credguard"], payload.get("event")
    event = Event(PLAIN, name if isinstance(name, str) else "", OTHER, payload)
    if version != PLAIN_VERSION or isinstance(version, bool):
        raise PayloadError(f"this credguard knows version {PLAIN_VERSION} of the plain form, and no other", event)
    if event.name not in _PLAIN_KINDS:
        raise PayloadError(f"the event of the plain form is one of {', '.join(_PLAIN_KINDS)}", event)
    event.kind = _PLAIN_KINDS[event.name]
    return event


def _find_folder(payload: dict[str, object]) -> str:
    roots = payload.get("workspace_roots")
    for folder in (payload.get("cwd"), roots[0] if isinstance(roots, list) and roots else None):
        if isinstance(folder, str) and folder and "\0" not in folder:
            return folder
    return ""


def _require_text(event: Event, key: str) -> str:
    value = event.payload.get(key)
    if not isinstance(value, str):
        raise PayloadError(f"the payload of {event.name or event.kind} has no text {key}", event)
    return value


def _read_tool(event: Event) -> None:
    payload = event.payload
    tool = payload.get("tool_name") or payload.get("toolName") or payload.get("tool") or ""
    event.tool = tool if isinstance(tool, str) and len(tool) <= _LONGEST_NAME else ""
    names = ("tool_input", "toolArgs", "tool_args", "input")
    given = [payload[name] for name in names if name in payload]
    if not given and "command" in payload:
        given = [{"command": payload["command"]}]
    if event.kind == BEFORE and not given:
        raise PayloadError(f"the payload of {event.name or event.kind} has no arguments of a tool", event)
    event.given = _parse_nested(given[0]) if given else None
    # beforeMCPExecution of Cursor has the server's own command beside the arguments of the tool.
    if event.name == "beforeMCPExecution":
        event.given = {"tool_input": event.given, "url": payload.get("url"), "server": payload.get("command")}
    if event.kind == AFTER:
        event.field = next((name for name in _RESULTS if name in payload), "")
        event.result = payload.get(event.field)


def _parse_nested(value: object) -> object:
    """Arguments that the caller writes as JSON in a text (Copilot CLI, Cursor)."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _list_attached(value: object) -> list[str]:
    found = []
    for one in value if isinstance(value, list) else ():
        path = one.get("file_path") or one.get("filePath") or one.get("path") if isinstance(one, dict) else one
        if isinstance(path, str):
            found.append(path)
    return found
