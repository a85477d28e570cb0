"""`credguard hook pre-receive`: what a server settles about time, queue, bypass and log, around the scan of a push."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _hook_end, _options
from credguard.errors import CredguardError, ExitCode
from credguard.hooks import fast_push, server_options
from credguard.hooks.deadline import Deadline, LateError
from credguard.model.findings import Outcome
from credguard.sources.time_limit import TimeLimit, is_late
from credguard.system import streams
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from credguard.engine.receive import RefUpdate
    from credguard.engine.session import Session
    from credguard.model.findings import ScanResult

_HELP = {
    "deadline": ("SECONDS", "stop after SECONDS and refuse (default: 4.5 on GitHub Enterprise Server, else never)"),
    "on-deadline": ("ACTION", "refuse (the default), or accept-and-queue: let the push in and scan it later"),
    "queue": ("DIR", "the folder of pushes to scan later, with `credguard queue run DIR`"),
    "bypass-option": ("NAME", "the push option with which a user of --bypass-users pushes past findings"),
    "bypass-users": ("FILE", "who may do so: a user name on each line"),
    "user-variable": ("NAME", "the environment variable that names the user (default: that of the server)"),
    "audit-log": ("FILE", "add a line to FILE for each push that is refused, bypassed or queued"),
}


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a server's own hook file."""
    group = parser.add_argument_group("pre-receive on a server")
    for name, (value, text) in _HELP.items():
        group.add_argument(f"--{name}", metavar=value, default="", help=text)


def read_server_options(options: argparse.Namespace) -> dict[str, str]:
    """The options given; raises CredguardError for those that do not fit the hook or each other."""
    given = {name: getattr(options, name.replace("-", "_")) for name in server_options.OPTIONS}
    given = {name: value for name, value in given.items() if value}
    if given and options.name != "pre-receive":
        raise CredguardError(f"--{next(iter(given))} is for pre-receive alone", f"leave it out of {options.name}")
    problem = server_options.find_misuse(given) if options.name == "pre-receive" else ""
    if problem:
        raise CredguardError(problem, "see docs/servers.md")
    return given


def run(options: argparse.Namespace, given: Mapping[str, str]) -> ExitCode:
    """Scans a push; any code but 0 refuses it. Where GitLab's web interface waits, it is told why in its own form."""
    try:
        code, text = _Receiver(options, given).receive()
    except CredguardError as error:
        _tell_web(f"{error.message}; {error.hint}" if error.hint else error.message)
        raise
    except Exception as error:
        _tell_web(f"a bug in credguard: {type(error).__name__}")
        raise
    if code:
        _tell_web(text)
    return code


class _Receiver:
    """One push."""

    def __init__(self, options: argparse.Namespace, given: Mapping[str, str]) -> None:
        self._options, self._given = options, given
        self._deadline = Deadline(server_options.find_deadline(given))
        self._git_dir = fast_push.find_git_dir()
        self._updates = _parse_updates(fast_push.read_received())
        self._session: Session | None = None

    def receive(self) -> tuple[ExitCode, str]:
        """The exit code, and why."""
        if not os.path.exists(os.devnull):
            raise CredguardError(
                f"there is no {os.devnull} here, without which git does not run",
                f"make it: mknod -m 666 {os.devnull} c 1 3", ExitCode.INCOMPLETE,
            )  # fmt: skip
        result = self._scan()
        if result is not None:
            code = _hook_end.show_result(result, self._options)
            text = _summarize(result)
        else:
            code, text = ExitCode.INCOMPLETE, f"not scanned within {self._deadline.seconds:g} s"
            _say(f"pre-receive: {text}; push less at once, or ask for a longer --deadline")
        return (self._settle(result, code), text) if code else (code, text)

    def _scan(self) -> ScanResult | None:
        """The result; None if the time was over before there was one."""
        try:
            self._deadline.arm()
            try:
                return self._build_result()
            finally:
                self._deadline.disarm()
        except LateError:
            return None

    def _build_result(self) -> ScanResult:
        from credguard.engine.conclude import build_result
        from credguard.engine.receive import scan_push
        from credguard.git.repository import Git, GitError
        from credguard.history.stage_advice import fit_advice

        options = self._options
        session = self._session = _options.create_session(options, in_hook=True, stage="pre-receive")
        repository = Git(Path.cwd(), inherit=True)
        policies = _options.make_policy_resolver(options, session.stage)
        limit = TimeLimit(self._deadline if self._deadline.seconds else None)
        try:
            run = scan_push(
                session, repository, policies, self._updates, whole_files=options.whole_files, limit=limit,
                cleared=fast_push.cleared,
            )  # fmt: skip
        except GitError as error:
            raise CredguardError(f"pre-receive: {error.message}", error.hint, ExitCode.INCOMPLETE) from error
        _hook_end.remember(run)
        result = build_result(session, run, {"kind": "hook", "hook": "pre-receive"})
        return fit_advice(result, repository, received=True) if result.verdicts else result

    def _settle(self, result: ScanResult | None, code: ExitCode) -> ExitCode:
        """The exit code after what the server settles: queue and bypass; each is logged, or the push is refused."""
        from credguard.engine import push_record

        given = self._given
        user = push_record.find_user(given.get("user-variable", ""))
        reason = push_record.find_bypass(given.get("bypass-option", ""), given.get("bypass-users", ""), user)
        if reason is not None and code in (ExitCode.FINDINGS, ExitCode.INCOMPLETE):
            self._log("bypassed", user, result, reason)
            _say(f"pre-receive: let in for {user}, as the server allows; this is in its audit log")
            return ExitCode.CLEAN
        late = result is None or (code == ExitCode.INCOMPLETE and all(map(is_late, result.coverage.skipped)))
        if late and given.get("on-deadline") == server_options.QUEUE:
            from credguard.engine.push_queue import store_push
            from credguard.git.repository import Git

            store_push(given["queue"], Git(Path.cwd(), inherit=True), self._git_dir, user, self._updates)
            self._log("queued", user, result)
            _say("pre-receive: let in for now, as the server settles it; it will be scanned later")
            return ExitCode.CLEAN
        self._log("refused", user, result)
        return code

    def _log(self, event: str, user: str, result: ScanResult | None, reason: str = "") -> None:
        if not self._given.get("audit-log"):
            return
        from credguard.engine.push_record import write_record

        secrets = self._session.scanner.secrets if self._session else ()
        write_record(
            self._given["audit-log"], event, user, self._git_dir, self._updates, result, secrets=secrets,
            reason=reason,
        )  # fmt: skip


def _parse_updates(data: bytes) -> list[RefUpdate]:
    """What git tells of each ref; a name may contain characters that Python treats as line ends."""
    from credguard.engine.receive import RefUpdate

    lines = [decode_path(line).rsplit(" ", 2) for line in data.removesuffix(b"\n").split(b"\n") if line]
    if any(len(line) != 3 for line in lines):
        raise CredguardError("pre-receive: standard input is not what git passes to this hook", "call it from git")
    return [RefUpdate(old, new, name) for old, new, name in lines]


def _summarize(result: ScanResult) -> str:
    """What blocks, in a line without values."""
    found = [verdict.finding for verdict in result.verdicts if verdict.outcome is Outcome.REPORT]
    named = [f"{one.rule_id} in {one.locations[0].path}:{one.locations[0].line}" for one in found[:3]]
    more = f" and {len(found) - len(named)} more" if len(found) > len(named) else ""
    return f"{', '.join(named)}{more}; push again without it" if named else "something could not be scanned"


def _tell_web(text: str) -> None:
    """The line that GitLab's web interface shows (docs.gitlab.com/administration/server_hooks); elsewhere nothing."""
    if os.environ.get("GL_PROTOCOL") == "web":
        from credguard.report import make_printable

        line = f"GL-HOOK-ERR: credguard: {make_printable(text)}\n"
        streams.write_messages(line.encode("utf-8", "replace"))


def _say(text: str) -> None:
    from credguard.report import make_printable

    print(f"credguard: {make_printable(text)}", file=sys.stderr)
