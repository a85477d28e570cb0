"""An editor that speaks the Language Server Protocol: it opens, changes and closes documents, and applies edits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Union

from lsprotocol import types
from pytest_lsp.client import make_test_lsp_client

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_lsp import LanguageClient


def make_client() -> LanguageClient:
    """pytest-lsp's client, but for a mistake of lsprotocol 2025.0: it takes a code action with a command for one."""
    made = make_test_lsp_client()
    choice = types.Command | types.CodeAction
    converter = made.protocol._converter

    def read(value: dict[str, object], _kind: object) -> types.Command | types.CodeAction:
        if isinstance(value.get("command"), str):
            return converter.structure(value, types.Command)
        return converter.structure(value, types.CodeAction)

    for kind in (choice, Union[types.Command, types.CodeAction]):  # noqa: UP007 - as lsprotocol spells it
        converter.register_structure_hook(kind, read)
    return made


class Editor:
    """Opens and edits documents as an editor does, and applies what the server asks for."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client, self.folder, self.version = client, folder, 0
        # Kept one by one: of two that come together, whoever waits for the next one would miss the second.
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.shown: dict[str, Sequence[types.Diagnostic]] = {}
        client.protocol.fm.features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS] = self._show
        self.texts: dict[str, str] = {}

    def _show(self, params: types.PublishDiagnosticsParams) -> None:
        self.shown[params.uri] = params.diagnostics
        self.published.put_nowait(params)

    def uri(self, name: str) -> str:
        return name if ":" in name else (self.folder / name).as_uri()

    async def open(self, name: str, text: str) -> list[types.Diagnostic]:
        item = types.TextDocumentItem(self.uri(name), "plaintext", 1, text)
        self.texts[name] = text
        send = lambda: self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))  # noqa: E731
        return await self.wait(name, send)

    async def change(self, name: str, change: str | types.TextDocumentContentChangePartial) -> list[types.Diagnostic]:
        return await self.wait(name, lambda: self.send_change(name, change), self.version + 2)

    def send_change(self, name: str, change: str | types.TextDocumentContentChangePartial) -> None:
        self.version += 1
        identifier = types.VersionedTextDocumentIdentifier(self.version + 1, self.uri(name))
        self.texts[name] = change if isinstance(change, str) else ""
        sent = types.TextDocumentContentChangeWholeDocument(change) if isinstance(change, str) else change
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [sent]))

    async def save(self, name: str) -> list[types.Diagnostic]:
        identifier = types.TextDocumentIdentifier(self.uri(name))
        send = lambda: self.client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))  # noqa: E731
        return await self.wait(name, send)

    async def tell_change(self, name: str, changed: str) -> list[types.Diagnostic]:
        """What is published of a document once the editor tells that another file changed on disk."""
        event = types.FileEvent(self.uri(changed), types.FileChangeType.Changed)
        params = types.DidChangeWatchedFilesParams([event])
        return await self.wait(name, lambda: self.client.workspace_did_change_watched_files(params))

    async def close(self, name: str) -> list[types.Diagnostic]:
        identifier = types.TextDocumentIdentifier(self.uri(name))
        send = lambda: self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))  # noqa: E731
        return await self.wait(name, send)

    async def wait(self, name: str, send: Callable[[], None], version: int = 0) -> list[types.Diagnostic]:
        """What is published of the document next, or of its version."""
        while not self.published.empty():
            self.published.get_nowait()
        send()
        while True:
            params = await asyncio.wait_for(self.published.get(), 60)
            if params.uri == self.uri(name) and version in (0, params.version):
                return list(params.diagnostics)

    async def hover(self, name: str, line: int, column: int) -> str:
        params = types.HoverParams(types.TextDocumentIdentifier(self.uri(name)), types.Position(line, column))
        found = await self.client.text_document_hover_async(params)
        return found.contents.value if found and isinstance(found.contents, types.MarkupContent) else ""

    async def actions(self, name: str, line: int) -> list[types.CodeAction]:
        span = types.Range(types.Position(line, 0), types.Position(line, 1000))
        params = types.CodeActionParams(types.TextDocumentIdentifier(self.uri(name)), span, types.CodeActionContext([]))
        found = await self.client.text_document_code_action_async(params)
        return [one for one in found or [] if isinstance(one, types.CodeAction)]

    def apply(self, name: str, edit: types.WorkspaceEdit | None) -> str:
        """The document with an edit of its own."""
        assert edit is not None
        (change,) = edit.document_changes or []
        assert isinstance(change, types.TextDocumentEdit) and change.text_document.uri == self.uri(name)
        lines = self.texts[name].split("\n")
        for one in sorted(change.edits, key=lambda one: -one.range.start.line):
            assert isinstance(one, types.TextEdit)
            (start, end), row = (one.range.start, one.range.end), lines[one.range.start.line].encode("utf-16-le")
            assert start.line == end.line
            text = row[: 2 * start.character] + one.new_text.encode("utf-16-le") + row[2 * end.character :]
            lines[start.line] = text.decode("utf-16-le")
        return "\n".join(lines)
