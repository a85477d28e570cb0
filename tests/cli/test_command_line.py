"""The command line itself: help, what is mistyped, completion, and what a terminal can show."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from credguard.cli import COMMANDS, build_parser
from tests import processes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from tests.keys import Filler

ENCODINGS = ("ascii", "latin-1", "cp437", "utf-8")


def credguard(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return processes.run(words, cwd=cwd, env=os.environ | environment)


def test_no_command_is_help_and_exit_2(tmp_path: Path) -> None:
    done = credguard(cwd=tmp_path)
    assert done.returncode == 2 and not done.stdout
    assert all(f"    {name} ".encode() in done.stderr for name in COMMANDS)


def test_help_of_help_is_that_of_all(tmp_path: Path) -> None:
    assert credguard("help", "help", cwd=tmp_path).stdout == credguard("--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("words", [("help", "scan"), ("scan", "--help")])
def test_help_of_a_command(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = credguard(*words, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith(b"usage: credguard scan ")


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        (("scna",), "there is no command scna; did you mean scan?", "`credguard --help` lists the commands"),
        (("help", "explian"), "there is no command explian; did you mean explain?", "`credguard --help`"),
        (("zzz",), "there is no command zzz", "`credguard --help`"),
        (
            ("scan", "--formt=json"),
            "scan: there is no option --formt; did you mean --format?",
            "`credguard scan --help`",
        ),
        (("scan", "-f", "jsn"), "did you mean json?", "`credguard scan --help`"),
        (("explain", "CG101", "CG102"), "explain: nothing takes CG102", "`credguard explain --help`"),
        (("hook", "pre-comit"), "did you mean pre-commit?", "`credguard hook --help`"),
        (("scan", "--jobs", "x"), "scan: argument --jobs: x is not a whole number", "`credguard scan --help`"),
        (("audit", "--jobs", "-1"), "-1 is not a whole number, 0 or more", "`credguard audit --help`"),
        (("hook",), "hook: the following arguments are required: NAME\n", "`credguard hook --help`"),
        (("-f", "json", "scan"), "-f comes before a command; options follow it", "`credguard --help`"),
        (("diff", "a.json"), "diff: the following arguments are required: NEW.json", "`credguard diff --help`"),
    ],
)
def test_a_usage_error_is_two_lines_and_says_what_was_meant(
    tmp_path: Path, words: tuple[str, ...], first: str, second: str
) -> None:
    done = credguard(*words, cwd=tmp_path)
    one, two, rest = done.stderr.decode().split("\n")
    assert done.returncode == 2 and not done.stdout and not rest
    assert one.startswith("credguard: ") and first in f"{one}\n"
    assert two.startswith("hint: ") and second in two


def test_a_mistyped_word_drives_no_terminal(tmp_path: Path) -> None:
    for words in (("\x1b[31m",), ("scan", "--\x1b[31m"), ("scan", "-f", "\x1b[31m")):
        assert b"\x1b" not in credguard(*words, cwd=tmp_path).stderr


def test_short_options_and_jobs(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n")
    done = credguard("scan", "-f", "json", "-o", "r.json", "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 0 and not done.stdout and b'"schema_version": 1' in (tmp_path / "r.json").read_bytes()


def test_a_practice_is_known_by_its_number(tmp_path: Path) -> None:
    assert credguard("explain", "p2", cwd=tmp_path).stdout == credguard("explain", "P02", cwd=tmp_path).stdout


def test_practices_break_no_name_of_a_rule(tmp_path: Path) -> None:
    lines = credguard("practices", cwd=tmp_path).stdout.decode().splitlines()
    assert max(map(len, lines)) < 140 and not [line for line in lines if line.endswith("-")]


def test_explain_a_practice(tmp_path: Path) -> None:
    done = credguard("explain", "p02", cwd=tmp_path)
    assert done.returncode == 0
    assert (
        done.stdout.startswith(b"P02 keep .env out of git, and ignored\n") and b"CG201 env-file-tracked" in done.stdout
    )
    assert b"did you mean P" in credguard("explain", "P99", cwd=tmp_path).stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_knows_commands_options_and_values(tmp_path: Path, shell: str) -> None:
    done = credguard("completion", shell, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in (b"audit", b"fail-on", b"gitlab-secrets", b"CG103", b"P01", b"completion", b"help"):
        assert word in done.stdout
    program = shutil.which({"powershell": "pwsh"}.get(shell, shell))
    if program and shell != "powershell":
        assert subprocess.run([program, "-n"], input=done.stdout, check=False).returncode == 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_help_and_page_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    for words in (["--help"], ["scan", "--help"], ["explain", "CG103"], ["explain", "P01"], ["rules"], ["practices"]):
        done = subprocess.run(
            [sys.executable, "-m", "credguard", *words], cwd=tmp_path, capture_output=True, check=False,
            env=os.environ | {"PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert done.returncode == 0 and not done.stderr, (words, done.stderr)
        assert done.stdout.decode(encoding) and b"\\u" not in done.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_command_which_starts_python_isolated_follows_the_variable_too(
    tmp_path: Path, filler: Filler, encoding: str
) -> None:
    (tmp_path / ".env.example").write_text(filler.fill("API_TOKEN={{ALNUM:32}}\n"))
    start = [sys.executable, "-I", "-c", "import sys\nfrom credguard.cli import main\nsys.exit(main())"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([*start, "fix"], cwd=tmp_path, capture_output=True, check=False, env=environment)
    assert done.returncode == 1 and ("•" if encoding == "utf-8" else "*") * 4 in done.stdout.decode(encoding)
    done = subprocess.run(
        [*start, "rules"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        env=environment | {"PYTHONIOENCODING": "nonsense"},
    )
    assert done.returncode == 0 and b"CG103" in done.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_report_in_every_encoding(tmp_path: Path, filler: Filler, encoding: str) -> None:
    (tmp_path / "é.txt").write_text(filler.fill('x = "word" + "{{GITHUB}}"\n'), encoding="utf-8")
    done = credguard("scan", "--no-progress", cwd=tmp_path, PYTHONIOENCODING=encoding)
    text = done.stdout.decode(encoding)
    blot, name = "•" if encoding == "utf-8" else "*", "\\xe9" if encoding == "ascii" else "é"
    assert done.returncode == 1 and text.startswith(f"{name}.txt:1:15: high CG160")
    assert f'  1 | x = "{blot * 4}" + "ghp_****"\n' in text


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_colours_where_nobody_looks(
    tmp_path: Path, filler: Filler, environment: dict[str, str], coloured: bool
) -> None:
    (tmp_path / "a.txt").write_text(filler.fill("id = {{AKID}}\n"))
    assert (b"\x1b[" in credguard("scan", cwd=tmp_path, **environment).stdout) is coloured
    assert b"\x1b[" not in credguard("scan", "--no-color", cwd=tmp_path, **environment).stdout


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo terminals")
@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"CLICOLOR": "0"}, False), ({"NO_COLOR": "1"}, False)],
)
def test_colours_and_width_in_a_terminal(
    tmp_path: Path, filler: Filler, environment: dict[str, str], coloured: bool
) -> None:
    (tmp_path / "a.txt").write_text(filler.fill("nothing here; " * 8 + "id = {{AKID}}\n"))
    ours, theirs = os.openpty()
    subprocess.run(
        [sys.executable, "-m", "credguard", "scan", "--no-progress"], cwd=tmp_path, stdout=theirs, check=False,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "50"} | environment,
    )  # fmt: skip
    os.close(theirs)
    text = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert ("\x1b[" in text) is coloured
    lines = [line for line in text.split("\r\n") if " | " in line or "^^^" in line]
    if not coloured:
        assert lines and max(map(len, lines)) <= 50 and "..." in lines[0]


@pytest.mark.parametrize("words", [("--history", "."), ("--history", "repo"), ("--history",)])
def test_the_history_of_a_path(tmp_path: Path, words: tuple[str, ...]) -> None:
    from tests.repos import Repository

    folder = tmp_path / "repo" if words[-1] == "repo" else tmp_path
    Repository(folder).commit("begin", {"a.txt": "x\n"})
    done = credguard("scan", *words, cwd=tmp_path)
    assert done.returncode == 0 and b"and 1 commit, " in done.stdout, done.stderr
    assert credguard("scan", "--history", "nowhere", cwd=tmp_path).returncode == 2
    assert credguard("scan", "--history", ".", ".", cwd=tmp_path).returncode == 2


def iter_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The options and arguments of a parser, and of all commands below it."""
    for action in parser._actions:
        yield action
        if isinstance(action.choices, dict):
            for inner in action.choices.values():
                yield from iter_actions(inner)


def test_the_default_that_help_names_is_the_default() -> None:
    words = {"this folder": ".", "this one": "."}
    tried = 0
    for action in iter_actions(build_parser(whole=True)):
        said = re.search(r"\(default: ([\w.]+|this folder|this one)[;)]|\b(\w+) \(default\)", action.help or "")
        name = said and (said[1] or said[2])
        is_given = name and (name.isdigit() or name in (action.choices or ()) or (name in words and action.default))
        if name and is_given:
            assert str(action.default).removesuffix(".0") == words.get(name, name), action.option_strings
            tried += 1
    assert tried >= 15
