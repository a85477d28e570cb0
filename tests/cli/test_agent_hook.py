"""The hook of AI agents: keys in prompts, calls and results are stopped in the agent's own form, clean work passes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import pytest
import yaml

from tests.agent_payloads import CALLERS, after, ask_hook, before, command, decide, prompt
from tests.keys import Filler
from tests.repos import Repository

FILLER = Filler("agent")
KEY_ID, SECRET = FILLER.fill("{{AKID}}"), FILLER.fill("{{SECRET}}")
PAIR = f"aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
PATCH = f"*** Begin Patch\n*** Add File: a.ini\n+{PAIR.strip().replace(chr(10), chr(10) + '+')}\n*** End Patch"
REMOVAL = f"*** Begin Patch\n*** Update File: a\n-{PAIR.strip().replace(chr(10), chr(10) + '-')}\n+x\n*** End Patch"


def fill(value: object) -> object:
    if isinstance(value, str):
        return FILLER.fill(value.replace("{{PAIR|b64}}", base64.b64encode(PAIR.encode()).decode()))
    if isinstance(value, dict):
        return {key: fill(one) for key, one in value.items()}
    return [fill(one) for one in cast("list[object]", value)]


CASES: Any = fill(yaml.safe_load(Path(__file__).with_name("agent_events.yaml").read_text(encoding="utf-8")))
OWN = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    repo = Repository(tmp_path / "work")
    repo.commit("begin", CASES["files"])
    return repo.folder


def answer(
    caller: str, payload: dict[str, Any], folder: Path, *, failing: bool = False, own: bool = False, home: str = ""
) -> str:
    done = ask_hook(payload, folder, **(OWN if own else {}), **({"HOME": home} if home else {}))
    shown = (done.stdout + done.stderr).decode()
    assert ("could not check" in shown) == failing, shown
    assert SECRET not in shown and SECRET[4:] not in shown
    return decide(caller, payload, done)


def pick(case: object) -> tuple[str, str]:
    """The callers of a case: one form, and another one in turn. What differs between forms has tests of its own."""
    return CALLERS[0], CALLERS[1 + crc32(str(case).encode()) % (len(CALLERS) - 1)]


@pytest.mark.parametrize("caller", CALLERS)
def test_clean_work_passes(work: Path, caller: str) -> None:
    asked = [prompt(caller, work, text) for text in CASES["clean"]["prompts"] if caller in pick(text)]
    asked += [command(caller, work, text) for text in CASES["clean"]["commands"] if caller in pick(text)]
    stopped = [one for one in asked if answer(caller, one, work) != "allow"]
    assert not stopped
    assert answer(caller, after(caller, work, "12 passed\n"), work) == "allow"


@pytest.mark.parametrize("text", CASES["stopped"]["prompts"])
def test_prompts_with_keys_are_stopped(work: Path, text: str) -> None:
    for caller in pick(text):
        assert answer(caller, prompt(caller, work, text), work) == "deny", caller


@pytest.mark.parametrize("text", CASES["stopped"]["commands"])
def test_commands_that_show_keys_are_stopped(work: Path, text: str) -> None:
    assert answer("claude", command("claude", work, text), work, own=True) == "deny"
    assert answer("cursor", command("cursor", work, text), work, own=True) == "deny"


@pytest.mark.parametrize("text", ["grep -rn aws_ .", "rg aws conf", "git grep --no-index aws_", "hexyl2 conf/prod.ini"])
def test_an_agent_that_cannot_withhold_results_is_stopped_earlier(work: Path, text: str) -> None:
    for caller in ("cursor", "vscode"):
        assert answer(caller, command(caller, work, text), work) == "deny"
        assert answer(caller, command(caller, work, "grep -rn nothing-of-the-kind ."), work) == "allow"
    assert answer("claude", command("claude", work, text), work) == "allow"


@pytest.mark.parametrize("caller", CALLERS)
def test_one_command_in_every_form(work: Path, caller: str) -> None:
    assert answer(caller, command(caller, work, "cat conf/prod.ini"), work) == "deny"


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Read", {"file_path": "conf/prod.ini"}),
        ("Read", {"file_path": "notes.txt", "offset": 6, "limit": 10}),
        ("read_file", {"absolute_path": "conf/prod.ini"}),
        ("read_many_files", {"paths": ["README.md", "conf/prod.ini"]}),
        ("view", {"path": "notes.txt", "view_range": [5, -1]}),
        ("Grep", {"pattern": "aws", "path": "conf/prod.ini", "output_mode": "content"}),
        ("NotebookRead", {"notebook_path": "dump.json"}),
        ("mcp__files__read", {"uri": "file://{folder}/conf/prod.ini"}),
        ("Read", {"file_path": ".env"}),
        ("Read", {"file_path": "link.txt"}),
        ("Write", {"file_path": "a.py", "content": PAIR}),
        ("Edit", {"file_path": "a.py", "old_string": "x", "new_string": PAIR}),
        ("MultiEdit", {"file_path": "a.py", "edits": [{"old_string": "a", "new_string": PAIR}]}),
        ("apply_patch", {"command": PATCH}),
        ("mcp__db__query", {"sql": "select 1", "env": {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}}),
        ("mcp__shell__run", {"cmd": "cat conf/prod.ini"}),
        ("shell", {"command": ["bash", "-lc", "cat conf/prod.ini"]}),
        ("WebFetch", {"url": f"https://example.com/?id={KEY_ID}&secret={SECRET}"}),
        ("Task", {"prompt": f"use {KEY_ID} with {SECRET}"}),
    ],
)  # fmt: skip
def test_calls_with_keys_are_stopped(work: Path, tool: str, given: dict[str, Any]) -> None:
    (work / "link.txt").symlink_to(work / ".env")
    given = json.loads(json.dumps(given).replace("{folder}", str(work)))
    for caller in pick(tool):
        assert answer(caller, before(caller, work, tool, given), work) == "deny", caller


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Read", {"file_path": "README.md"}),
        ("Read", {"file_path": "notes.txt", "offset": 1, "limit": 3}),
        ("read_file", {"filePath": "notes.txt", "startLine": 1, "endLine": 4}),
        ("Read", {"file_path": "no-such-file"}),
        ("Write", {"file_path": "conf/prod.ini", "content": "[default]\nregion = eu-central-1\n"}),
        ("Edit", {"file_path": "conf/prod.ini", "old_string": PAIR, "new_string": "credential_process = x\n"}),
        ("delete_file", {"target_file": "conf/prod.ini"}),
        ("Grep", {"pattern": "AKIA[A-Z0-9]{16}", "path": "src"}),
        ("apply_patch", {"command": REMOVAL}),
        ("mcp__db__query", {"sql": "select 1", "limit": 5, "dry": True, "tags": None}),
        ("TodoWrite", {"todos": [{"content": "rotate the key", "status": "pending"}]}),
    ],
)  # fmt: skip
def test_clean_calls_pass(work: Path, tool: str, given: dict[str, Any]) -> None:
    for caller in pick(given):
        assert answer(caller, before(caller, work, tool, given), work) == "allow", caller


def test_results_are_withheld_where_the_agent_can(work: Path) -> None:
    text = f"ok\n{PAIR}done\n"
    wanted = dict.fromkeys(CALLERS, "withheld") | {"vscode": "leaked", "cursor": "leaked"}
    assert {caller: answer(caller, after(caller, work, text), work) for caller in CALLERS} == wanted
    assert answer("cursor", after("cursor", work, text, "MCP:query"), work) == "withheld"


def test_a_withheld_result_keeps_its_shape_and_all_else(work: Path) -> None:
    done = ask_hook(after("claude", work, f"begin\n{PAIR}end\n"), work)
    result = json.loads(done.stdout)["hookSpecificOutput"]["updatedToolOutput"]
    assert result.keys() == {"stdout", "stderr", "interrupted", "isImage"}
    assert result["stdout"].startswith("begin\naws_access_key_id = [credguard") and result["stdout"].endswith("\nend\n")
    assert KEY_ID not in result["stdout"]
    assert "rotate" in json.loads(done.stdout)["systemMessage"]


def test_a_result_of_reading_a_file(work: Path) -> None:
    payload = after("claude", work, "", "Read")
    payload["tool_response"] = {"type": "text", "file": {"filePath": "/a.ini", "content": PAIR, "numLines": 2}}
    result = json.loads(ask_hook(payload, work).stdout)["hookSpecificOutput"]["updatedToolOutput"]
    assert result["type"] == "text" and result["file"]["filePath"] == "/a.ini" and result["file"]["numLines"] == 2
    assert SECRET not in result["file"]["content"] and "aws_secret_access_key" in result["file"]["content"]


def test_a_copy_of_the_result_on_disk_is_not_shown_instead(work: Path) -> None:
    payload = after("claude", work, PAIR)
    payload["tool_response"] |= {"persistedOutputPath": "/x.txt", "persistedOutputSize": 9}
    result = json.loads(ask_hook(payload, work).stdout)["hookSpecificOutput"]["updatedToolOutput"]
    assert not any("persisted" in key for key in result)


def test_half_a_key_withholds_the_whole_result(work: Path) -> None:
    """Its other half may be there in a form that is not known."""
    for text in (f"{KEY_ID}\n{SECRET[:38]}\n{SECRET[38:]}\n", f"{KEY_ID} " + " ".join(SECRET)):
        done = ask_hook(after("claude", work, text), work)
        result = json.loads(done.stdout)["hookSpecificOutput"]["updatedToolOutput"]
        assert result["stdout"] == "[credguard: withheld]" and result["interrupted"] is False


def test_text_that_only_looks_different_is_stopped(work: Path) -> None:
    wide = "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in PAIR)
    hidden = PAIR.replace(SECRET, "\u200b".join(SECRET)).replace(KEY_ID, f"{KEY_ID[:9]}\u2060{KEY_ID[9:]}")
    for text in (wide, hidden):
        assert answer("claude", prompt("claude", work, text), work) == "deny"
        done = ask_hook(after("claude", work, text), work)
        assert json.loads(done.stdout)["hookSpecificOutput"]["updatedToolOutput"]["stdout"] == "[credguard: withheld]"
    assert answer("claude", prompt("claude", work, "caf\u00e9 \u200b \U0001f600"), work) == "allow"


def test_a_clean_event_imports_nothing_heavy(work: Path) -> None:
    payload = json.dumps(command("claude", work, "cat README.md | head")).encode()
    ask_hook(payload, work)  # keeps the patterns
    dump = (
        "import sys; before = set(sys.modules); from credguard.cli import main; code = main(['hook', 'agent']); "
        "print(code, *sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", dump], cwd=work, input=payload, capture_output=True, check=False)
    code, *modules = done.stderr.decode().split()
    assert code == "0" and done.stdout == b"{}\n"
    heavy = "argparse dataclasses typing pathlib subprocess hashlib inspect yaml tempfile datetime glob unicodedata"
    assert not {*heavy.split(), "credguard.rules", "credguard.rule", "credguard.engine"} & set(modules)


def test_an_edit_that_takes_a_key_out_is_no_leak(work: Path) -> None:
    payload = after("claude", work, "", "Edit")
    payload["tool_response"] = {"filePath": "a", "oldString": PAIR, "newString": "x", "originalFile": PAIR}
    assert answer("claude", payload, work) == "allow"
    payload["tool_name"] = "mcp__files__edit"  # whose result the model sees as it is
    assert answer("claude", payload, work) == "withheld"


def test_cursor_reads_with_content(work: Path) -> None:
    base = {key: one for key, one in prompt("cursor", work, "").items() if key != "prompt"}
    payload = {**base, "hook_event_name": "beforeReadFile", "file_path": "/elsewhere/x.ini", "content": PAIR}
    assert answer("cursor", payload, work) == "deny"
    assert answer("cursor", {**payload, "content": "x = 1\n"}, work) == "allow"
    attached = [{"type": "file", "filePath": str(work / "conf/prod.ini")}]
    assert answer("cursor", {**payload, "content": "x\n", "attachments": attached}, work) == "deny"
    shell = {**base, "hook_event_name": "beforeShellExecution", "command": "cat conf/prod.ini", "cwd": str(work)}
    assert answer("cursor", shell, work) == "deny"
    tool = {**base, "hook_event_name": "beforeMCPExecution", "tool_name": "q", "tool_input": json.dumps({"a": PAIR})}
    assert answer("cursor", tool, work) == "deny"


def test_the_credentials_of_this_machine_are_stopped_wherever_they_are(work: Path, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(f"[default]\n{PAIR}")
    for text in (f"say {SECRET}", "see @~/.aws/credentials"):
        assert answer("claude", prompt("claude", work, text), work, home=str(tmp_path)) == "deny"
    for text in ("cat ~/.aws/credentials", "cat $HOME/.aws/cred*", "cd ~/.aws; cat credentials", "cat ~/.aws/*"):
        assert answer("claude", command("claude", work, text), work, home=str(tmp_path)) == "deny", text


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":1}', b'{"hook_event_name":5}',
        b'{"hook_event_name":"Stop"}', b'{"tool_name":"Bash","tool_input":{}}', b'{"prompt":"hi"}',
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(work: Path, data: bytes) -> None:
    done = ask_hook(data, work)
    assert done.returncode == 2 and done.stderr and not done.stdout


@pytest.mark.parametrize("caller", CALLERS)
def test_payloads_without_what_they_must_have_are_refused_in_form(work: Path, caller: str) -> None:
    without_text = prompt(caller, work, "x") | {"prompt": None}
    assert answer(caller, without_text, work, failing=True) == "deny"
    asked = {
        key: one for key, one in command(caller, work, "x").items() if key not in ("tool_input", "toolArgs", "input")
    }
    assert answer(caller, asked, work, failing=True) == "deny"


def test_another_version_of_the_plain_form_is_refused(work: Path) -> None:
    for version in (0, 2, True, "1", None):
        assert answer("plain", prompt("plain", work, "x") | {"credguard": version}, work, failing=True) == "deny"
    done = ask_hook(prompt("plain", work, "x") | {"credguard": 2}, work)
    assert json.loads(done.stdout)["decision"] == "deny" and "version 1" in done.stderr.decode()


def test_too_large_input_is_refused_in_form(work: Path) -> None:
    with (work / "large.log").open("wb") as handle:
        handle.truncate(49 << 20)
    assert answer("claude", command("claude", work, "cat large.log"), work, failing=True) == "deny"
    assert answer("claude", command("claude", work, "ls -l large.log"), work) == "allow"
    assert answer("claude", command("claude", work, "true;" * 2500), work, failing=True) == "deny"
    done = ask_hook(b'{"prompt":"' + b"x" * (33 << 20) + b'"}', work)
    assert done.returncode == 2 and b"larger than 32 MB" in done.stderr


def test_special_files_are_not_waited_for(work: Path) -> None:
    os.mkfifo(work / "pipe")
    for text in ("cat pipe", "cat /dev/stdin", "cat /dev/zero | head -c 1"):
        assert answer("claude", command("claude", work, text), work) == "allow", text


def test_its_own_time_limit_is_a_no(work: Path) -> None:
    for caller in CALLERS:
        done = ask_hook(command(caller, work, "cat conf/prod.ini"), work, CREDGUARD_AGENT_TIMEOUT="0.01")
        assert done.returncode == 2 or decide(caller, command(caller, work, "x"), done) == "deny"
    with subprocess.Popen(
        [sys.executable, "-m", "credguard", "hook", "agent"], cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "CREDGUARD_AGENT_TIMEOUT": "0.5"},
    ) as process:  # fmt: skip
        assert process.stderr
        assert process.wait(30) == 2  # standard input never ends
        assert b"longer than 0.5 seconds" in process.stderr.read()


def test_closed_streams_are_a_no(work: Path) -> None:
    data = json.dumps(prompt("claude", work, "hello")).encode()
    for redirections in ("0<&-", "1>&-", "1>/dev/full"):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -m credguard hook agent {redirections}', sys.executable], cwd=work, input=data,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2, redirections


def test_events_that_show_nothing_pass_and_keys_in_them_do_not(work: Path) -> None:
    base = {key: one for key, one in prompt("claude", work, "").items() if key != "prompt"}
    for name in ("SessionStart", "Stop", "Notification", "PreCompact"):
        assert answer("claude", {**base, "hook_event_name": name}, work) == "allow"
    assert answer("claude", {**base, "hook_event_name": "Notification", "message": PAIR}, work) == "deny"
    asked = {**command("claude", work, "cat conf/prod.ini"), "hook_event_name": "PermissionRequest"}
    inner = json.loads(ask_hook(asked, work).stdout)["hookSpecificOutput"]
    assert inner["decision"]["behavior"] == "deny"
