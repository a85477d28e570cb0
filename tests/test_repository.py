"""What the repository promises of itself: small modules, no live-looking key, documents that match the code."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from credguard.errors import ExitCode
from credguard.heuristics.placeholders import is_placeholder
from credguard.rules import load_rules
from tests import without_posix
from tests.repos import clean_environment

ROOT = Path(__file__).parent.parent
LIVE_LOOKING = re.compile(rb"A(?:KIA|SIA)[A-Z2-7]{16}")
LONGEST_MODULE = 350


def repository_files() -> list[Path]:
    """The files that git tracks, or would with the next `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this copy of the project is no git checkout")
    return [path for name in done.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_modules_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in repository_files()
        if path.suffix == ".py" and (lines := path.read_bytes().count(b"\n")) > LONGEST_MODULE
    }
    assert not long


def test_modules_say_what_they_own() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in repository_files()
        if path.suffix == ".py" and path.stat().st_size and not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert not silent


def test_names_that_not_every_system_has_stand_in_one_module() -> None:
    """`credguard.system.compat` asks for them, so that all else runs without; `tests/without_posix.py` takes them
    away. Waiting for pipes and processes, `git/timeout.py` asks for `select.poll` and `pidfd_open` itself."""
    names = {(module, name) for module in ("os", "signal") for name in without_posix.NAMES[module]} - {
        ("os", "pidfd_open")
    } | {
        ("os", name) for name in ("fsdecode", "fsencode", "WNOHANG", "WIFEXITED", "WEXITSTATUS", "EX_OK", "eventfd")
    } | {("signal", name) for name in ("SIGKILL", "SIGCHLD", "SIGSTOP", "SIGQUIT", "pthread_sigmask")}  # fmt: skip
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        if path == ROOT / "src/credguard/system/compat.py":
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            used: set[tuple[str, str]] = set()
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = {(node.value.id, node.attr)}
            elif isinstance(node, ast.ImportFrom):
                used = {(node.module or "", one.name) for one in node.names} | {("", node.module or "")}
            elif isinstance(node, ast.Import):
                used = {("", one.name) for one in node.names}
            elif isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                used = {("os", str(node.args[1].value))}
            if used & (names | {("", module) for module in without_posix.MODULES}):
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert not found


def test_what_concerns_a_rule_is_written_in_the_rule() -> None:
    """No module but the rule's own names its ID: facts are its fields, which others ask for."""
    named = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        if ROOT / "src/credguard/rules" not in path.parents
        for word in re.findall(r"CG[0-9]{2,3}", path.read_text(encoding="utf-8"))
    ]
    assert not named


def test_no_key_looks_alive() -> None:
    """Only documented examples and plain placeholders; whatever a test needs it makes as it runs."""
    alive = [
        f"{path.relative_to(ROOT)}: {key.decode()[:8]}…"
        for path in repository_files()
        for key in LIVE_LOOKING.findall(path.read_bytes())
        if not is_placeholder(key)
    ]
    assert not alive


def test_links_between_documents() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in repository_files()
        if page.suffix == ".md"
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not broken


def test_readme_names_every_rule_family() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = {f"{rule.id[:3]}xx" for rule in load_rules() if f"{rule.id[:3]}xx" not in readme}
    assert not missing


def test_exit_codes_are_documented() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    assert [int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)] == [int(code) for code in ExitCode]


def test_hooks_offered_to_pre_commit() -> None:
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    assert hooks["credguard"]["stages"] == ["pre-commit", "pre-merge-commit"]
    assert hooks["credguard-audit"]["stages"] == ["manual"]
    assert not hooks["credguard-audit"]["pass_filenames"]
