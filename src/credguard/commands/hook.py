"""`credguard hook NAME`: what a git hook calls, with git's own arguments and standard input."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.errors import CredguardError, ExitCode
from credguard.system import streams
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    import argparse

    from credguard.engine.session import Session
    from credguard.git.repository import Git
    from credguard.policy.judge import Judge
    from credguard.policy.resolve import PolicyResolver

HOOK_ARGUMENTS = ("pre-commit", "pre-merge-commit", "commit-msg", "pre-push", "pre-receive", "post-rewrite", "doctor")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `hook`."""
    parser.add_argument("name", choices=HOOK_ARGUMENTS, metavar="NAME", help=", ".join(HOOK_ARGUMENTS))
    parser.add_argument("arguments", nargs="*", metavar="ARG", help="what git gives the hook")
    parser.add_argument("--whole-files", action="store_true", help="also report what stood there before the change")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Judges what the hook is asked about; any code but 0 stops git."""
    from credguard.git.repository import Git, GitError

    if options.name == "doctor":
        return _run_doctor(quiet=options.quiet)
    work = _options.create_session(options, in_hook=True, stage=_STAGES.get(options.name, options.name))
    repository = Git(Path.cwd(), inherit=True)
    try:
        _HOOKS[options.name](work, repository, options, _options.make_policy_resolver(options, work.stage))
    except GitError as error:
        raise CredguardError(f"{options.name}: {error.message}", error.hint, ExitCode.INCOMPLETE) from error
    _remember(work)
    result = work.build_result({"kind": "hook", "hook": options.name})
    if options.format == "text" and not options.output:
        from credguard.report import text

        _options.finish(result, options, main=False)

        if (result.exit_code or options.verbose) and sys.stderr:
            colour = not options.no_color and not os.environ.get("NO_COLOR") and sys.stderr.isatty()
            _write_report(text.render(result, colour=colour, quiet=not options.verbose))
        return result.exit_code
    return _options.finish(result, options)


def _write_report(report: bytes) -> None:
    """Writes to standard error, if it takes it: what stops git is the exit code."""
    with contextlib.suppress(OSError):
        sys.stderr.buffer.write(report)
        sys.stderr.buffer.flush()


def _run_pre_commit(work: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> None:
    """The staged content; under the pre-commit framework also files it names that are not staged,
    and the range it was given."""
    from credguard.engine import change

    given = _find_given_range()
    if given:
        work.follow(_resolve_range_policy(repository, policies, given))
        change.scan_commits(work, repository, given, whole_files=options.whole_files)
        work.settle()
    # Also beside a range: these variables may be left over from a run around this commit.
    work.follow(policies.resolve_local(repository))
    staged = set(change.scan_staged(work, repository, whole_files=options.whole_files))
    if options.arguments and not given:
        change.scan_named_files(work, repository, options.arguments, staged)


def _find_given_range() -> list[str]:
    """The revisions between --from-ref and --to-ref of the pre-commit framework, if it was given them."""
    source, target = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    return [target, f"^{source}"] if os.environ.get("PRE_COMMIT") and source and target else []


def _resolve_range_policy(repository: Git, policies: PolicyResolver, given: list[str]) -> Judge:
    """By the policy of the range's beginning in CI, where the change must not choose it; by the work
    tree's here."""
    head, start = given
    return (
        policies.resolve_change(repository, start[1:], head)
        if _options.is_in_ci()
        else policies.resolve_local(repository)
    )


def _run_commit_msg(work: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> None:
    from credguard.engine import change

    work.follow(policies.resolve_local(repository))
    if len(options.arguments) != 1:
        raise CredguardError("commit-msg needs the file that holds the message", "git gives it as the first argument")
    path = options.arguments[0]
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise CredguardError(
            f"the message {path} could not be read: {error.strerror}", "", ExitCode.INCOMPLETE
        ) from error
    change.scan_message(work, repository, text, "commit message")


def _run_pre_push(work: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> None:
    """Everything that is pushed and that the remote is not known to have."""
    from credguard.engine import change
    from credguard.sources import push_destination

    told = (os.environ.get("PRE_COMMIT_REMOTE_NAME", ""), os.environ.get("PRE_COMMIT_REMOTE_URL", ""))
    remote, url = (*options.arguments, "")[:2] if options.arguments else told
    given = _find_given_range()
    if given and not remote:  # run by hand or in CI, not by a push
        work.follow(_resolve_range_policy(repository, policies, given))
        change.scan_commits(work, repository, given, whole_files=options.whole_files)
        return
    work.follow(policies.resolve_local(repository))
    if os.environ.get("PRE_COMMIT") and not options.arguments:
        # The framework tells of the first ref only: all that is local and not on the remote is judged.
        change.scan_ref_names(work, [os.environ.get("PRE_COMMIT_REMOTE_BRANCH", "")])
        there = push_destination.list_known_commits(repository, remote, url)
        _scan_refs(work, repository, [*_list_local_refs(repository), *(("", oid) for oid in there)], (), options)
        return
    pushed = _parse_lines("pre-push", 4)  # the first word, what was asked to be pushed, may hold blanks
    change.scan_ref_names(work, [name for _, new, name, _ in pushed if new.strip("0")])
    there = push_destination.list_known_commits(repository, remote, url, [(name, old) for _, _, name, old in pushed])
    pairs = [(new, old) for _, new, _, old in pushed]
    _scan_refs(work, repository, [*pairs, *(("", oid) for oid in there)], (), options)


def _run_pre_receive(work: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> None:
    """Everything that is received and that no ref of this repository holds yet, by the policy of the default branch
    as it stood before: a branch may have been loosened by a push before this one."""
    from credguard.engine import change
    from credguard.git import refs

    received = _parse_lines("pre-receive", 3)
    change.scan_ref_names(work, [name for _, new, name in received if new.strip("0")])
    pairs = [(new, old) for old, new, _ in received if new.strip("0")]
    if not pairs:
        return
    default = refs.find_default_branch(repository)
    if not default:
        work.coverage.notes.append("there is no default branch here yet: the recommended policy holds")
    work.follow(policies.resolve_change(repository, default, *repository.resolve_commits(new for new, _ in pairs)))
    _scan_refs(work, repository, pairs, ("--not", "--all"), options)


def _run_post_rewrite(work: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> None:
    """What an amend or a rebase made anew; git does not wait for the answer, people read it."""
    work.follow(policies.resolve_local(repository))
    rewritten = [line.split()[:2] for line in _read_input() if line]
    _scan_refs(work, repository, [(new, old) for old, new in rewritten], (), options)


def _read_input() -> list[str]:
    """The lines that git gives the hook; a ref's name may hold whatever Python takes for a line's end."""
    data = streams.read()
    return [decode_path(line) for line in data.removesuffix(b"\n").split(b"\n") if line]


def _parse_lines(hook: str, words: int) -> list[list[str]]:
    """The words of each line; raises CredguardError where there are fewer."""
    lines = [line.rsplit(" ", words - 1) for line in _read_input()]
    if any(len(line) != words for line in lines):
        raise CredguardError(f"{hook}: standard input is not what git gives this hook", "call it from git")
    return lines


def _scan_refs(
    work: Session, repository: Git, pairs: list[tuple[str, str]], exclude: tuple[str, ...], options: argparse.Namespace
) -> None:
    """Judges what each (new, old) pair of object IDs brings; a new of zeros is a deletion, none is what is there."""
    from credguard.engine import change

    new = [one for one, _ in pairs if one.strip("0")]
    if not new:
        return
    commits = list(repository.resolve_commits(new))
    old = list(repository.resolve_commits(old for _, old in pairs if old.strip("0")))
    if commits:
        change.scan_commits(
            work, repository, [*commits, *(f"^{one}" for one in old)], *exclude, whole_files=options.whole_files
        )
    change.scan_ref_objects(work, repository, new)


def _list_local_refs(repository: Git) -> list[tuple[str, str]]:
    """Branches, tags, and what is pushed without having one: HEAD, and the commit that the framework names."""
    refs = repository.run("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags").decode().split()
    others = (repository.resolve_head(), os.environ.get("PRE_COMMIT_TO_REF"))
    return [(oid, "") for oid in dict.fromkeys((*refs, *filter(None, others)))]


def _remember(work: Session) -> None:
    """Keeps the pattern database where the quick way of the next commit finds it, and that this policy
    can be followed."""
    from credguard.hooks import fast_path
    from credguard.rules import load_rules
    from credguard.scanning.scanner import Scanner
    from credguard.system import ownership

    with contextlib.suppress(Exception):  # what is decided is decided, whatever happens to a cache
        if not fast_path.is_cached():
            # Not this run's own database: its policy may have others' rules, or noisy ones, looked for as well.
            usual = Scanner([rule for rule in load_rules() if rule.in_hooks and rule.by_default])
            ownership.write_owned(fast_path.locate_cache(), fast_path.serialize_cache(usual.matcher))
        content = work.judge.content
        if content is not None and not fast_path.is_policy_known():
            ownership.write_owned(fast_path.locate_policy_note(content), fast_path.build_policy_note(content))
        fast_path.remove_old_notes()


def _run_doctor(*, quiet: bool) -> ExitCode:
    from credguard.hooks.selftest import check_hooks
    from credguard.report import make_printable

    lines: list[str] = []
    problems = check_hooks(Path.cwd(), lines.append)
    for line in [] if quiet else lines:
        print(make_printable(line))
    for problem in problems:
        print(f"credguard: {make_printable(problem)}", file=sys.stderr)
    return ExitCode.FINDINGS if problems else ExitCode.CLEAN


_STAGES = {"pre-merge-commit": "pre-commit", "post-rewrite": "pre-commit", "doctor": "pre-commit"}
_HOOKS = {
    "pre-commit": _run_pre_commit,
    "pre-merge-commit": _run_pre_commit,
    "commit-msg": _run_commit_msg,
    "pre-push": _run_pre_push,
    "pre-receive": _run_pre_receive,
    "post-rewrite": _run_post_rewrite,
}
