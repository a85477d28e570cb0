"""A key in a commit message is found wherever git may keep it, and what git itself writes there stops nobody.

No hook is told of `--cleanup` and `--verbose`: comment lines and what follows a scissors line count like all else. The
names of files and the diff of the commit, which git puts there, count where they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hooking import KEY_ID, LEAK, commit_leak, git, hook, hooked, leak, set_hooks, stopped
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCISSORS = "------------------------ >8 ------------------------"
EXPLANATION = "# Do not modify or remove the line above.\n# Everything below it will be ignored.\n"
OTHER = Filler("message").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
OTHER_ID = Filler("message").fill("{{AKID}}")
EMPTY = ("commit", "-q", "--allow-empty")


BEFORE, AFTER, INSTEAD = '"{0}/text" "$1"', '"$1" "{0}/text"', '"{0}/text"'


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return hooked(tmp_path / "repo")


@pytest.fixture
def editor(tmp_path: Path) -> Callable[..., str]:
    """Makes an editor that puts a text before (or after) what git wrote, or in its place."""

    def make(text: str, order: str = BEFORE) -> str:
        (tmp_path / "text").write_text(text)
        made = order.format(tmp_path)
        path = hook(tmp_path, "editor", f'#!/bin/sh\ncat {made} >"{tmp_path}/new"\ncat "{tmp_path}/new" >"$1"\n')
        return str(path)

    return make


@pytest.mark.parametrize("cleanup", ["verbatim", "whitespace", "scissors", "default"])
@pytest.mark.parametrize(("sign", "order"), [("#", BEFORE), (";", AFTER), ("auto", INSTEAD)])
def test_a_comment_line(repo: Repository, editor: Callable[..., str], cleanup: str, sign: str, order: str) -> None:
    repo.git("config", "core.commentChar", sign)
    text = f"fine\n{'#' if sign == 'auto' else sign} {OTHER_ID}\n"
    assert stopped(repo, *EMPTY, f"--cleanup={cleanup}", GIT_EDITOR=editor(text, order))


@pytest.mark.parametrize("explained", ["", EXPLANATION + "diff --git a/x b/x\n@@ -1 +1 @@\n"])
@pytest.mark.parametrize(
    ("options", "sign"), [((), ""), (("--cleanup=verbatim",), "-"), (("--cleanup=whitespace",), "+"), ((), "# ")]
)
def test_below_scissors(
    repo: Repository, editor: Callable[..., str], options: tuple[str, ...], sign: str, explained: str
) -> None:
    leaked = "".join(f"{sign}{line}\n" for line in OTHER.splitlines())
    text = f"fine\n# {SCISSORS}\n{explained}{leaked}"
    assert stopped(repo, *EMPTY, *options, GIT_EDITOR=editor(text, INSTEAD))


@pytest.mark.parametrize("options", [(), ("--cleanup=verbatim",), ("--cleanup=strip",), ("--no-edit", "--amend")])
@pytest.mark.parametrize(
    "text", [f"x\n# {OTHER_ID}\n", f"x\n# {SCISSORS}\n{OTHER}", f"x\n#{OTHER}", f"{SCISSORS}\n{OTHER}"]
)
def test_given_by_file(repo: Repository, options: tuple[str, ...], text: str) -> None:
    (repo.folder / "m").write_text(text)
    if "--amend" in options:
        repo.git("commit", "-q", "--allow-empty", "--no-verify", "--cleanup=verbatim", "-F", "m")
        assert stopped(repo, *EMPTY, *options)
    else:
        assert stopped(repo, *EMPTY, *options, "-F", "m")


def test_words_with_a_comment_between_them(repo: Repository, editor: Callable[..., str]) -> None:
    name, secret = OTHER.splitlines()[1].split(" = ")
    between = "".join(f"# {number}\n" for number in range(40))
    assert stopped(repo, *EMPTY, GIT_EDITOR=editor(f"fine\n\n{name} =\n{between}{secret}\n"))


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (["--verbose"], {}),
        (["-vv"], {"core.commentChar": ";"}),
        (["-v", "--cleanup=scissors"], {"diff.noprefix": "true"}),
        (["-v", "--cleanup=verbatim"], {"diff.mnemonicPrefix": "true"}),
        ([], {"commit.verbose": "2", "core.commentChar": "auto"}),
    ],
)
def test_a_commit_that_takes_a_key_away(
    repo: Repository, editor: Callable[..., str], options: list[str], settings: dict[str, str]
) -> None:
    for name, value in settings.items():
        repo.git("config", name, value)
    commit_leak(repo, "c.ini", f"above\n{LEAK}below\n")
    repo.write({"c.ini": "above\nbelow\n"})
    repo.git("add", "c.ini")
    assert not stopped(repo, "commit", "-q", *options, GIT_EDITOR=editor("take it away\n"))
    assert KEY_ID not in repo.git("log", "-1", "--format=%B")


def test_a_commit_beside_a_key_that_stays(repo: Repository, editor: Callable[..., str]) -> None:
    """As context, and behind the `@@` of a hunk."""
    repo.git("add", "-A")
    lines = "".join(f"# {number}\n" for number in range(12))
    commit_leak(repo, "c.ini", LEAK + lines)
    repo.write({"c.ini": LEAK + lines + "more\n"})
    assert not stopped(repo, "commit", "-qav", GIT_EDITOR=editor("more\n"))
    repo.write({"c.ini": "more\n" + LEAK + lines + "more\n"})
    assert not stopped(repo, "commit", "-qav", GIT_EDITOR=editor("more\n"))


def test_an_amended_commit_that_takes_a_key_away(repo: Repository, editor: Callable[..., str]) -> None:
    commit_leak(repo)
    repo.commit("next", {"x.txt": "x\n"})
    repo.git("rm", "-q", "c.ini")
    assert not stopped_amend(repo, editor("take it away\n"))


def stopped_amend(repo: Repository, editor: str) -> bool:
    done = git(repo.folder, "commit", "-q", "--amend", "--verbose", GIT_EDITOR=editor)
    assert not done.returncode or "CG" in done.stderr, done.stderr
    return done.returncode != 0


def test_names_that_git_lists(repo: Repository, editor: Callable[..., str]) -> None:
    """Deleted, renamed, altered, untracked."""
    for number in range(3):
        repo.write({f"{number}/{KEY_ID}.txt": f"{number}\n" * 20})
    repo.git("add", "-A")
    repo.git("commit", "-qm", "names", "--no-verify")
    repo.git("rm", "-q", f"0/{KEY_ID}.txt")
    repo.git("mv", f"1/{KEY_ID}.txt", "1/name.txt")
    repo.write({f"2/{KEY_ID}.txt": "altered\n", f"{KEY_ID}.untracked": "x\n", f"{KEY_ID}/u": "x\n"})
    assert not stopped(repo, "commit", "-q", "-v", GIT_EDITOR=editor("tidy up\n"))
    assert not stopped(repo, *EMPTY, GIT_EDITOR=editor("nothing\n"))
    assert stopped(repo, *EMPTY, GIT_EDITOR=editor(f"fine\n#\t{KEY_ID}.nothing\n"))


def test_what_is_staged_still_counts_where_it_stands(repo: Repository, editor: Callable[..., str]) -> None:
    leak(repo)
    assert stopped(repo, "commit", "-q", "-v", GIT_EDITOR=editor("more\n"))


def test_a_merge(repo: Repository, editor: Callable[..., str]) -> None:
    repo.git("checkout", "-qb", "side")
    repo.git("commit", "-q", "--allow-empty", "-m", "side", "--no-verify")
    repo.git("checkout", "-q", "main")
    for cleanup in ("verbatim", "whitespace", "scissors"):
        text = editor(f"fine\n# {OTHER_ID}\n")
        assert stopped(repo, "merge", "--no-ff", "--edit", f"--cleanup={cleanup}", "side", GIT_EDITOR=text)
        repo.git("merge", "--abort")


def test_the_push_sees_what_no_message_hook_did(repo: Repository, tmp_path: Path) -> None:
    """`git tag` and `git am` run none."""
    remote = Repository(tmp_path / "remote", bare=True)
    set_hooks(repo)
    repo.git("tag", "-a", "--cleanup=verbatim", "-m", f"x\n# {SCISSORS}\n{OTHER}", "v1")
    done = git(repo.folder, "push", "-q", str(remote.folder), "v1")
    assert done.returncode and "CG103" in done.stderr
