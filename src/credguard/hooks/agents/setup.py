"""Has AI agents ask credguard, stops that again, and proves that a key does not get through."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from credguard.errors import CredguardError
from credguard.hooks.agents import settings
from credguard.hooks.agents.targets import AGENTS, format_command
from credguard.hooks.selftest import generate_key_pair
from credguard.system import atomic, scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from credguard.hooks.agents.targets import Agent

_Outcome = TypeVar("_Outcome")
_LARGEST = 4 << 20
_SECONDS = 60


def install_agents(agents: Sequence[Agent], folder: Path | None) -> list[str]:
    """Adds credguard to the settings of agents, of this user or of the project in a folder; returns what was done.

    Raises CredguardError, if possible before anything is written.
    """
    command = format_command()
    plans = []
    for agent in agents:
        path = agent.locate(folder)
        text = _read(path)
        if text is None or not text.strip():
            plans.append((agent, path, text, settings.make_document(agent, command)))
        else:
            plans.append((agent, path, text, _edit(path, _renew(agent, command), text)))
    lines = []
    for agent, path, text, wanted in plans:
        if text != wanted:
            _write(path, wanted)
        lines.append(f"{agent.title}: {'already there, in' if text == wanted else 'asks credguard, by'} {path}")
        lines += [f"note: {agent.remark}"] if agent.remark else []
    if folder is not None:
        lines.append(f"note: these files name the credguard of this machine ({command.partition(' hook ')[0]})")
    return lines


def uninstall_agents(agents: Sequence[Agent], folder: Path | None) -> list[str]:
    """Takes credguard out of the settings of agents; returns what was done. Raises CredguardError."""
    lines = []
    for agent in agents:
        path = agent.locate(folder)
        text = _read(path)
        if text is None or not text.strip():
            lines.append(f"{agent.title}: there is nothing of credguard in {path}")
            continue
        commands = set(_edit(path, partial(settings.list_commands, agent=agent), text).values())
        if any(text == settings.make_document(agent, command) for command in commands):
            _remove(path)
            lines.append(f"{agent.title}: removed {path}, which held nothing else")
            continue
        wanted = _edit(path, partial(settings.take_entries, agent=agent), text)
        if wanted != text:
            _write(path, wanted)
        lines.append(
            f"{agent.title}: {'removed from' if wanted != text else 'there is nothing of credguard in'} {path}"
        )
    return lines


def check_agents(folder: Path, report: Callable[[str], None]) -> list[str]:
    """The problems of agents that ask credguard, here or for this user, none if a key is stopped; what works is passed
    to `report`, line by line."""
    problems: list[str] = []
    found = False
    for agent in AGENTS:
        for path in dict.fromkeys((agent.locate(None), agent.locate(folder))):
            try:
                text = _read(path)
                commands = _edit(path, partial(settings.list_commands, agent=agent), text or "{}")
            except CredguardError as error:
                problems.append(error.message)
                continue
            if not commands:
                continue
            found = True
            missing = [event for event in agent.events if event not in commands]
            again = f"run `credguard install --agent {agent.name}` again"
            if missing:
                problems.append(f"{path} does not ask credguard at {', '.join(missing)}; {again}")
            for command in dict.fromkeys(commands.values()):
                problem = _prove(agent, command)
                if problem:
                    problems.append(f"{path}: {problem}; {again}")
                elif not missing:
                    report(f"{agent.title}: a key is stopped, clean work passes ({path})")
    if not found and not problems:
        problems.append("no agent asks credguard; run `credguard install --agent claude`, or another name")
    return problems


def _renew(agent: Agent, command: str) -> Callable[[str], str]:
    def renew(text: str) -> str:
        if settings.has_entries(text, agent, command):
            return text
        if any(text == settings.make_document(agent, old) for old in settings.list_commands(text, agent).values()):
            return settings.make_document(agent, command)
        return settings.put_entries(settings.take_entries(text, agent), agent, command)

    return renew


def _edit(path: Path, edit: Callable[[str], _Outcome], text: str) -> _Outcome:
    """The outcome of an edit; raises CredguardError that names the file."""
    try:
        return edit(text)
    except CredguardError as error:
        raise CredguardError(f"{path}: {error.message}", error.hint) from error


def _read(path: Path) -> str | None:
    try:
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise CredguardError(f"{path} is no file", "remove what is there, and run this again")
        with path.open("rb") as handle:
            data = handle.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise CredguardError(f"{path} is too large for settings", "look at what it is")
        return data.decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise CredguardError(f"{path} is no UTF-8 text", "correct the file") from error
    except OSError as error:
        raise CredguardError(f"{path} could not be read: {error.strerror}", "check its permissions") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_output(path, text.encode())
    except OSError as error:
        raise CredguardError(f"{path} could not be written: {error.strerror}", "check its permissions") from error


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise CredguardError(f"{path} could not be removed: {error.strerror}", "check its permissions") from error


def _prove(agent: Agent, command: str) -> str:
    """What is wrong with a command, "" if it stops a key and lets clean work pass."""
    pair = generate_key_pair().decode()
    with scratch.create_scratch_folder() as place:
        leak = _ask(command, _build_payload(agent, str(place), f"cat <<END >a\n{pair}END"), str(place))
        if leak is None:
            return "its command could not be run in time"
        if not _is_no(leak):
            return f"a key was not stopped (exit code {leak.returncode})"
        clean = _ask(command, _build_payload(agent, str(place), "make test"), str(place))
        if clean is None:
            return "its command could not be run in time"
        why = clean.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        return f"clean work was stopped, too ({why or 'no reason is given'})" if _is_no(clean) else ""


def _ask(command: str, payload: dict[str, object], folder: str) -> subprocess.CompletedProcess[bytes] | None:
    shell = ["cmd", "/c", command] if sys.platform == "win32" else ["/bin/sh", "-c", command]
    try:
        return subprocess.run(  # noqa: S603 - what the agent would run
            shell, cwd=folder, input=json.dumps(payload).encode(), capture_output=True, check=False, timeout=_SECONDS,
            env={**os.environ, "PWD": folder},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None


def _build_payload(agent: Agent, folder: str, text: str) -> dict[str, object]:
    call = {"tool_name": "Bash", "tool_input": {"command": text}, "cwd": folder}
    if agent.name == "copilot":
        return {"sessionId": "doctor", "cwd": folder, "toolName": "bash", "toolArgs": json.dumps({"command": text})}
    more: dict[str, dict[str, object]] = {
        "claude": {"session_id": "doctor", "hook_event_name": "PreToolUse"},
        "codex": {"session_id": "doctor", "turn_id": "1", "hook_event_name": "PreToolUse"},
        "cursor": {"cursor_version": "doctor", "hook_event_name": "preToolUse", "workspace_roots": [folder]},
        "gemini": {"session_id": "doctor", "hook_event_name": "BeforeTool"},
    }
    return {**call, **more[agent.name]}


def _is_no(done: subprocess.CompletedProcess[bytes]) -> bool:
    if done.returncode == 2:
        return True
    try:
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        return False
    inner = answer.get("hookSpecificOutput", answer) if isinstance(answer, dict) else {}
    return "deny" in (inner.get("permissionDecision"), inner.get("permission"), inner.get("decision"))
