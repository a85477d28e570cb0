"""The table of git hooks: what each is given, when it is installed, and by which stage of the policy it goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HookEvent:
    """A git hook (githooks(5)) that `credguard hook NAME` answers.

    `stage` is the policy's, `framework_id` the hook of `.pre-commit-hooks.yaml`, `lefthook` how lefthook writes git's
    arguments; `by_default` tells whether `credguard install` installs it in a repository with a work tree.
    """

    name: str
    stage: str
    framework_id: str = "credguard"
    lefthook: str = ""
    reads_stdin: bool = False
    by_default: bool = True


EVENTS = (
    HookEvent("pre-commit", "pre-commit"),
    HookEvent("pre-merge-commit", "pre-commit"),
    HookEvent("commit-msg", "commit-msg", framework_id="credguard-commit-msg", lefthook=" {1}"),
    HookEvent("pre-push", "pre-push", framework_id="credguard-pre-push", lefthook=" {0}", reads_stdin=True),
    HookEvent("pre-receive", "pre-receive", reads_stdin=True, by_default=False),
    HookEvent("post-rewrite", "pre-commit", lefthook=" {0}", reads_stdin=True, by_default=False),
)
BY_NAME = {event.name: event for event in EVENTS}
HOOK_NAMES = tuple(BY_NAME)
DEFAULT = tuple(event.name for event in EVENTS if event.by_default)
FRAMEWORK_IDS = tuple(dict.fromkeys(event.framework_id for event in EVENTS if event.by_default))
"""The hooks that a repository lists for the pre-commit framework."""
