"""Nothing in a scanned repository runs: no module, no program, whatever PYTHONPATH and PATH say.

Python runs a `sitecustomize` of PYTHONPATH before anything else, so it has to be started in a way that leaves
PYTHONPATH out: the command, the git hooks, the action and the files to copy for CI systems do. (What git's settings
could run is in tests/cli/test_hostile.py.)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from credguard.errors import ExitCode
from credguard.hooks import scripts
from tests.hooking import LEAK
from tests.repos import Repository, clean_environment

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "bin" / "credguard"
MODULES = (
    "sitecustomize", "usercustomize", "tempfile", "yaml", "hyperscan", "pathspec", "git", "re", "argparse", "enum",
    "dataclasses", "json", "atexit", "concurrent", "subprocess", "environment",
)  # fmt: skip
PACKAGES = ("credguard", "encodings", "pip", "venv", "tomllib", "detect_secrets")
PROGRAMS = ("git", "python", "python3", "credguard", "readlink", "sh", "cat", "env")
PATHS = [".", "", ":", "/nowhere:", ":/nowhere", "./", "../repo", "sub/..", "{repo}"]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the command of POSIX systems, and their shell")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with a key pair staged, which brings a module or program for every name that might be looked up;
    each says that it ran and ends well."""
    repo = Repository(tmp_path / "repo")
    ran = tmp_path / "ran"
    module = f"open({str(ran)!r}, 'a').write(__name__ + ' ')\nimport os\nos._exit(0)\n"
    repo.write({f"{name}.py": module for name in MODULES} | {f"{name}/__init__.py": module for name in PACKAGES})
    repo.write({"credguard/cli.py": module, "credguard/__main__.py": module, "pip/__main__.py": module})
    repo.write({"leak.ini": LEAK})
    repo.add()
    for name in PROGRAMS:
        program = repo.folder / name
        if not program.exists():
            program.write_text(f'#!/bin/sh\nprintf "{name} " >>{ran}\nexit 0\n')
            program.chmod(0o755)
    return repo


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """The command as an installation has it: the launcher beside the environment's Python."""
    folder = tmp_path / "environment" / "bin"
    folder.mkdir(parents=True)
    shutil.copy(LAUNCHER, folder)
    (folder.parent / "pyvenv.cfg").touch()
    stand_in(folder / "python")
    return folder / "credguard"


def stand_in(path: Path) -> Path:
    """A `python` that is this one, which has credguard."""
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


def run(repo: Repository, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in the repository; fails when anything of the repository ran."""
    done = subprocess.run(
        [str(word) for word in command], cwd=repo.folder, env=clean_environment() | environment, capture_output=True,
        text=True, stdin=subprocess.DEVNULL, check=False, timeout=120,
    )  # fmt: skip
    ran = repo.folder.parent / "ran"
    assert not ran.exists(), ran.read_text()
    return done


def planted(repo: Repository, entry: str) -> str:
    return entry.format(repo=repo.folder)


@pytest.mark.parametrize("entry", PATHS)
@pytest.mark.parametrize("words", [("hook", "pre-commit"), ("scan",)], ids=" ".join)
def test_the_command_leaves_pythonpath_out(repo: Repository, command: Path, entry: str, words: tuple[str, ...]) -> None:
    assert run(repo, command, *words, PYTHONPATH=planted(repo, entry)).returncode == ExitCode.FINDINGS


@pytest.mark.parametrize("variable", ["PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"])
def test_and_other_settings_of_python(repo: Repository, command: Path, variable: str) -> None:
    assert run(repo, command, "scan", **{variable: str(repo.folder)}).returncode == ExitCode.FINDINGS


def test_a_link_to_the_command_finds_its_environment(repo: Repository, command: Path, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(command)
    (tmp_path / "two").symlink_to("one")
    assert run(repo, tmp_path / "two", "scan", PYTHONPATH=".").returncode == ExitCode.FINDINGS


@pytest.mark.parametrize("entry", ["", ".", "sub/.."])
def test_programs_are_not_taken_from_the_current_folder(repo: Repository, command: Path, entry: str) -> None:
    for words in (("scan",), ("hook", "pre-commit"), ("audit", "--no-progress")):
        done = run(repo, command, *words, PATH=os.pathsep.join((entry, os.environ["PATH"])))
        assert done.returncode == ExitCode.FINDINGS


@pytest.mark.parametrize("way", ["below it", "of the repository that is named", "by a link"])
def test_programs_are_not_taken_out_of_the_repository(
    repo: Repository, command: Path, tmp_path: Path, way: str
) -> None:
    """As with `npm run`, which puts `node_modules/.bin` into PATH."""
    folder = repo.folder / "node_modules/.bin"
    folder.mkdir(parents=True)
    (folder / "git").write_text("#!/bin/sh\nexit 0\n")
    (folder / "git").chmod(0o755)
    (tmp_path / "link").symlink_to(folder)
    entry = tmp_path / "link" if way == "by a link" else folder
    path = os.pathsep.join((str(entry), os.environ["PATH"]))
    if way == "of the repository that is named":
        started, where = Repository(tmp_path / "elsewhere"), [str(repo.folder)]
    else:
        started, where = repo, []
        assert run(repo, command, "hook", "pre-commit", PATH=path).returncode == ExitCode.FINDINGS
    for words in (["scan"], ["audit", "--no-progress"]):
        assert run(started, command, *words, *where, PATH=path).returncode == ExitCode.FINDINGS


@pytest.mark.parametrize("entry", ["", "."])
@pytest.mark.parametrize("installed", [False, True])
def test_hooks_take_neither_modules_nor_programs(
    repo: Repository, command: Path, tmp_path: Path, entry: str, *, installed: bool
) -> None:
    gone = str(tmp_path / "gone")
    text = scripts.format_installed_hook("pre-commit", gone) if installed else scripts.format_plain_hook("pre-commit")
    hook = tmp_path / "hook"
    hook.write_bytes(text)
    for folder, code in ((command.parent, ExitCode.FINDINGS), (tmp_path, ExitCode.USAGE)):
        path = os.pathsep.join((entry, str(folder), "/usr/bin", "/bin"))
        if folder == tmp_path and shutil.which("python3", path="/usr/bin:/bin"):
            path = os.pathsep.join((entry, str(folder), str(tools(tmp_path))))
        assert run(repo, "/bin/sh", hook, PATH=path, PYTHONPATH=".").returncode == code


def tools(tmp_path: Path) -> Path:
    """A folder with git alone."""
    folder = tmp_path / "tools"
    folder.mkdir(exist_ok=True)
    found = shutil.which("git")
    assert found
    (folder / "git").symlink_to(found)
    return folder


def test_a_system_installation_finds_the_python_of_its_version(repo: Repository, command: Path, tmp_path: Path) -> None:
    (command.parent.parent / "pyvenv.cfg").unlink()
    (command.parent / "python").unlink()
    info = command.parent.parent / "lib" / "python3.99" / "dist-packages" / "credguard_cli-0.1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    stand_in(tmp_path / "elsewhere" / "python3.99")
    path = os.pathsep.join(("", str(tmp_path / "elsewhere"), os.environ["PATH"]))
    assert run(repo, command, "scan", PATH=path, PYTHONPATH=".").returncode == ExitCode.FINDINGS


def test_without_its_python_the_command_fails_closed(repo: Repository, command: Path, tmp_path: Path) -> None:
    (command.parent / "python").unlink()
    done = run(repo, command, "scan", PATH=os.pathsep.join((".", "", str(tools(tmp_path)))))
    assert done.returncode == ExitCode.USAGE and "install credguard again" in done.stderr


def test_as_a_module_it_imports_nothing_of_the_current_folder(repo: Repository) -> None:
    shutil.rmtree(repo.folder / "credguard")
    shutil.rmtree(repo.folder / "encodings")
    done = run(repo, sys.executable, "-m", "credguard", "scan")
    assert done.returncode == ExitCode.FINDINGS


def test_the_tools_of_the_checkout_do_not_either(repo: Repository) -> None:
    for tool in ("audit", "ci"):
        source = (ROOT / "tools" / f"{tool}.py").read_text(encoding="utf-8")
        assert "environment.run_credguard(" in source
    done = run(repo, sys.executable, "-E", ROOT / "tools" / "audit.py", "--no-progress", ".")
    assert done.returncode == ExitCode.FINDINGS


def test_the_command_is_executable_wherever_it_is_installed_from() -> None:
    assert LAUNCHER.stat().st_mode & 0o111 == 0o111


def test_what_is_to_be_copied_starts_isolated() -> None:
    files = [ROOT / "action.yml", ROOT / "README.md", *(ROOT / "docs").rglob("*"), *(ROOT / "hooks").iterdir()]
    for file in files:
        if file.suffix in {".md", ".yml", ""} and file.is_file():
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"\bpython3? (?:-\w )*-m (?:pip|venv)\b", re.sub(r"-[IE] -m", "", text)), file
    (step,) = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    assert step["run"].startswith("python3 -E ")
