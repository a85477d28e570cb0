"""What an AI agent is answered, in its own form: an answer in another one would let the call through."""

from __future__ import annotations

import json

from credguard.hooks.agents import payload as p

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from credguard.hooks.agents.payload import Event

BLOCKED = 2
"""The exit code that every agent takes for no."""
_NOTICE = "[credguard: withheld]"


class HookAnswer:
    """What goes to standard output, to standard error, and the exit code."""

    __slots__ = ("code", "error", "output")

    def __init__(self, document: dict[str, object] | None, error: str = "", code: int = 0) -> None:
        self.output = b"" if document is None else json.dumps(document).encode() + b"\n"
        self.error, self.code = error, code


def allow(event: Event) -> HookAnswer:
    """Lets it happen. It never says "allow" where the agent would then no longer ask its user."""
    if event.caller == p.CURSOR and event.kind == p.PROMPT:
        return HookAnswer({"continue": True})
    if event.caller == p.CURSOR and event.kind == p.READ:
        return HookAnswer({"permission": "allow"})
    if event.caller == p.PLAIN:
        return HookAnswer({"credguard": p.PLAIN_VERSION, "decision": "allow"})
    return HookAnswer({})


def warn(event: Event, reason: str) -> HookAnswer:
    """Lets it happen and tells the user, where the agent can."""
    if event.caller in (p.CLAUDE, p.CODEX, p.GEMINI, p.VSCODE):
        return HookAnswer({"systemMessage": reason}, reason)
    answer = allow(event)
    answer.error = reason
    return answer


def refuse(event: Event | None, reason: str) -> HookAnswer:
    """Stops a prompt or a call; a result that cannot be withheld any more is said to have leaked."""
    if event is None or event.kind == p.OTHER:
        if event is not None and event.caller == p.PLAIN:
            return _refuse_plain(event, reason)
        return HookAnswer(None, reason, BLOCKED)
    if event.kind == p.AFTER:
        return withhold(event, reason, blank_out(event.result))
    return _REFUSALS[event.caller](event, reason)


def withhold(event: Event, reason: str, replacement: object) -> HookAnswer:
    """Puts `replacement`, which has the shape of the result, in the place of the result, or says that it leaked."""
    text = reason + "\n" + flatten(replacement)
    if event.caller == p.CLAUDE:
        return HookAnswer({
            "systemMessage": reason,
            "hookSpecificOutput": {
                "hookEventName": event.name, "updatedToolOutput": drop_copies(replacement), "additionalContext": reason,
            },
        }, reason) if event.name == "PostToolUse" else HookAnswer(None, reason, BLOCKED)  # fmt: skip
    if event.caller == p.CODEX:  # which puts the reason in place of the result, and knows no other key
        return HookAnswer({"decision": "block", "reason": text}, reason)
    if event.caller == p.GEMINI:
        return HookAnswer({"decision": "deny", "reason": text, "systemMessage": reason}, reason)
    if event.caller == p.COPILOT or event.field == "tool_result":
        return HookAnswer({"modifiedResult": _shape_result(replacement), "additionalContext": reason}, reason)
    if event.caller == p.VSCODE:
        context = {"hookEventName": event.name, "additionalContext": reason}
        return HookAnswer({"decision": "block", "reason": reason, "hookSpecificOutput": context}, reason)
    if event.caller == p.CURSOR:  # which takes another result from tools of MCP alone
        return HookAnswer({"updated_mcp_tool_output": flatten(replacement), "additional_context": reason}, reason)
    return HookAnswer({
        "credguard": p.PLAIN_VERSION, "decision": "withhold", "reason": reason, "output": replacement,
    }, reason, BLOCKED)  # fmt: skip


def can_withhold(event: Event) -> bool:
    """True where the agent takes another result in place of the real one."""
    if event.caller == p.CURSOR:
        tool = event.tool.lower()
        return tool.startswith("mcp") or event.name == "afterMCPExecution"
    if event.caller == p.CLAUDE:
        return event.name != "PostToolUseFailure"
    return event.caller != p.VSCODE or event.field == "tool_result"


def blank_out(value: object) -> object:
    """The same shape with every text withheld."""
    if isinstance(value, str):
        return _NOTICE
    if isinstance(value, dict):
        return {key: one if key == "type" and _is_word(one) else blank_out(one) for key, one in value.items()}
    return [blank_out(one) for one in value] if isinstance(value, list) else value


def drop_copies(value: object) -> object:
    """The result without the copy on disk, which Claude Code shows in its place."""
    if isinstance(value, dict):
        return {key: one for key, one in value.items() if not key.startswith("persistedOutput")}
    return value


def flatten(value: object) -> str:
    """A result as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(filter(None, (flatten(one) for key, one in value.items() if key != "type")))
    return "\n".join(filter(None, map(flatten, value))) if isinstance(value, list) else ""


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 20 and value.replace("_", "").isalpha()


def _shape_result(value: object) -> object:
    """Copilot's result: the kind, and the text for the model."""
    kind = "success"
    if isinstance(value, dict):
        value = value.get("textResultForLlm") or value.get("text_result_for_llm") or value
    return {"resultType": kind, "textResultForLlm": flatten(value)}


def _refuse_claude(event: Event, reason: str) -> HookAnswer:
    if event.kind == p.PROMPT:
        return HookAnswer({"decision": "block", "reason": reason}, reason)
    decision: dict[str, object] = {"permissionDecision": "deny", "permissionDecisionReason": reason}
    if event.name == "PermissionRequest":
        decision = {"decision": {"behavior": "deny", "message": reason}}
    return HookAnswer({"hookSpecificOutput": {"hookEventName": event.name, **decision}}, reason)


def _refuse_copilot(event: Event, reason: str) -> HookAnswer:
    if event.kind == p.PROMPT:
        return HookAnswer({"decision": "block", "reason": reason}, reason)
    return HookAnswer({"permissionDecision": "deny", "permissionDecisionReason": reason}, reason)


def _refuse_cursor(event: Event, reason: str) -> HookAnswer:
    if event.kind == p.PROMPT:
        return HookAnswer({"continue": False, "user_message": reason}, reason)
    return HookAnswer({"permission": "deny", "user_message": reason, "agent_message": reason}, reason)


def _refuse_gemini(_event: Event, reason: str) -> HookAnswer:
    return HookAnswer({"decision": "deny", "reason": reason}, reason)


def _refuse_plain(_event: Event, reason: str) -> HookAnswer:
    return HookAnswer({"credguard": p.PLAIN_VERSION, "decision": "deny", "reason": reason}, reason, BLOCKED)


_REFUSALS = {
    p.CLAUDE: _refuse_claude,
    p.CODEX: _refuse_claude,
    p.VSCODE: _refuse_claude,
    p.COPILOT: _refuse_copilot,
    p.CURSOR: _refuse_cursor,
    p.GEMINI: _refuse_gemini,
    p.PLAIN: _refuse_plain,
}
