"""The server of `credguard lsp`: documents as they are opened, changed and closed, and what is asked about them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from json import JSONDecodeError
from typing import TYPE_CHECKING, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from credguard import __version__
from credguard.commands import _lsp_answers as answers
from credguard.commands._lsp_protocol import Input, Protocol, prepare_logging, print_line
from credguard.engine.editor import DocumentCheck, DocumentChecker, find_place
from credguard.engine.questions import explain_rule
from credguard.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Value = TypeVar("_Value")
MOVE = "credguard.moveToEnv"
_ONE_PART = "the editor sent a part of the text alone; close the document and open it again"
_FAST = 0.05
_LONGEST_PAUSE = 1.0
_MOST_ACTIONS = 5
_SETTINGS = (".yaml", ".yml", ".credguard-baseline")


@dataclass(slots=True)
class _Document:
    """One that is open. `number` counts what was done to it, `checked` is the number that `found` belongs to, `seconds`
    the time which that took, and `work` what checks it."""

    uri: str
    number: int = 1
    checked: int = 0
    found: DocumentCheck | None = None
    seconds: float = 0.0
    work: asyncio.Task[None] | None = None
    known: bool = True
    """False once the editor sent a part of the text, which it was not told to, until it sends all of it."""


class EditorService:
    """Checks one document at a time, each only as it is newest, and answers by what it found last."""

    def __init__(self) -> None:
        self.server = _Server("credguard", __version__, types.TextDocumentSyncKind.Full, protocol_cls=Protocol)
        self._pool = ThreadPoolExecutor(1)
        self._checker: DocumentChecker | None = None
        self._documents: dict[str, _Document] = {}
        for name, handler in (
            (types.INITIALIZED, self._begin),
            (types.TEXT_DOCUMENT_DID_OPEN, self._open),
            (types.TEXT_DOCUMENT_DID_CHANGE, self._change),
            (types.TEXT_DOCUMENT_DID_SAVE, self._save),
            (types.TEXT_DOCUMENT_DID_CLOSE, self._close),
            (types.TEXT_DOCUMENT_HOVER, self._hover),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._change_files),
            (types.WORKSPACE_DID_CHANGE_CONFIGURATION, self._change_configuration),
        ):
            self.server.feature(name)(partial(handler))
        options = types.CodeActionOptions([types.CodeActionKind.QuickFix])
        self.server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)(partial(self._list_actions))
        self.server.command(MOVE)(partial(self._move))

    def stop(self) -> None:
        """Ends what is still being checked."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    # What the editor tells.

    async def _begin(self, _params: types.InitializedParams) -> None:
        await self._run(self._get_checker)
        told = self.server.client_capabilities.workspace
        watched = told.did_change_watched_files if told else None
        if watched and watched.dynamic_registration:
            patterns = [types.FileSystemWatcher("**/.credguard*")]
            options = types.DidChangeWatchedFilesRegistrationOptions(patterns)
            name = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = types.Registration("credguard-policies", name, options)
            with contextlib.suppress(JsonRpcException):  # then a policy is read again when something is saved
                await self.server.client_register_capability_async(types.RegistrationParams([registration]))

    def _open(self, params: types.DidOpenTextDocumentParams) -> None:
        self._documents[params.text_document.uri] = document = _Document(params.text_document.uri)
        self._schedule(document)

    def _change(self, params: types.DidChangeTextDocumentParams) -> None:
        document = self._documents.get(params.text_document.uri)
        if document:
            document.number += 1
            parts = (isinstance(one, types.TextDocumentContentChangePartial) for one in params.content_changes)
            document.known = not any(parts)
            self._schedule(document)

    def _save(self, params: types.DidSaveTextDocumentParams) -> None:
        if params.text_document.uri.endswith(_SETTINGS):
            self._check_all_again()
        elif document := self._documents.get(params.text_document.uri):
            document.number += 1
            self._schedule(document)

    def _close(self, params: types.DidCloseTextDocumentParams) -> None:
        document = self._documents.pop(params.text_document.uri, None)
        if document and document.work:
            document.work.cancel()
        self._publish(params.text_document.uri, [], None)

    def _change_files(self, _params: types.DidChangeWatchedFilesParams) -> None:
        self._check_all_again()

    def _change_configuration(self, _params: types.DidChangeConfigurationParams) -> None:
        """There are no settings: a policy has them."""

    def _check_all_again(self) -> None:
        if self._checker:
            self._checker.forget_policies()
        for document in self._documents.values():
            document.number += 1
            self._schedule(document)

    # The checks.

    def _schedule(self, document: _Document) -> asyncio.Task[None]:
        if document.work is None or document.work.done():
            document.work = asyncio.ensure_future(self._check_newest(document))
        return document.work

    async def _check_newest(self, document: _Document) -> None:
        """Checks the document until what was checked is the newest. One that takes long waits as long before."""
        while document.checked != document.number and self._documents.get(document.uri) is document:
            if document.seconds > _FAST:
                await asyncio.sleep(min(document.seconds, _LONGEST_PAUSE))
            number, start = document.number, time.monotonic()
            text = self.server.workspace.get_text_document(document.uri)
            version, source = text.version, text.source
            failure = "" if document.known else _ONE_PART
            try:
                place = find_place(_find_path(document.uri), _find_name(document.uri), self._list_folders())
                found = await self._run(lambda place=place, source=source: self._get_checker().check(place, source))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - its text might quote content
                found, failure = None, f"a bug in credguard ({type(error).__name__})"
                print_line(f"a document was not checked: {failure}")
            document.seconds = time.monotonic() - start
            if number == document.number and self._documents.get(document.uri) is document:
                document.found, document.checked = (found if document.known else None), number
                self._publish(document.uri, self._build_diagnostics(document, failure), version)

    def _build_diagnostics(self, document: _Document, failure: str) -> list[types.Diagnostic]:
        if document.found is None:
            return [answers.build_diagnostic_of_failure(failure)]
        return answers.build_diagnostics(document.found, self._locate(document.found), document.uri)

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic], version: int | None) -> None:
        params = types.PublishDiagnosticsParams(uri, diagnostics, version)
        self.server.text_document_publish_diagnostics(params)

    async def _get_newest(self, uri: str) -> DocumentCheck | None:
        """The check of a document as it is now; None if it is not open, or could not be checked."""
        while document := self._documents.get(uri):
            if document.checked == document.number:
                return document.found
            await asyncio.wait([self._schedule(document)])
        return None

    async def _run(self, work: Callable[[], _Value]) -> _Value:
        """Runs the work after what is running, beside the reading of messages."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _get_checker(self) -> DocumentChecker:
        if self._checker is None:
            self._checker = DocumentChecker()
        return self._checker

    def _locate(self, found: DocumentCheck) -> answers.Positions:
        return answers.Positions(found, str(self.server.workspace.position_encoding or "utf-16"))

    def _list_folders(self) -> list[str]:
        uris = [folder.uri for folder in self.server.workspace.folders.values()]
        root = self.server.workspace.root_uri
        return list(filter(None, map(_find_path, [*uris, *([root] if root else [])])))

    # What the editor asks.

    async def _hover(self, params: types.HoverParams) -> types.Hover | None:
        found = await self._get_newest(params.text_document.uri)
        if found is None:
            return None
        here = types.Range(params.position, params.position)
        hits = list(answers.find_at(found, self._locate(found), here))[:_MOST_ACTIONS]
        if not hits:
            return None
        told = self.server.client_capabilities.text_document
        formats = (told.hover.content_format if told and told.hover else None) or []
        markdown = types.MarkupKind.Markdown in formats
        text = answers.build_hover([finding for finding, _ in hits], _load_pages(one.rule_id for one, _ in hits),
                                   markdown=markdown)  # fmt: skip
        kind = types.MarkupKind.Markdown if markdown else types.MarkupKind.PlainText
        return types.Hover(types.MarkupContent(kind, text), hits[0][1])

    async def _list_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        only = params.context.only
        if only and not any(types.CodeActionKind.QuickFix.startswith(kind) for kind in only):
            return []
        uri = params.text_document.uri
        found = await self._get_newest(uri)
        if found is None:
            return []
        positions = self._locate(found)
        hits = list(answers.find_at(found, positions, params.range, by_line=True))[:_MOST_ACTIONS]
        made: list[types.CodeAction] = []
        for finding, _ in hits:
            about = [one for one in params.context.diagnostics if one.source == answers.SOURCE
                     and one.code == finding.rule_id] or None  # fmt: skip
            move = await self._run(lambda one=finding: self._get_checker().suggest_move(found, one))  # type: ignore[misc]
            if move:
                title = f"Move the value of {finding.rule_id} to {move.env_path}, and have git ignore that"
                command = types.Command(title, MOVE, arguments=[uri, finding.fingerprint])
                made.append(types.CodeAction(title, types.CodeActionKind.QuickFix, about, command=command))
            line = await self._run(lambda one=finding: self._get_checker().suggest_allow(found, one))  # type: ignore[misc]
            if line and finding not in [one.finding for one in found.find_unexplained()]:
                title = f"Allow {finding.rule_id} here, with a reason that you write"
                edit = self._build_edit(uri, [answers.build_line_edit(line, positions)])
                made.append(types.CodeAction(title, types.CodeActionKind.QuickFix, about, edit=edit))
        return made

    def _build_edit(self, uri: str, edits: list[types.TextEdit]) -> types.WorkspaceEdit:
        """The edit of one document, of its present version where the editor can tell versions apart."""
        told = self.server.client_capabilities.workspace
        if told and told.workspace_edit and told.workspace_edit.document_changes:
            version = self.server.workspace.get_text_document(uri).version
            identifier = types.OptionalVersionedTextDocumentIdentifier(uri, version)
            return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, list(edits))])
        return types.WorkspaceEdit({uri: edits})

    async def _move(self, *words: object) -> None:
        """Takes the values of a finding out to `.env`. The server writes them there, so that no answer holds them."""
        uri, fingerprint = [*map(str, words), "", ""][:2]
        found = await self._get_newest(uri)
        verdicts = [one for one in (found.find_shown() if found else []) if one.finding.fingerprint == fingerprint]
        checker = self._get_checker()
        move = await self._run(lambda: checker.suggest_move(found, verdicts[0].finding)) if found and verdicts else None
        if found is None or move is None:
            self._tell("the value is no longer there, or cannot be moved: nothing was changed")
            return
        if self._is_unsaved(found.place.root, move.env_path):
            self._tell(f"{move.env_path} is open and not saved: save it, and try again; nothing was changed")
            return
        edit = self._build_edit(uri, answers.build_move_edits(move, self._locate(found)))
        failed = await self._run(lambda: checker.write_env_files(found, move))
        if failed:
            self._tell(f"nothing was changed in the document: {'; '.join(failed)}")
            return
        params = types.ApplyWorkspaceEditParams(edit, label="Move the value to .env")
        if not (await self.server.workspace_apply_edit_async(params)).applied:
            self._tell(f"{move.env_path} has the value now, but the document was not changed: do that yourself")

    def _is_unsaved(self, root: str | None, path: str) -> bool:
        """True if `.env` is open with another text than it has on disk."""
        for uri in self._documents:
            there = _find_path(uri)
            place = find_place(there, "")
            if there and (place.root, place.path) == (root, path):
                try:
                    with open(there, encoding="utf-8", newline="") as handle:
                        return handle.read() != self.server.workspace.get_text_document(uri).source
                except (OSError, ValueError):
                    return True
        return False

    def _tell(self, words: str) -> None:
        self.server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"credguard: {words}"))


class _Server(LanguageServer):
    """pygls's server, whose messages to the user quote nothing."""

    def report_server_error(self, error: Exception, source: type[Exception]) -> None:
        """Tells the user what was not done because of a message of the editor."""
        if isinstance(error, JSONDecodeError | UnicodeDecodeError | RecursionError):
            words = "a message of the editor is no valid JSON and was left out"
        else:
            words = "a message of the editor could not be followed"
        print_line(f"{words} ({type(error).__name__}, {source.__name__})")
        text = f"credguard: {words}; what it changed may not be checked until the next change"
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, text))


def serve() -> None:
    """Serves on standard input and output until the editor ends it; raises CredguardError for what is not the
    protocol."""
    prepare_logging()
    service = EditorService()
    try:
        with open(os.dup(sys.stdout.fileno()), "wb") as output:  # pygls closes it
            service.server.start_io(Input(sys.stdin.buffer), output)  # type: ignore[arg-type]
    finally:
        service.stop()


def _find_path(uri: str) -> str | None:
    """The path of a file's URI; None for any other, and for what no path can be."""
    try:
        path = to_fs_path(uri.replace("file://localhost/", "file:///", 1))
    except ValueError:
        return None
    return path if path and "\0" not in path else None


def _find_name(uri: str) -> str:
    """The name in a URI of something that is no file."""
    return uri.partition(":")[2].partition("?")[0].partition("#")[0].rpartition("/")[2]


def _load_pages(rules: Iterable[str]) -> dict[str, str]:
    """The pages of rules by their IDs; the policy's own rules have none."""
    known = {rule.id for rule in load_rules()}
    return {rule: explain_rule(rule).partition("\n\n")[2] for rule in dict.fromkeys(rules) if rule in known}
