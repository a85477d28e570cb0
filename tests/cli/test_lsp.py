"""`credguard lsp`, driven by a real client: what an editor shows is what a scan says, and no answer holds a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.repos import Repository

pytest.importorskip("pytest_lsp", reason="the extra `lsp` is not installed")

import pytest_asyncio
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from tests.editor import Editor, make_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.keys import Filler

PAIR = '# {0}\nAKID = "{{{{AKID}}}}"\nSECRET = "{{{{SECRET}}}}"\n'
SERVER = ClientServerConfig([sys.executable, "-m", "credguard", "lsp"], make_client)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[LanguageClient]:
    """One server for all tests, as an editor has; pytest-lsp's own fixture needs its plugin, whose import would slow
    down every run of the tests."""
    made = await SERVER.start()
    assert isinstance(made, LanguageClient)
    capabilities = client_capabilities("visual-studio-code")
    await made.initialize_session(types.InitializeParams(capabilities=capabilities, process_id=os.getpid()))
    yield made
    await made.shutdown_session()
    await made.stop()  # type: ignore[no-untyped-call]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.commit("begin", {"README.md": "hello\n"})
    return made


@pytest.fixture
def editor(client: LanguageClient, repo: Repository) -> Editor:
    return Editor(client, repo.folder)


def _cover(diagnostic: types.Diagnostic) -> tuple[int, int, int]:
    span = diagnostic.range
    return span.start.line, span.start.character, span.end.character


async def test_a_document_from_opening_to_closing(editor: Editor, filler: Filler) -> None:
    text = filler.fill(PAIR.format("x"))
    secret = text.split('"')[3]
    assert await editor.open("a.py", "x = 1\n") == []
    (found,) = await editor.change("a.py", text)  # which nobody saved
    assert (found.code, found.source, found.severity) == ("CG103", "credguard", types.DiagnosticSeverity.Error)
    assert _cover(found) == (1, 8, 28) and found.code_description is None
    (other,) = found.related_information or []
    assert other.location.range.start == types.Position(2, 10)
    page = await editor.hover("a.py", 2, 20)
    assert "CG103 aws-key-pair (critical)" in page and "How to fix" in page and 'SECRET = "' in page
    assert await editor.hover("a.py", 0, 0) == ""
    for shown in (str(found), page, str(await editor.actions("a.py", 1))):
        assert secret not in shown and secret[5:] not in shown
    assert [one.code for one in await editor.save("a.py")] == ["CG103"]
    assert await editor.change("a.py", "x = 1\n") == []
    await editor.change("a.py", text)
    assert await editor.close("a.py") == []


async def test_columns_are_what_editors_count(editor: Editor, filler: Filler) -> None:
    key = filler.fill("{{AKID}}")
    for name, text, covered in (
        ("emoji.py", f'x = "\U0001f600\u00e9", "{key}"\n', (0, 12, 32)),
        ("crlf.py", f'a = 1\r\nb = 2\r\nk = "{key}"\r\n', (2, 5, 25)),
        ("old-mac.py", f'a = 1\rk = "{key}"\r', (1, 5, 25)),
        ("mark.py", f'\ufeffk = "{key}"\n', (0, 6, 26)),
        ("lone.py", f'x = "\ud800", "{key}"\n', (0, 10, 30)),
    ):
        (found,) = await editor.open(name, text)
        assert (name, found.code, _cover(found)) == (name, "CG101", covered)


async def test_the_policy_is_that_of_a_scan(editor: Editor, repo: Repository, filler: Filler) -> None:
    text = filler.fill('k = "{{AKID}}"\n')
    (found,) = await editor.open("a.py", text)
    repo.write({".credguard.yaml": "version: 1\nrules:\n  CG101: off\n"})
    assert await editor.save("a.py") == []
    repo.write({".credguard.yaml": "version: 1\npaths:\n  exclude: ['third_party/**']\n"})
    assert [one.code for one in await editor.save("a.py")] == ["CG101"]
    assert await editor.open("third_party/a.py", text) == []
    repo.write({".credguard.yaml": "version: 1\nfail-on: critical\n"})
    (found,) = await editor.tell_change("a.py", ".credguard.yaml")
    assert found.severity == types.DiagnosticSeverity.Information
    repo.write({".credguard.yaml": "version: 1\nlimits:\n  file-size: 1K\n"})
    (found,) = await editor.change("a.py", text + "#" * 2000)
    assert found.severity == types.DiagnosticSeverity.Information and "limits.file-size" in found.message
    over = "version: 1\nallow:\n  - {rule: CG150, path: b, reason: known, expires: 2020-01-31}\n"
    repo.write({".credguard.yaml": over})
    assert [one.code for one in await editor.change("a.py", text)] == ["CG101"]
    (found,) = await editor.open(".credguard.yaml", over)
    assert (found.code, found.range.start.line) == ("CG004", 2)
    repo.write({".credguard.yaml": "version: 1\nrulez: 1\n"})
    (found,) = await editor.change("a.py", text)
    assert found.severity == types.DiagnosticSeverity.Error and ".credguard.yaml:2" in found.message
    assert "not checked" in found.message
    (found,) = await editor.change(".credguard.yaml", "version: 1\nrulez: 1\n")
    assert found.range.start.line == 1


async def test_allow_with_a_reason(editor: Editor, filler: Filler) -> None:
    for name, text, line, comment in (
        ("a.py", 'def f():\n    return "{{AKID}}"\n', 1, "    # credguard: allow CG101 -- TODO"),
        ("a.go", 'var k = "{{AKID}}"\n', 0, "// credguard: allow CG101 -- TODO"),
        ("a.xml", "<a>\r\n<k>{{AKID}}</k>\r\n</a>\r\n", 1, "<!-- credguard: allow CG101 - TODO"),
    ):
        assert await editor.open(name, filler.fill(text))
        (action,) = [one for one in await editor.actions(name, line) if one.title.startswith("Allow")]
        after = editor.apply(name, action.edit)
        assert after.split("\n")[line].startswith(comment) and after.count("\r") in (0, after.count("\n"))
        (found,) = await editor.change(name, after)
        assert found.severity == types.DiagnosticSeverity.Information and "without a reason" in found.message
        assert await editor.change(name, after.replace("TODO: say why this may stay", "of the training account")) == []
    for name, text in (("a.json", '{"k": "{{AKID}}"}'), ("a.sh", "run \\\n  --key {{AKID}}\n")):
        assert await editor.open(name, filler.fill(text))  # where no comment can be
        assert await editor.actions(name, 0) == await editor.actions(name, 1) == []


async def _move(editor: Editor, name: str, line: int) -> str:
    """The document after its value was moved, as the server asks for it."""
    (action,) = [one for one in await editor.actions(name, line) if one.title.startswith("Move")]
    assert action.command and action.edit is None
    asked: list[types.ApplyWorkspaceEditParams] = []

    async def answer(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        asked.append(params)
        return types.ApplyWorkspaceEditResult(applied=True)

    editor.client.protocol.fm.features.pop(types.WORKSPACE_APPLY_EDIT, None)
    editor.client.feature(types.WORKSPACE_APPLY_EDIT)(answer)
    command = types.ExecuteCommandParams(action.command.command, action.command.arguments)
    await editor.client.workspace_execute_command_async(command)
    return editor.apply(name, asked[0].edit) if asked else ""


async def test_move_to_env(editor: Editor, repo: Repository, filler: Filler) -> None:
    text = filler.fill('"""Uploads."""\r\nimport boto3\r\n\r\ns3 = boto3.client("s3", aws_access_key_id="{{AKID}}",\r\n'
                       '    aws_secret_access_key="{{SECRET}}")\r\n')  # fmt: skip
    key, secret = filler.fill("{{AKID}}"), filler.fill("{{SECRET}}")
    repo.write({".env": "AWS_ACCESS_KEY_ID=other\nKEPT=1"})
    (found,) = await editor.open("up.py", text)
    assert found.code == "CG103"
    after = await _move(editor, "up.py", 3)
    assert '"""Uploads."""\r\nimport os\r\nimport boto3\r\n' in after and secret not in after and key not in after
    assert 'os.environ["AWS_ACCESS_KEY_ID_2"]' in after and 'os.environ["AWS_SECRET_ACCESS_KEY_2"]' in after
    env = (repo.folder / ".env").read_text()
    assert env == f"AWS_ACCESS_KEY_ID=other\nKEPT=1\nAWS_ACCESS_KEY_ID_2={key}\nAWS_SECRET_ACCESS_KEY_2={secret}\n"
    assert os.name == "nt" or (repo.folder / ".env").stat().st_mode & 0o077 == 0
    assert "ignored" in repo.git("status", "--short", "--ignored", "--", ".env").replace("!!", "ignored")
    assert await editor.change("up.py", after) == []
    compile(after, "up.py", "exec")


async def test_move_in_other_languages(editor: Editor, repo: Repository, filler: Filler) -> None:
    for name, text, becomes in (
        ("a.js", 'const c = { key: "{{AKID}}" };\n', "const c = { key: process.env.AWS_ACCESS_KEY_ID };\n"),
        ("a.rb", "key = '{{AKID}}'\n", 'key = ENV.fetch("AWS_ACCESS_KEY_ID")\n'),
        ("a.sh", "export KEY={{AKID}}  # mine\n", 'export KEY="${AWS_ACCESS_KEY_ID:?}"  # mine\n'),
        ("ops/compose.yaml", "x:\n  K: {{AKID}}\n", "x:\n  K: ${AWS_ACCESS_KEY_ID:?}\n"),
    ):
        assert await editor.open(name, filler.fill(text))
        assert await _move(editor, name, text.count("\n") - 1) == becomes
    assert (repo.folder / ".env").read_text().count("\n") == 1
    assert (repo.folder / "ops" / ".env").exists()
    for name, text in (
        ("b.js", 'f({ "{{AKID}}": 1 });\n'),
        ("b.tsx", 'x = <a key="{{AKID}}"/>;\n'),
        ("b.py", 'x = f"{{AKID}} {y}"\n'),
        ("b.sh", "echo 'the {{AKID}} key'\n"),
        ("b.py", 'x = ("{{AKID}}"\n'),
    ):
        assert await editor.open(name, filler.fill(text))
        assert [one.title for one in await editor.actions(name, 0) if one.title.startswith("Move")] == []


async def test_what_is_tracked_or_unsaved_is_left_alone(editor: Editor, repo: Repository, filler: Filler) -> None:
    text = filler.fill('key = "{{AKID}}"\n')
    await editor.open(".env", "KEPT=2\n")
    await editor.open("a.py", text)
    assert await _move(editor, "a.py", 0) == "" and not (repo.folder / ".env").exists()
    assert any("not saved" in message.message for message in editor.client.messages)
    await editor.close(".env")
    repo.commit("env", {".env": "KEPT=1\n"})
    assert not [one for one in await editor.actions("a.py", 0) if one.title.startswith("Move")]


async def test_odd_documents(editor: Editor, tmp_path: Path, filler: Filler) -> None:
    text = filler.fill('key = "{{AKID}}"\n')
    (tmp_path / "link.py").symlink_to(tmp_path / "elsewhere.py")
    outside = (tmp_path / "no repository" / "\u00e9 %41.py").as_uri()
    for name in (
        "untitled:Untitled-1", outside, (tmp_path / "link.py").as_uri(), "file:///%00/a.py", "file:///%ff%fe/a.py",
        "file://host/share/a.py", "git:/x/a.py?%7B%22ref%22%3A%22%22%7D", "file:///../../a.py",
    ):  # fmt: skip
        assert [one.code for one in await editor.open(name, text)] == ["CG101"], name
        assert await editor.hover(name, 0, 10)
        await editor.actions(name, 0)
        assert await editor.close(name) == []
    assert await editor.open("empty", "") == []
    assert await editor.open("binary", "\0\x01\ufffd" * 1000) == []
    faces = "\U0001f600" * 100_000
    (found,) = await editor.open("wide.js", f"x = '{faces}'; y = '{filler.fill('{{AKID}}')}'")
    assert _cover(found)[1] == 200_013


async def test_only_the_newest_text_is_published(editor: Editor, filler: Filler) -> None:
    text = filler.fill('key = "{{AKID}}"\n')
    await editor.open("fast.py", "x = 1\n")
    await editor.change("fast.py", "x = 2\n")  # after what took long, the server waits a while

    def send_two() -> None:
        editor.send_change("fast.py", "some more words\n" * 300_000 + text)
        editor.send_change("fast.py", "x = 1\n")

    assert await editor.wait("fast.py", send_two) == []  # what the first one holds is not even told
    for number in range(40):
        editor.send_change("fast.py", text if number % 2 else "x = 1\n")
    assert [one.code for one in await editor.change("fast.py", "#\n" * 2000 + text)] == ["CG101"]
    assert len(await editor.actions("fast.py", 2000)) == 2
    seen = editor.shown[editor.uri("fast.py")]
    assert [one.range.start.line for one in seen] == [2000]


async def test_a_part_of_a_text_is_not_taken_for_it(editor: Editor, filler: Filler) -> None:
    text = filler.fill('key = "{{AKID}}"\n')
    await editor.open("part.py", text)
    start = types.Position(0, 0)
    part = types.TextDocumentContentChangePartial(types.Range(start, start), "x = 1\n")
    (found,) = await editor.change("part.py", part)
    assert found.severity == types.DiagnosticSeverity.Error and "not checked" in found.message
    assert [one.code for one in await editor.change("part.py", text)] == ["CG101"]


@pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")
async def test_nothing_in_a_repository_is_run(editor: Editor, repo: Repository, filler: Filler) -> None:
    program = "#!/bin/sh\ntouch ../run\nexit 1\n"
    repo.write({"git": program, "watch": program, ".credguard.yaml": "version: 1\nextends: ../../etc/passwd\n"})
    for name in ("git", "watch"):
        (repo.folder / name).chmod(0o755)
    repo.git("config", "core.fsmonitor", "./watch")
    repo.git("config", "core.hooksPath", ".")
    text = filler.fill('key = "{{AKID}}"\n')
    (found,) = await editor.open("a.py", text)
    assert "not checked: .credguard.yaml:2" in found.message
    repo.write({".credguard.yaml": "version: 1\n"})
    (repo.folder / ".env").symlink_to(repo.folder.parent / "elsewhere")
    assert [one.code for one in await editor.save("a.py")] == ["CG101"]
    assert [one.title[:5] for one in await editor.actions("a.py", 0)] == ["Allow"]
    assert not (repo.folder.parent / "run").exists() and not (repo.folder / "run").exists()


def _frame(text: str) -> bytes:
    data = text.encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(data), data)


def _talk(data: bytes) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-m", "credguard", "lsp"]
    return subprocess.run(words, input=data, capture_output=True, check=False, timeout=60)


async def test_broken_messages_are_answered_without_their_text(filler: Filler) -> None:
    secret = filler.fill("{{SECRET}}")
    begin = (
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{},"processId":null,"rootUri":null}}'
    )
    done = _talk(
        _frame(begin).replace(b"Content-Length", b"content-length")
        + _frame(f'{{"jsonrpc": "2.0", "method": "{secret}')
        + _frame(f'["{secret}"]')
        + _frame(f'{{"jsonrpc": "1.0", "id": 2, "method": "{secret}", "params": {{}}}}')
        + _frame(f'{{"jsonrpc": "2.0", "id": 3, "method": "{secret}", "params": {{}}}}')
        + _frame(f'{{"jsonrpc": "2.0", "method": "{secret}", "params": {{}}}}')
        + _frame(f'{{"jsonrpc": "2.0", "id": 4, "method": "textDocument/hover", "params": {{"x": "{secret}"}}}}')
        + _frame(f'{{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {{"x": "{secret}"}}}}')
        + _frame(
            f'{{"jsonrpc": "2.0", "id": 5, "method": "workspace/executeCommand", "params": {{"command": "{secret}"}}}}'
        )
        + _frame("[" * 100_000)
        + _frame('{"jsonrpc": "2.0", "id": 6, "method": "shutdown"}')
        + _frame('{"jsonrpc": "2.0", "method": "exit"}')
    )
    out, error = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0
    for number in (3, 4, 5, 6):
        assert f'"id": {number}' in out
    assert out.count("window/showMessage") >= 5
    for shown in (out, error):
        assert secret not in shown and secret[5:] not in shown and "Traceback" not in shown and ".py" not in shown


async def test_what_is_no_protocol_ends_with_a_line() -> None:
    for data in (b"hello\n", b"Content-Length: 99999999999\r\n\r\n"):
        done = _talk(data)
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"standard input" in done.stderr


async def test_without_the_extra(tmp_path: Path) -> None:
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError('pygls')\n")
    done = subprocess.run(
        [sys.executable, "-m", "credguard", "lsp"], capture_output=True, check=False, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "credguard: the package pygls is not installed; pip install 'credguard-cli[lsp]'\n"
