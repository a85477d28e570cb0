"""`credguard hook NAME`: what a git hook calls, with git's own arguments and standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse

    from credguard.audit import Run
    from credguard.git import Git

NAMES = ("pre-commit", "pre-merge-commit", "commit-msg", "pre-push", "pre-receive", "post-rewrite", "doctor")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `hook`."""
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("arguments", nargs="*", metavar="ARG", help="what git gives the hook")
    parser.add_argument("--whole-files", action="store_true", help="also report what stood there before the change")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Judges what the hook is asked about; any code but 0 stops git."""
    from credguard.git import Git, GitError

    if options.name == "doctor":
        return _doctor()
    work = _options.new_run(options, in_hook=True)
    repository = Git(Path.cwd(), inherit=True)
    try:
        _HOOKS[options.name](work, repository, options)
    except GitError as error:
        raise CredguardError(f"{options.name}: {error.message}", error.hint, ExitCode.INCOMPLETE) from error
    _remember(work)
    result = work.result({"kind": "hook", "hook": options.name})
    if options.format == "text" and not options.output:
        from credguard.report import text

        if result.exit_code or options.verbose:
            colour = not options.no_color and not os.environ.get("NO_COLOR") and sys.stderr.isatty()
            sys.stderr.buffer.write(text.render(result, colour=colour, quiet=not options.verbose))
            sys.stderr.buffer.flush()
        return result.exit_code
    return _options.finish(result, options)


def _pre_commit(work: Run, repository: Git, options: argparse.Namespace) -> None:
    """The staged content; under the pre-commit framework also files it names that are not staged,
    and the range it was given."""
    from credguard import gate

    given = _given_range()
    if given:
        gate.commits(work, repository, given, whole_files=options.whole_files)
        return
    staged = set(gate.staged(work, repository, whole_files=options.whole_files))
    if options.arguments:
        gate.named(work, repository, options.arguments, staged)


def _given_range() -> list[str]:
    """The revisions between --from-ref and --to-ref of the pre-commit framework, if it was given them."""
    source, target = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    return [target, f"^{source}"] if os.environ.get("PRE_COMMIT") and source and target else []


def _commit_msg(work: Run, repository: Git, options: argparse.Namespace) -> None:
    from credguard import gate

    if len(options.arguments) != 1:
        raise CredguardError("commit-msg needs the file that holds the message", "git gives it as the first argument")
    path = options.arguments[0]
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise CredguardError(
            f"the message {path} could not be read: {error.strerror}", "", ExitCode.INCOMPLETE
        ) from error
    gate.message(work, text, repository.comment_sign(), "commit message")


def _pre_push(work: Run, repository: Git, options: argparse.Namespace) -> None:
    """Everything that is pushed and that the remote is not known to have."""
    from credguard import gate

    remote = options.arguments[0] if options.arguments else os.environ.get("PRE_COMMIT_REMOTE_NAME", "")
    exclude = ("--not", f"--remotes={remote}") if remote and "/" not in remote and ":" not in remote else ()
    given = _given_range()
    if given and not remote:  # run by hand or in CI, not by a push
        gate.commits(work, repository, given, whole_files=options.whole_files)
        return
    if os.environ.get("PRE_COMMIT"):
        # The framework tells of the first ref only: all that is local and not on the remote is judged.
        _judge_refs(work, repository, _local_refs(repository), exclude, options)
        return
    pushed = [line.split() for line in sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines()]
    if any(len(words) != 4 for words in pushed):
        raise CredguardError("pre-push: standard input is not what git gives this hook", "call it from git")
    _judge_refs(work, repository, [(words[1], words[3]) for words in pushed], exclude, options)


def _pre_receive(work: Run, repository: Git, options: argparse.Namespace) -> None:
    """Everything that is received and that no ref of this repository holds yet."""
    received = [line.split() for line in sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines()]
    if any(len(words) != 3 for words in received):
        raise CredguardError("pre-receive: standard input is not what git gives this hook", "call it from git")
    _judge_refs(work, repository, [(words[1], words[0]) for words in received], ("--not", "--all"), options)


def _post_rewrite(work: Run, repository: Git, options: argparse.Namespace) -> None:
    """What an amend or a rebase made anew; git does not wait for the answer, people read it."""
    rewritten = [line.split()[:2] for line in sys.stdin.buffer.read().decode().splitlines() if line.strip()]
    _judge_refs(work, repository, [(new, old) for old, new in rewritten], (), options)


def _judge_refs(
    work: Run, repository: Git, pairs: list[tuple[str, str]], exclude: tuple[str, ...], options: argparse.Namespace
) -> None:
    """Judges what each (new, old) pair of object IDs brings; a new of zeros is a deletion."""
    from credguard import gate
    from credguard.model import Coverage
    from credguard.sources import changes

    new = [one for one, _ in pairs if one.strip("0")]
    if not new:
        return
    commits = list(repository.commits_of(new))
    old = list(repository.commits_of(old for _, old in pairs if old.strip("0")))
    if commits:
        gate.commits(
            work, repository, [*commits, *(f"^{one}" for one in old)], *exclude, whole_files=options.whole_files
        )
    part = Coverage()
    for item in changes.tags(repository, new, work.limit):
        work.take(item, part)
    work.coverage.add(part)


def _local_refs(repository: Git) -> list[tuple[str, str]]:
    """Branches, tags, and what is pushed without having one: HEAD, and the commit that the framework names."""
    refs = repository.run("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags").decode().split()
    others = (repository.head(), os.environ.get("PRE_COMMIT_TO_REF"))
    return [(oid, "") for oid in dict.fromkeys((*refs, *filter(None, others)))]


def _remember(work: Run) -> None:
    """Keeps the pattern database where the quick way of the next commit finds it."""
    import contextlib

    from credguard import quick
    from credguard.matcher import write_private

    if not work.policy.select and not work.policy.ignore and not quick.remembered():
        with contextlib.suppress(OSError, RuntimeError):
            write_private(Path(quick.cache_path()), quick.pack(work.scanner.matcher.serialized()))


def _doctor() -> ExitCode:
    from credguard.doctor import doctor

    problems = doctor(Path.cwd())
    for problem in problems:
        print(f"credguard: {problem}", file=sys.stderr)
    if not problems:
        print("credguard: the hooks are installed and stop a planted key")
    return ExitCode.FINDINGS if problems else ExitCode.CLEAN


_HOOKS = {
    "pre-commit": _pre_commit,
    "pre-merge-commit": _pre_commit,
    "commit-msg": _commit_msg,
    "pre-push": _pre_push,
    "pre-receive": _pre_receive,
    "post-rewrite": _post_rewrite,
}
