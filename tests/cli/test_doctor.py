"""`credguard hook doctor`: it tells working hooks from hooks that only lie there, and leaves no trace."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from credguard.hooks import install, scripts
from credguard.hooks.scripts import CHAINED
from credguard.hooks.selftest import check_hooks
from tests.repos import Repository, clean_environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the hooks are POSIX shell scripts; git brings the shell")
PROVED = "pre-commit: blocks a generated key pair and lets clean work pass"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"README.md": "hello\n", "sub/a.py": "x = 1\n"})
    install.install(repo.folder)
    return repo


@pytest.fixture
def hooks(repo: Repository) -> Path:
    return repo.folder / ".git" / "hooks"


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, time and content of all files and folders below one."""
    paths = [Path(base) / name for base, folders, files in os.walk(folder) for name in (*folders, *files)]
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in paths
    }


def test_all_is_well(repo: Repository, hooks: Path) -> None:
    lines: list[str] = []
    assert check_hooks(repo.folder / "sub", lines.append) == []
    assert lines == [
        f"git looks for hooks in {hooks}", "pre-commit: runs credguard", "pre-merge-commit: runs credguard",
        "commit-msg: runs credguard", "pre-push: runs credguard", PROVED,
    ]  # fmt: skip


def test_nothing_is_left_behind(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("config", "core.splitIndex", "true")
    repo.git("config", "core.untrackedCache", "true")
    repo.git("config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    repo.git("config", "alias.diff-index", f"!touch {tmp_path}/ran")
    repo.git("config", "filter.x.clean", f"touch {tmp_path}/ran; cat")
    repo.git("config", "filter.x.smudge", f"touch {tmp_path}/ran; cat")
    repo.git("config", "commit.gpgSign", "true")
    repo.git("config", "gpg.program", f"touch {tmp_path}/ran; false")
    script(repo.folder / ".git" / "hooks" / f"pre-commit{CHAINED}", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script(repo.folder / ".git" / "hooks" / "post-index-change", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    repo.write({".gitattributes": "* filter=x\n", "README.md": "changed\n", "new": "untracked\n"})
    repo.git("-c", "core.fsmonitor=false", "-c", "filter.x.clean=cat", "add", "sub", ".gitattributes")
    (tmp_path / "ran").unlink(missing_ok=True)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = everything(repo.folder)
    assert check_hooks(repo.folder) == []
    assert everything(repo.folder) == before
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "ran").exists()


def test_unborn_branch(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    install.install(repo.folder)
    assert check_hooks(repo.folder) == []


@pytest.mark.parametrize("options", [["--object-format=sha256"], []], ids=["sha256", "odd path"])
def test_other_repositories(tmp_path: Path, options: list[str]) -> None:
    folder = tmp_path / "a:b 'c' \"d\" \\e é"
    subprocess.run(["git", "init", "-q", *options, folder], env=clean_environment(), check=True)
    repo = Repository(folder) if not options else None
    if repo:
        repo.commit("begin", {"a": "b\n"})
    install.install(folder)
    assert check_hooks(folder) == []


def test_worktree(repo: Repository, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    lines: list[str] = []
    assert check_hooks(tmp_path / "linked", lines.append) == []
    assert PROVED in lines


def test_bare_repository(tmp_path: Path) -> None:
    bare = Repository(tmp_path / "bare", bare=True)
    assert check_hooks(bare.folder) == [
        f"pre-receive is not in {bare.folder}/hooks; run `credguard install --hooks pre-receive`"
    ]
    install.install(bare.folder)
    before = everything(bare.folder)
    lines: list[str] = []
    assert check_hooks(bare.folder, lines.append) == []
    assert lines[1:] == [
        "pre-receive: runs credguard", "pre-receive: blocks a generated key pair and lets clean work pass"
    ]  # fmt: skip
    assert everything(bare.folder) == before


def test_a_folder_of_plain_hooks(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install.uninstall(repo.folder)
    script(tmp_path / "bin" / "credguard", f'#!/bin/sh\nexec "{sys.executable}" -m credguard "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    repo.git("config", "core.hooksPath", str(Path(__file__).parents[2] / "hooks"))
    lines: list[str] = []
    assert check_hooks(repo.folder, lines.append) == []
    assert lines[0].endswith("hooks (core.hooksPath in .git/config)")
    assert PROVED in lines


def test_no_hook(repo: Repository, hooks: Path) -> None:
    install.uninstall(repo.folder, ["pre-commit"])
    assert check_hooks(repo.folder) == [f"pre-commit is not in {hooks}; run `credguard install --hooks pre-commit`"]


def test_a_hook_nobody_installed_is_no_problem(repo: Repository) -> None:
    install.uninstall(repo.folder, ["pre-push"])
    lines: list[str] = []
    assert check_hooks(repo.folder, lines.append) == []
    assert "pre-push: not installed" in lines


@pytest.mark.parametrize("name", ["pre-commit", "pre-push"])
def test_not_executable(repo: Repository, hooks: Path, name: str) -> None:
    (hooks / name).chmod(0o644)
    assert check_hooks(repo.folder) == [f"{hooks}/{name} is not executable, so git ignores it; run chmod +x on it"]


def test_windows_line_ends(repo: Repository, hooks: Path) -> None:
    (hooks / "commit-msg").write_bytes((hooks / "commit-msg").read_bytes().replace(b"\n", b"\r\n"))
    problems = check_hooks(repo.folder)
    assert len(problems) == 1 and "commit-msg has Windows line endings" in problems[0]
    install.install(repo.folder)
    assert check_hooks(repo.folder) == []


def test_shadowed_by_core_hooks_path(repo: Repository, hooks: Path) -> None:
    repo.git("config", "core.hooksPath", "elsewhere")
    problems = check_hooks(repo.folder)
    assert problems == [
        f"pre-commit, pre-merge-commit, commit-msg, pre-push in {hooks} never run: core.hooksPath in .git/config "
        f"points git to {repo.folder}/elsewhere; run `credguard install` again, or unset it",
        f"pre-commit is not in {repo.folder}/elsewhere; run `credguard install --hooks pre-commit`",
    ]
    install.install(repo.folder)
    assert check_hooks(repo.folder) == []


@pytest.mark.parametrize("value", ["/dev/null", ""])
def test_hooks_switched_off(repo: Repository, value: str) -> None:
    repo.git("config", "core.hooksPath", value)
    problems = check_hooks(repo.folder)
    assert len(problems) == 1 and "so git runs no hooks" in problems[0]


def test_replaced_by_another_program(repo: Repository, hooks: Path) -> None:
    (hooks / "pre-push").rename(hooks / f"pre-push{CHAINED}")
    script(hooks / "pre-push", "#!/bin/sh\n# once called credguard\n")
    problems = check_hooks(repo.folder)
    assert problems == [
        f"{hooks}/pre-push has been replaced by another program's hook; merge the two, then run "
        "`credguard install --hooks pre-push`"
    ]


def test_a_hook_that_does_not_call_credguard(repo: Repository, hooks: Path) -> None:
    script(hooks / "pre-commit", "#!/bin/sh\nexit 0\n")
    assert check_hooks(repo.folder) == [
        f"{hooks}/pre-commit does not call credguard; run `credguard install --hooks pre-commit`"
    ]


STUB = '#!/bin/sh\nshift 3\n[ "$1" = hook ] || exit 0\n'


def test_a_hook_that_lets_everything_pass(repo: Repository, tmp_path: Path) -> None:
    install.install(repo.folder, (), str(script(tmp_path / "python", STUB)))
    assert check_hooks(repo.folder) == ["pre-commit did not block a generated key pair; run `credguard install` again"]


def test_a_hook_that_stops_everything(repo: Repository, tmp_path: Path) -> None:
    names = "git diff --cached --name-only >&2; exit 1\n"
    install.install(repo.folder, (), str(script(tmp_path / "python", STUB + names)))
    problems = check_hooks(repo.folder)
    assert len(problems) == 1
    assert problems[0].startswith("pre-commit also blocks a file without a key (exit 1): credguard-canary-")


@pytest.mark.parametrize("ending", ["echo broken >&2; exit 1\n", "echo broken >&2; exit 4\n"])
def test_a_hook_that_fails(repo: Repository, tmp_path: Path, ending: str) -> None:
    install.install(repo.folder, (), str(script(tmp_path / "python", STUB + ending)))
    assert check_hooks(repo.folder) == [f"pre-commit does not work (exit {ending[-2]}): broken"]


def test_a_hook_without_its_interpreter(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = script(tmp_path / "python", STUB)
    install.install(repo.folder, (), str(stub))
    stub.unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh", "cat"):
        (tools / name).symlink_to(f"/usr/bin/{name}" if name != "sh" else "/bin/sh")
    monkeypatch.setenv("PATH", str(tools))
    problems = check_hooks(repo.folder)
    assert len(problems) == 1
    assert problems[0].startswith(
        "pre-commit does not work (exit 2): credguard is missing, so nothing was checked; cure: "
    )


def test_a_shell_that_is_not_there(repo: Repository, hooks: Path) -> None:
    content = (hooks / "pre-commit").read_text()
    (hooks / "pre-commit").write_text(content.replace("#!/bin/sh", "#!/no/such/sh", 1))
    problems = check_hooks(repo.folder)
    assert len(problems) == 1 and problems[0].startswith("pre-commit could not be tested: ")


def test_a_commit_that_cannot_be_read(repo: Repository) -> None:
    tree = repo.git("rev-parse", "HEAD^{tree}").strip()
    (repo.folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    problems = check_hooks(repo.folder)
    assert len(problems) == 1 and problems[0].startswith("pre-commit could not be tested: git read-tree failed")


HUSKY = '. "$(dirname "$0")/h"\n'
FRAMEWORK = "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\ntouch ran\n"


def test_husky(repo: Repository) -> None:
    install.uninstall(repo.folder)
    repo.git("config", "core.hooksPath", ".husky/_")
    script(repo.folder / ".husky" / "_" / "pre-commit", HUSKY)
    problems = check_hooks(repo.folder)
    assert len(problems) == 1 and "does not call credguard" in problems[0]
    repo.write({".husky/pre-commit": "# credguard hook pre-commit\n"})
    assert check_hooks(repo.folder) == problems
    repo.write({".husky/pre-commit": 'credguard hook pre-commit "$@"\ntouch ran\n'})
    lines: list[str] = []
    assert check_hooks(repo.folder, lines.append) == []
    assert "pre-commit: runs credguard through husky (pre-commit)" in lines
    assert lines[-1] == f"{PROVED} (only credguard was tested, not what else the hook runs)"
    assert not (repo.folder / "ran").exists()


def test_the_pre_commit_framework(repo: Repository, hooks: Path) -> None:
    install.uninstall(repo.folder)
    script(hooks / "pre-commit", FRAMEWORK)
    assert "does not call credguard" in check_hooks(repo.folder)[0]
    repo.write({".pre-commit-config.yaml": "repos:\n- repo: x\n  hooks:\n  - id: credguard\n"})
    lines: list[str] = []
    assert check_hooks(repo.folder, lines.append) == []
    assert "pre-commit: runs credguard through pre-commit (.pre-commit-config.yaml)" in lines
    assert not (repo.folder / "ran").exists()


def test_the_pre_commit_framework_around_our_hook(repo: Repository, hooks: Path) -> None:
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    script(hooks / "pre-commit", FRAMEWORK)
    lines: list[str] = []
    assert check_hooks(repo.folder, lines.append) == []
    assert "pre-commit: runs credguard through pre-commit.legacy" in lines


def test_command(repo: Repository, hooks: Path) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "credguard", "hook", "doctor"]
        return subprocess.run(
            command, cwd=repo.folder, env=clean_environment(), capture_output=True, text=True, check=False
        )

    done = run()
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"git looks for hooks in {hooks}" and PROVED in done.stdout.splitlines()
    (hooks / "pre-commit").write_bytes(scripts.format_installed_hook("pre-commit", "/bin/true"))
    done = run()
    assert done.returncode == 1
    assert "pre-commit did not block a generated key pair" in done.stderr
