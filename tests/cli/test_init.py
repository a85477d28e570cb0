"""`credguard init`: what it writes is valid where it is read, keeps what is there, and is written once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from credguard.fixes.edit import RefusedError
from credguard.fixes.starter_files import CHECKOUT, add_hook_entry
from credguard.hooks.events import FRAMEWORK_IDS
from credguard.hooks.package_source import PackageSource, resolve_source
from credguard.policy import load
from credguard.rules import load_rules
from credguard.sources.snapshots import FolderSnapshot
from tests.hooking import credguard
from tests.repos import Repository, write

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent.parent
REV = "0123456789abcdef0123456789abcdef01234567"
KEPT = PackageSource("https://github.com/acme/credguard", REV)
FROM = ("--source", KEPT.url, "--rev", REV)
FILES = [".credguard.yaml", ".github/workflows/credguard.yml", ".pre-commit-config.yaml"]


def init(folder: Path, *args: str, code: int) -> str:
    done = credguard("init", *args, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_everything_is_shown_and_nothing_is_written_unasked(repo: Repository) -> None:
    shown = init(repo.folder, *FROM, code=1)
    assert all(f"+++ b/{path}" in shown for path in FILES)
    assert files(repo.folder) == {}


def test_a_new_repository(repo: Repository) -> None:
    output = init(repo.folder, "--yes", *FROM, code=0)
    assert sorted(files(repo.folder)) == FILES
    assert "Everyone then runs once: pre-commit install\n" in output
    assert "default_install_hook_types: [pre-commit, pre-merge-commit, commit-msg, pre-push]\nrepos:" in output.replace(
        "+", ""
    )
    before = files(repo.folder)
    assert "Nothing to do" in init(repo.folder, "--yes", *FROM, code=0)
    assert "Nothing to do" in init(repo.folder, code=0)
    assert files(repo.folder) == before


def test_what_is_written_is_valid(repo: Repository) -> None:
    init(repo.folder, "--yes", *FROM, code=0)
    names = {rule.id: rule.name for rule in load_rules()}
    assert load.find_policy(FolderSnapshot(repo.folder), names) is not None
    text = (repo.folder / ".credguard.yaml").read_text()
    keys = [line for line in text.splitlines() if not re.match(r"# [A-Z]", line)]
    (repo.folder / ".credguard.yaml").write_text("\n".join(line.removeprefix("# ") for line in keys))
    loaded = load.find_policy(FolderSnapshot(repo.folder), names)
    assert loaded is not None
    assert loaded.policy.own_accounts == {"111122223333"}
    workflow = yaml.safe_load((repo.folder / FILES[1]).read_text())
    assert workflow["jobs"]["credguard"]["steps"][1] == {"uses": f"acme/credguard@{REV}"}
    validated(repo.folder)


def validated(folder: Path) -> None:
    """pre-commit itself takes the settings."""
    program = shutil.which("pre-commit", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("pre-commit is not installed")
    done = subprocess.run([program, "validate-config"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# settings\n",
        "repos: []\n",
        "repos:   []  # none yet\n",
        "default_language_version:\n  python: python3\n",
        "repos:\n- repo: https://a.example/b\n  rev: v1\n  hooks:\n  - id: x\n",
        "repos:\n- repo: https://a.example/b\n  rev: v1\n  hooks:\n  - id: x",
        "repos:\n    -   repo: https://a.example/b\n        rev: v1\n        hooks:\n        -   id: x # z\n\n# e\n",
        "repos:\n- repo: local\n  hooks:\n  - {id: x, name: x, entry: x, language: system}\nci:\n  skip: [x]\n",
        "repos:\n- repo: https://a.example/b\n  rev: v1\n  hooks:\n  - id: x\n    args: [--a]\nfail_fast: on\n".replace(
            "\n", "\r\n"
        ),
        "repos:\n- repo: local\n  hooks:\n  - id: x\n    name: x\n    language: system\n    entry: |\n      a\n"
        "      b\n\nfail_fast: true\n",
    ],
)
def test_the_entry_joins_what_is_there(tmp_path: Path, text: str) -> None:
    after = add_hook_entry(text.encode(), KEPT)
    assert after is not None
    kept = [line for line in text.encode().splitlines() if line.strip() and b"[]" not in line]
    left = iter(after.splitlines())
    assert all(line in left for line in kept)  # each of them, in its order
    assert after.count(b"\r\n") in (0, after.count(b"\n"))
    loaded = yaml.safe_load(after)
    assert [hook["id"] for hook in loaded["repos"][-1]["hooks"]] == list(FRAMEWORK_IDS)
    before = yaml.safe_load(text) or {}
    assert loaded["repos"][:-1] == (before.pop("repos", None) or [])
    assert {key: loaded[key] for key in before} == before
    write(tmp_path, {".pre-commit-config.yaml": after})
    validated(tmp_path)


def test_an_unusual_shape_is_left(repo: Repository) -> None:
    text = "repos: [{repo: https://a.example/b, rev: v1, hooks: [{id: x}]}]\n"
    assert add_hook_entry(text.encode(), KEPT) is None
    repo.write({".pre-commit-config.yaml": text})
    output = init(repo.folder, "--yes", *FROM, code=0)
    assert "in .pre-commit-config.yaml, under `repos`" in output
    assert (repo.folder / ".pre-commit-config.yaml").read_text() == text


@pytest.mark.parametrize("text", ["repos:\n\t- a\n", "[]\n", "a: &a [*a]\n", "\x00"])
def test_broken_settings_are_left(repo: Repository, text: str) -> None:
    with pytest.raises(RefusedError):
        add_hook_entry(text.encode(), KEPT)
    repo.write({".pre-commit-config.yaml": text})
    assert ".pre-commit-config.yaml" in init(repo.folder, "--yes", *FROM, code=1)
    assert (repo.folder / ".pre-commit-config.yaml").read_text() == text


def test_what_is_there_stays(repo: Repository) -> None:
    theirs = {
        ".credguard.yaml": "version: 1\nfail-on: high\n",
        ".pre-commit-config.yaml": "repos:\n- repo: x\n  rev: y\n  hooks:\n  - id: credguard\n",
        ".github/workflows/checks.yml": "jobs: {a: {steps: [{run: credguard ci}]}}\n",
    }
    repo.write(theirs)
    assert "Already there: " in init(repo.folder, "--yes", *FROM, code=0)
    assert files(repo.folder) == {path: text.encode() for path, text in theirs.items()}


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        ({".gitlab-ci.yml": "a: {script: [make]}\n"}, "in .gitlab-ci.yml, a job that"),
        ({"Jenkinsfile": "node { sh 'make' }\n"}, "in Jenkinsfile, a job that"),
        ({".github/workflows/credguard.yml": "jobs: {}\n"}, "does not check changes"),
    ],
)
def test_other_ci_is_told(repo: Repository, theirs: Mapping[str, str], says: str) -> None:
    repo.write(theirs)
    assert says in init(repo.folder, "--yes", *FROM, code=0)
    kept = files(repo.folder)
    assert {path: kept[path].decode() for path in theirs} == dict(theirs)
    assert sorted(set(kept) - set(theirs)) == [".credguard.yaml", ".pre-commit-config.yaml"]


def test_husky_is_told(repo: Repository) -> None:
    repo.write({".husky/pre-commit": "npm test\n"})
    output = init(repo.folder, "--yes", *FROM, code=0)
    assert "husky manages the hooks here" in output
    assert ".pre-commit-config.yaml" not in files(repo.folder)


def run_copy(place: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """`init` by the credguard whose package is in that place."""
    python = {"PYTHONPATH": str(place), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, "-m", "credguard", "init", "--yes"],
        cwd=folder, env=os.environ | python, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A checkout of credguard that nobody else has."""
    package = Repository(tmp_path_factory.mktemp("package") / "credguard")
    shutil.copytree(ROOT / "src", package.folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    package.commit("begin", {"pyproject.toml": "[project]\n"})
    return package


@pytest.mark.parametrize("origin", ["", "/srv/credguard", "https://git.example/team/credguard"])
def test_a_source_that_is_not_known(package: Repository, repo: Repository, origin: str) -> None:
    """Nothing that would not work is written, such as a commit that was not pushed; the policy needs no source."""
    package.git("config", "remote.origin.url", origin)
    done = run_copy(package.folder / "src", repo.folder)
    assert done.returncode == 1 and "give --source URL --rev COMMIT" in done.stdout, done.stderr
    assert list(files(repo.folder)) == [".credguard.yaml"]


@pytest.mark.parametrize("is_installed", [False, True])
def test_the_source_of_a_clone(package: Repository, repo: Repository, tmp_path: Path, is_installed: bool) -> None:
    """Who runs credguard from a clone, or has installed it from one, need not say where it is."""
    package.git("config", "remote.origin.url", "https://me:word@git.example/team/credguard")
    package.git("update-ref", "refs/remotes/origin/main", "HEAD")
    place = package.folder / "src"
    if is_installed:  # as pip leaves it (PEP 610)
        place = tmp_path / "site"
        shutil.copytree(package.folder / "src/credguard", place / "credguard")
        record = {
            "METADATA": "Name: credguard-cli\nVersion: 1\n",
            "direct_url.json": f'{{"url": "{package.folder.as_uri()}"}}',
        }
        write(place / "credguard_cli-1.dist-info", record)
    done = run_copy(place, repo.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = yaml.safe_load((repo.folder / ".pre-commit-config.yaml").read_text())["repos"]
    assert entry["repo"] == "https://git.example/team/credguard"
    assert entry["rev"] == package.git("rev-parse", "HEAD").strip()
    assert "word" not in done.stdout


@pytest.mark.parametrize(
    ("url", "step", "pip"),
    [
        ("https://github.com/a/b.git", f"uses: a/b@{REV}", f"git+https://github.com/a/b.git@{REV}"),
        ("git@github.com:a/b.git", f"uses: a/b@{REV}", f"git+ssh://git@github.com/a/b.git@{REV}"),
        ("https://me:word@h.example/b", f"run: pipx run --spec 'git+https://h.example/b@{REV}' credguard ci", ""),
        ("/srv/b", f"run: pipx run --spec 'git+file:///srv/b@{REV}' credguard ci", ""),
    ],
)
def test_sources(url: str, step: str, pip: str) -> None:
    found = resolve_source(url, REV)
    assert found.step == step
    assert not pip or found.pip == pip


@pytest.mark.parametrize("words", [("x", REV), ("https://a/b", "-f"), ("https://a/b'; rm x", REV), ("https://a/b", "")])
def test_no_sources(repo: Repository, words: tuple[str, str]) -> None:
    init(repo.folder, f"--source={words[0]}", f"--rev={words[1]}", code=2)


def test_asked_on_a_terminal(repo: Repository) -> None:
    import pty

    main, other = pty.openpty()
    command = [sys.executable, "-m", "credguard", "init", *FROM]
    with subprocess.Popen(command, cwd=repo.folder, stdin=other, stdout=subprocess.PIPE, text=True) as process:
        os.close(other)
        os.write(main, b"y\nn\ny\n")
        output, _ = process.communicate(timeout=60)
    os.close(main)
    assert process.returncode == 1
    assert "Not written: .pre-commit-config.yaml" in output
    assert sorted(files(repo.folder)) == [".credguard.yaml", ".github/workflows/credguard.yml"]


def test_links_are_not_followed(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (repo.folder / ".github").symlink_to(tmp_path / "theirs")
    (repo.folder / ".credguard.yaml").symlink_to(tmp_path / "theirs" / "policy")
    output = init(repo.folder, "--yes", *FROM, code=1)
    assert "symbolic link" in output
    assert list((tmp_path / "theirs").iterdir()) == []


def test_the_checkout_is_pinned_as_in_the_documents() -> None:
    assert CHECKOUT in (ROOT / "docs" / "ci" / "github.yml").read_text(encoding="utf-8")


def test_a_bare_repository_has_no_place_for_files(tmp_path: Path) -> None:
    bare = Repository(tmp_path / "bare", bare=True)
    before = files(bare.folder)
    init(bare.folder, "--yes", *FROM, code=2)
    assert files(bare.folder) == before
