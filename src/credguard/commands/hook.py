"""`credguard hook NAME`: called by a git hook, with git's own arguments and standard input."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options, _verify_option
from credguard.errors import CredguardError, ExitCode
from credguard.hooks.events import BY_NAME, HOOK_NAMES
from credguard.system import streams, terminal
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    import argparse

    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.git.repository import Git
    from credguard.model.result import Result
    from credguard.policy.judge import Judge
    from credguard.policy.resolve import PolicyResolver
    from credguard.scanning.pipeline import Pipeline

HOOK_ARGUMENTS = (*HOOK_NAMES, "agent", "doctor")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `hook`."""
    parser.add_argument("name", choices=HOOK_ARGUMENTS, metavar="NAME", help=", ".join(HOOK_ARGUMENTS))
    parser.add_argument(
        "arguments", nargs="*", default=[], metavar="ARG", help="the arguments that git passes to the hook"
    )
    parser.add_argument(
        "--whole-files", action="store_true", help=("also report findings that were there before the change")
    )
    parser.add_argument("--agent", action="store_true", help="with doctor, test the hooks of AI agents")
    _verify_option.add(parser)
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Scans what the hook is for; any code but 0 stops git."""
    from credguard.git.repository import Git, GitError

    if options.name == "agent":
        from credguard.engine.agent import check_event
        from credguard.hooks.agents.guard import answer_event

        return ExitCode(answer_event(lambda: check_event))
    if options.name == "doctor":
        return _run_doctor(quiet=options.quiet, agents=options.agent)
    from credguard.engine.conclude import build_result

    session = _options.create_session(options, in_hook=True, stage=BY_NAME[options.name].stage)
    repository = Git(Path.cwd(), inherit=True)
    try:
        run = _HOOKS[options.name](session, repository, options, _options.make_policy_resolver(options, session.stage))
    except GitError as error:
        raise CredguardError(f"{options.name}: {error.message}", error.hint, ExitCode.INCOMPLETE) from error
    _remember(run)
    framework = {"framework": "pre-commit"} if os.environ.get("PRE_COMMIT") else {}
    result = build_result(session, run, {"kind": "hook", "hook": options.name, **framework})
    if result.verdicts:
        from credguard.history.stage_advice import fit_advice

        result = fit_advice(result, repository, received=options.name == "pre-receive")
    if options.format == "text" and not options.output:
        from credguard.report import text
        from credguard.report.overlap import fold_overlaps

        _options.finish(result, options, main=False)

        if (result.exit_code or options.verbose) and sys.stderr:
            colour = terminal.has_colours(sys.stderr, off=options.no_color)
            width = terminal.measure_width(sys.stderr)
            report = text.render(
                fold_overlaps(result), colour=colour, quiet=not options.verbose, verbose=options.verbose, width=width
            )
            streams.write_messages(terminal.encode_for(sys.stderr, report))
        return result.exit_code
    return _options.finish(result, options)


def _run_pre_commit(session: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> Run:
    """Scans the staged content; under the pre-commit framework also unstaged files that it names, and its range."""
    from credguard.engine import change
    from credguard.engine.conclude import settle
    from credguard.engine.run import Run, follow

    given, first = _find_given_range(), Run()
    if given:
        first = settle(session, _scan_given_range(session, repository, options, policies))
    # Also beside a range: these variables may be left over from a run around this commit.
    run = follow(policies.resolve_local(repository))
    pipeline = session.make_pipeline(run)
    staged = change.scan_staged(pipeline, repository, whole_files=options.whole_files)
    run = first.merge(run).add(staged)
    if not options.arguments or given:
        return run
    return run.add(change.scan_named_files(pipeline, repository, options.arguments, staged.changed))


def _scan_given_range(session: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> Run:
    """The commits between --from-ref and --to-ref of the pre-commit framework."""
    from credguard.engine import change
    from credguard.engine.run import follow

    given = _find_given_range()
    run = follow(_resolve_range_policy(repository, policies, given))
    pipeline = session.make_pipeline(run)
    return run.add(change.scan_commits(pipeline, repository, given, whole_files=options.whole_files))


def _find_given_range() -> list[str]:
    """The revisions of the pre-commit framework's --from-ref and --to-ref, if given."""
    source, target = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    return [target, f"^{source}"] if os.environ.get("PRE_COMMIT") and source and target else []


def _resolve_range_policy(repository: Git, policies: PolicyResolver, given: list[str]) -> Judge:
    """In CI the policy at the start of the range, since the change must not choose it; else that of the work tree."""
    head, start = given
    return (
        policies.resolve_change(repository, start[1:], head)
        if _options.is_in_ci()
        else policies.resolve_local(repository)
    )


def _run_commit_msg(session: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> Run:
    from credguard.engine import change
    from credguard.engine.run import follow

    run = follow(policies.resolve_local(repository))
    if len(options.arguments) != 1:
        raise CredguardError("commit-msg needs the file with the message", "git passes it as the first argument")
    path = options.arguments[0]
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise CredguardError(
            f"the message {path} could not be read: {error.strerror}", "", ExitCode.INCOMPLETE
        ) from error
    return run.add(change.scan_message(session.make_pipeline(run), repository, text, "commit message"))


def _run_pre_push(session: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> Run:
    """Scans everything that is pushed and that the remote is not known to have."""
    from credguard.engine import change
    from credguard.engine.run import follow
    from credguard.sources import push_destination

    told = (os.environ.get("PRE_COMMIT_REMOTE_NAME", ""), os.environ.get("PRE_COMMIT_REMOTE_URL", ""))
    remote, url = (*options.arguments, "")[:2] if options.arguments else told
    if _find_given_range() and not remote:  # run by hand or in CI, not by a push
        return _scan_given_range(session, repository, options, policies)
    run = follow(policies.resolve_local(repository))
    pipeline = session.make_pipeline(run)
    if os.environ.get("PRE_COMMIT") and not options.arguments:
        # The framework passes only the first ref: everything local that is not on the remote is scanned.
        names = change.scan_ref_names(pipeline, [os.environ.get("PRE_COMMIT_REMOTE_BRANCH", "")])
        there = push_destination.list_known_commits(repository, remote, url)
        pairs = [*_list_local_refs(repository), *(("", oid) for oid in there)]
        return run.add(names, _scan_refs(pipeline, repository, pairs, (), options))
    pushed = _parse_lines("pre-push", 4)  # the first word, the local ref as given, may contain spaces
    names = change.scan_ref_names(pipeline, [name for _, new, name, _ in pushed if new.strip("0")])
    there = push_destination.list_known_commits(repository, remote, url, [(name, old) for _, _, name, old in pushed])
    pairs = [*((new, old) for _, new, _, old in pushed), *(("", oid) for oid in there)]
    return run.add(names, _scan_refs(pipeline, repository, pairs, (), options))


def _run_pre_receive(session: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> Run:
    """Scans everything that is received and that no ref of this repository contains yet, with the policy of the default
    branch before the push: an earlier push may have loosened the policy of a branch."""
    from credguard.engine import change
    from credguard.engine.run import Run, follow
    from credguard.git import refs

    received = _parse_lines("pre-receive", 3)
    names = [name for _, new, name in received if new.strip("0")]
    run = Run().add(change.scan_ref_names(session.make_pipeline(), names))
    pairs = [(new, old) for old, new, _ in received if new.strip("0")]
    if not pairs:
        return run
    default = refs.find_default_branch(repository)
    if not default:
        run = run.add_note("there is no default branch here yet: the recommended policy applies")
    commits = repository.resolve_commits(new for new, _ in pairs)
    run = run.merge(follow(policies.resolve_change(repository, default, *commits)))
    return run.add(_scan_refs(session.make_pipeline(run), repository, pairs, ("--not", "--all"), options))


def _run_post_rewrite(session: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> Run:
    """Scans the commits created by an amend or a rebase; git does not wait for the result, users read it."""
    from credguard.engine.run import follow

    run = follow(policies.resolve_local(repository))
    rewritten = [line.split()[:2] for line in _read_input() if line]
    pairs = [(new, old) for old, new in rewritten]
    return run.add(_scan_refs(session.make_pipeline(run), repository, pairs, (), options))


def _read_input() -> list[str]:
    """The lines that git passes to the hook; a ref's name may contain characters that Python treats as line ends."""
    data = streams.read()
    return [decode_path(line) for line in data.removesuffix(b"\n").split(b"\n") if line]


def _parse_lines(hook: str, words: int) -> list[list[str]]:
    """The words of each line; raises CredguardError if there are fewer."""
    lines = [line.rsplit(" ", words - 1) for line in _read_input()]
    if any(len(line) != words for line in lines):
        raise CredguardError(f"{hook}: standard input is not what git passes to this hook", "call it from git")
    return lines


def _scan_refs(
    pipeline: Pipeline, repository: Git, pairs: list[tuple[str, str]], exclude: tuple[str, ...],
    options: argparse.Namespace,
) -> Result:  # fmt: skip
    """Scans what each (new, old) pair of object IDs adds; a new ID of zeros is a deletion, no pair means all local
    refs."""
    from credguard.engine import change
    from credguard.model.result import Result

    new = [one for one, _ in pairs if one.strip("0")]
    if not new:
        return Result()
    commits = list(repository.resolve_commits(new))
    old = list(repository.resolve_commits(old for _, old in pairs if old.strip("0")))
    revisions = [*commits, *(f"^{one}" for one in old)]
    result = Result()
    if commits:
        result = change.scan_commits(pipeline, repository, revisions, *exclude, whole_files=options.whole_files)
    return result.merge(change.scan_ref_objects(pipeline, repository, new))


def _list_local_refs(repository: Git) -> list[tuple[str, str]]:
    """Branches, tags, and other commits that may be pushed: HEAD, and the commit that the framework names."""
    refs = repository.run("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags").decode().split()
    others = (repository.resolve_head(), os.environ.get("PRE_COMMIT_TO_REF"))
    return [(oid, "") for oid in dict.fromkeys((*refs, *filter(None, others)))]


def _remember(run: Run) -> None:
    """Stores the pattern database for the fast path of the next commit, and the fact that this policy is valid."""
    from credguard.hooks import fast_path
    from credguard.system import ownership

    with contextlib.suppress(Exception):  # a cache error must not change the result
        if not fast_path.is_cached():
            from credguard.engine.warm import store_prefilter

            store_prefilter()
        content = run.judges[-1].content if run.judges else None
        if content is not None and not fast_path.is_policy_known():
            ownership.write_owned(fast_path.locate_policy_note(content), fast_path.build_policy_note(content))
        fast_path.remove_old_notes()


def _run_doctor(*, quiet: bool, agents: bool) -> ExitCode:
    from credguard.engine.warm import list_cold
    from credguard.hooks.agents.setup import check_agents
    from credguard.hooks.selftest import check_hooks
    from credguard.report import make_printable

    lines = list_cold()
    problems = check_agents(Path.cwd(), lines.append) if agents else check_hooks(Path.cwd(), lines.append)
    for line in [] if quiet else lines:
        print(make_printable(line))
    for problem in problems:
        print(f"credguard: {make_printable(problem)}", file=sys.stderr)
    return ExitCode.FINDINGS if problems else ExitCode.CLEAN


_HOOKS = {
    "pre-commit": _run_pre_commit,
    "pre-merge-commit": _run_pre_commit,
    "commit-msg": _run_commit_msg,
    "pre-push": _run_pre_push,
    "pre-receive": _run_pre_receive,
    "post-rewrite": _run_post_rewrite,
}
