"""`credguard hook NAME`: called by a git hook, with git's own arguments and standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _hook_end, _options, _receive, _verify_option
from credguard.errors import CredguardError, ExitCode
from credguard.hooks.events import BY_NAME, HOOK_NAMES
from credguard.system import streams
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    import argparse

    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.git.repository import Git
    from credguard.policy.judge import Judge
    from credguard.policy.resolve import PolicyResolver

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
    _verify_option.add_verify_option(parser)
    _receive.add_server_options(parser)
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
    given = _receive.read_server_options(options)
    if options.name == "pre-receive":
        return _receive.run(options, given)
    from credguard.engine.conclude import build_result

    session = _options.create_session(options, in_hook=True, stage=BY_NAME[options.name].stage)
    repository = Git(Path.cwd(), inherit=True)
    try:
        run = _HOOKS[options.name](session, repository, options, _options.make_policy_resolver(options, session.stage))
    except GitError as error:
        raise CredguardError(f"{options.name}: {error.message}", error.hint, ExitCode.INCOMPLETE) from error
    _hook_end.remember(run)
    framework = {"framework": "pre-commit"} if os.environ.get("PRE_COMMIT") else {}
    result = build_result(session, run, {"kind": "hook", "hook": options.name, **framework})
    if result.verdicts:
        from credguard.history.stage_advice import fit_advice

        result = fit_advice(result, repository)
    return _hook_end.show_result(result, options)


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
        return run.add(names, change.scan_refs(pipeline, repository, pairs, whole_files=options.whole_files))
    pushed = _parse_lines("pre-push", 4)  # the first word, the local ref as given, may contain spaces
    names = change.scan_ref_names(pipeline, [name for _, new, name, _ in pushed if new.strip("0")])
    there = push_destination.list_known_commits(repository, remote, url, [(name, old) for _, _, name, old in pushed])
    pairs = [*((new, old) for _, new, _, old in pushed), *(("", oid) for oid in there)]
    return run.add(names, change.scan_refs(pipeline, repository, pairs, whole_files=options.whole_files))


def _run_post_rewrite(session: Session, repository: Git, options: argparse.Namespace, policies: PolicyResolver) -> Run:
    """Scans the commits created by an amend or a rebase; git does not wait for the result, users read it."""
    from credguard.engine import change
    from credguard.engine.run import follow

    run = follow(policies.resolve_local(repository))
    rewritten = [line.split()[:2] for line in _read_input() if line]
    pairs = [(new, old) for old, new in rewritten]
    return run.add(change.scan_refs(session.make_pipeline(run), repository, pairs, whole_files=options.whole_files))


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


def _list_local_refs(repository: Git) -> list[tuple[str, str]]:
    """Branches, tags, and other commits that may be pushed: HEAD, and the commit that the framework names."""
    refs = repository.run("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags").decode().split()
    others = (repository.resolve_head(), os.environ.get("PRE_COMMIT_TO_REF"))
    return [(oid, "") for oid in dict.fromkeys((*refs, *filter(None, others)))]


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
    "post-rewrite": _run_post_rewrite,
}
