"""What `credguard fix` tells people to do themselves: in the order of the reports, as lines that a shell takes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tests.cli.test_fix import ENV, SECRET, TOKEN, fix
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path


def list_commands(output: str) -> list[str]:
    """What a shell would run of what is printed after the diffs; fails where it would run words."""
    lines = output[output.rindex("\n# First" if "\n# First" in output else "\n# Commands") :].splitlines()
    script = lines[: next((n for n, line in enumerate(lines) if line.startswith("Nothing was changed")), len(lines))]
    commands = [line for line in script if line and not line.startswith("# ")]
    assert all(line.startswith(("git ", "chmod ")) for line in commands), output
    return [line.partition("  # ")[0] for line in commands]


def test_what_was_pushed_is_deactivated_before_anything_else(tmp_path: Path) -> None:
    remote = Repository(tmp_path / "remote", bare=True)
    repo = Repository(tmp_path / "repo")
    repo.commit("one", {".env": ENV, ".gitignore": "node_modules\n"})
    repo.git("remote", "add", "origin", str(remote.folder))
    repo.git("push", "-q", "origin", "main")
    for output in (fix(repo, code=1).stdout, fix(repo, "--apply", code=0).stdout):
        assert output.index("# deactivate and replace the secrets in .env") < output.index("git rm --cached")
        assert "# tell everyone" in output
        assert list_commands(output)[-1] == "git filter-repo --sensitive-data-removal --invert-paths --path .env"
        assert "git commit" in list_commands(output) and "amend" not in output


def test_what_the_last_commit_alone_holds_is_amended(repo: Repository) -> None:
    repo.commit("zero", {"a.py": "x = 1\n"})
    repo.commit("one", {".env": ENV, ".gitignore": "node_modules\n"})
    output = fix(repo, code=1).stdout
    commands = list_commands(output)
    assert commands[0] == "git rm --cached -- .env"
    assert commands[-2:] == ["git add -- .env.example .gitignore", "git commit --amend --no-edit"]
    assert not [words for words in ("deactivate", "tell everyone", "filter-repo") if words in output]
    fix(repo, "--apply", code=0)
    for command in commands[-2:]:
        repo.git(*shlex.split(command)[1:])
    assert not repo.git("log", "--format=%h", "HEAD", "--", ".env")


def test_what_an_older_commit_holds_is_rebased(repo: Repository) -> None:
    repo.commit("zero", {"a.py": "x = 1\n"})
    repo.commit("one", {".env": ENV, ".gitignore": "node_modules\n"})
    since = repo.git("rev-parse", "--short=12", "HEAD").strip()
    repo.commit("two", {"a.py": "x = 2\n"})
    assert list_commands(fix(repo, code=1).stdout)[-1] == f"git rebase --interactive {since}^"
    repo.git("branch", "-q", "kept")
    repo.git("checkout", "-q", "--orphan", "new")
    assert list_commands(fix(repo, code=1).stdout)[-1] == "git filter-repo --force --invert-paths --path .env"


def test_an_example_that_was_pushed_is_kept_and_its_values_are_taken_out(tmp_path: Path) -> None:
    remote = Repository(tmp_path / "remote", bare=True)
    repo = Repository(tmp_path / "repo")
    repo.commit(
        "one", {".env.example": f"TOKEN={TOKEN}\nAWS_SECRET_ACCESS_KEY={SECRET}\n", ".gitignore": ".env*\n!*.example\n"}
    )
    repo.git("remote", "add", "origin", str(remote.folder))
    repo.git("push", "-q", "origin", "main")
    output = fix(repo, code=1).stdout
    assert output.index("deactivate and replace the secrets in .env.example") < output.index("git add")
    assert list_commands("\n" + output[output.index("# First") :])[-1].endswith("--replace-text expressions.txt")
    assert "invert-paths" not in output and "from their clones" not in output
