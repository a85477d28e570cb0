"""Text from a repository cannot hide, reorder or fake anything where it is shown: every character that a reader would
not see as a sign of its own comes out as an escape, in every format, and no format and no CI system takes a part of
it for its own.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from credguard.report import FORMATS, make_printable, sanitize_data
from tests.hooking import LEAK, SECRET, credguard, git, hooked
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

TAGS = "".join(chr(0xE0000 + ord(one)) for one in "pwned")
# What hides, is blank, reorders, drives a terminal, or means nothing.
SIGNS = {
    "tags": TAGS, "language tag": "\U000e0001", "variation": "\ufe0f", "more variation": "\U000e0100",
    "soft hyphen": "\xad", "joiner": "\u034f", "hangul filler": "\u115f\u1160\u3164\uffa0", "khmer": "\u17b4\u17b5",
    "mongolian": "\u180b\u180e\u180f", "zero width": "\u200b\u200d\u2060\ufeff", "override": "\u202e\u2066\u061c",
    "escape": "\x1b[2J", "bell": "\a\b\x7f", "C1": "\x9b2J", "lines": "\u2028\u2029\x85\r\n\v\f", "blank": "\u2800\xa0",
    "wide blanks": "\u3000\u2003\u1680", "private": "\ue000\U000f0000", "noncharacter": "\ufdd0\ufffe\U0010ffff",
    "unassigned": "\u0378\U000e0fff", "interlinear": "\ufff9", "shorthand": "\U0001bca0", "musical": "\U0001d173",
}  # fmt: skip
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159"
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def is_clean(text: str) -> bool:
    """True for text of which a reader sees each sign; its own lines are its own."""
    return not any(
        (unicodedata.category(one) in UNSEEN and one not in "\n\r\t") or 0xFE00 <= ord(one) <= 0xFE0F or
        0xE0000 <= ord(one) <= 0xE0FFF or one in BLANK for one in text
    )  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
def test_a_sign_is_shown_as_an_escape(sign: str) -> None:
    shown = make_printable(f"a{sign}b")
    assert shown.isascii() and shown.isprintable() and shown.startswith("a\\")


def test_every_code_point() -> None:
    """All that Unicode says is no sign of its own is escaped; letters, marks and emoji stay."""
    for start in range(0, 0x110000, 0x1000):
        step = 1 if start >> 16 in (0, 1, 2, 3, 14) else 251  # the other planes are empty, or for private use
        signs = [chr(number) for number in range(start, start + 0x1000, step) if not 0xD800 <= number <= 0xDFFF]
        for sign, shown in zip(signs, map(make_printable, signs), strict=True):
            hidden = not sign.isprintable() or sign in BLANK or not is_clean(sign)
            assert shown == (sign.encode("unicode_escape").decode() if hidden else sign), hex(ord(sign))


@pytest.mark.parametrize("text", ["\udcff", "\udbff\udfff", "\udcc3\udca9\udcff", "a\udc7f\ud900"])
def test_bytes_and_surrogates_that_are_no_text(text: str) -> None:
    make_printable(text).encode()
    assert is_clean(make_printable(text))
    assert make_printable("\udcc3\udca9") == "é"  # which a locale without UTF-8 reads so


def test_it_is_escaped_once() -> None:
    for text in (*SIGNS.values(), "::error::x", "##[x]", "\udcff", "\\"):
        assert make_printable(make_printable(text)) == make_printable(text)
    assert sanitize_data({"a\x1b": [TAGS, ("\x1b", 1, None)]}) == {"a\\x1b": [make_printable(TAGS), ["\\x1b", 1, None]]}


@pytest.mark.parametrize(
    "text",
    ["::error::x", "  ::add-mask::x", "\t::stop-commands::x", "##[error]x", "a ##[group]b", "##vso[task.setvariable]x",
     "a##teamcity[x]", "###[error]x", "\u200b::error::x"],
)  # fmt: skip
def test_no_ci_system_obeys(text: str) -> None:
    shown = make_printable(text)
    assert not shown.lstrip().startswith("::")
    assert not re.search(r"##\[|##vso\[|##teamcity\[", shown)


ODD = f"a{TAGS}\u202e\u200b\xad\x1b]0;x\x07\ufe0f\u3164\u2028<img src=x onerror=alert(1)>|`@team`.ini"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Names, comments, authors, branches, messages and settings that hide something."""
    made = Repository(tmp_path / "repo")
    made.commit("begin", {"README.md": "hello\n", ".gitignore": ".env\n"})
    made.git("checkout", "-q", "-b", f"b{TAGS}\u202e\u200b")
    made.git("config", "user.name", f"Ann{TAGS}\u202e")
    rule = f'custom-rules:\n- id: ACME1\n  name: acme\n  summary: "x{TAGS}\u202ey"\n'
    rule += "  keywords: [acme]\n  pattern: 'at_[a-z0-9]{12,20}'\n"
    made.write({
        ODD: LEAK, f"=cmd{TAGS}.ini": LEAK, "::error::x.ini": LEAK, "##[error]x.ini": LEAK, ".credguard.yaml": rule,
        "acme.txt": "acme = at_0123456789ab\n", f"{TAGS}/.env": LEAK, os.fsdecode(b"\xff\xe9.ini"): LEAK,
        "c.py": f"# credguard: allow CG103 -- be{TAGS}cause\n{LEAK}\n# credguard: allow X{TAGS}\n",
        ".gitattributes": f"*.x{TAGS} -text\n",
    })  # fmt: skip
    made.git("add", "-f", ".")
    made.git("-c", f"user.name=Ann{TAGS}\u202e", "commit", "-qm", f"change{TAGS}\u202e")
    if hasattr(os, "mkfifo"):
        os.mkfifo(made.folder / f"pipe{TAGS}")
    return made


def texts(value: object) -> list[str]:
    """All strings of a document."""
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("form", FORMATS)
def test_reports(repo: Repository, form: str) -> None:
    for words in (("scan", "-v"), ("audit", "-v")):
        done = credguard(*words, "--format", form, cwd=repo.folder, CI="", GITHUB_ACTIONS="")
        assert done.returncode == 1, done.stderr
        assert is_clean(done.stderr) and is_clean(done.stdout) and SECRET not in done.stdout
        assert not re.search(r"^\s*::(?!error |warning |notice )|##\[", done.stdout, re.MULTILINE)
        if form in ("json", "sarif", "gitlab", "gitlab-secrets"):
            assert all(map(is_clean, texts(json.loads(done.stdout))))
        elif form == "junit":
            root = ET.fromstring(done.stdout)  # noqa: S314 - our own
            assert all(is_clean(one) for case in root.iter() for one in case.attrib.values())
        elif form == "csv":
            cells = [cell for row in csv.reader(io.StringIO(done.stdout)) for cell in row]
            assert not any(cell.lstrip(" '\"").startswith(("=", "+", "@")) and cell[0] != "'" for cell in cells)
        elif form == "html":
            data = re.search(r'<script type="application/json" id="data">(.*?)</script>', done.stdout, re.DOTALL)
            assert data and all(map(is_clean, texts(json.loads(data[1]))))
            assert "<img" not in done.stdout
        elif form == "markdown":
            assert "<img" not in done.stdout and "`" not in done.stdout and "@team" not in done.stdout


def test_what_is_said_beside_reports(repo: Repository) -> None:
    assert "ACME1" in credguard("rules", cwd=repo.folder).stdout
    for words in (
        ("rules",), ("explain", "ACME1"), ("fix",), ("init",), ("doctor", "--no-color"), ("scan", f"gone{TAGS}"),
        ("scan", f"--no{TAGS}"), ("scan", "--range", f"x{TAGS}"), ("explain", f"x{TAGS}"), ("audit", f"no{TAGS}"),
        ("baseline", "create", "--reason", f"x{TAGS}y"), (f"x{TAGS}",),
        ("scan", "--debug", "--config", f"x{TAGS}.yaml"),
    ):  # fmt: skip
        done = credguard(*words, cwd=repo.folder, CI="", GITHUB_ACTIONS="")
        assert done.returncode != 4, (words, done.stderr)
        assert is_clean(done.stdout) and is_clean(done.stderr), (words, done.stdout, done.stderr)


def test_hooks(tmp_path: Path) -> None:
    repo = hooked(tmp_path / "repo")
    repo.write({ODD: LEAK})
    repo.git("add", "-f", ".")
    done = git(repo.folder, "commit", "-qm", "x")
    assert done.returncode == 1 and "CG103" in done.stderr
    assert is_clean(done.stderr)


def test_a_saved_report_of_somebody_else(tmp_path: Path) -> None:
    """What stands in a file with our name on it need not be ours."""
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"c.ini": LEAK})
    done = credguard("scan", "--format", "json", cwd=repo.folder)
    report: Any = json.loads(done.stdout)
    odd = f"x{TAGS}\x1b[2J\u202e::error::"

    def spoilt(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {name: spoilt(one) for name, one in value.items()}
        if isinstance(value, list):
            return [spoilt(one) for one in value]
        return value + odd if isinstance(value, str) else value

    finding = report["findings"][0]
    kept = {name: finding[name] for name in ("severity", "confidence", "outcome", "fingerprint")}
    report["findings"] = [spoilt(finding) | kept]
    report["coverage"] = spoilt(report["coverage"])
    report["target"] = spoilt(report["target"])
    (tmp_path / "r.json").write_text(json.dumps(report))
    for form in FORMATS:
        done = credguard("report", "convert", "r.json", "--format", form, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert is_clean(done.stdout), form
    done = credguard("diff", "r.json", "r.json", cwd=tmp_path)
    assert done.returncode in (0, 1) and is_clean(done.stdout)
