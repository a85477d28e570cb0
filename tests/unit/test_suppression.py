"""Markers count in comments and nowhere else, for the rules that they name and the line that they are about."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.model.findings import Confidence, Finding, Location, Severity
from credguard.suppressions.inline import Marker, find_marker, find_markers, find_suppressing_marker
from tests.pace import PACE

OURS = "credguard: allow CG101 -- a reason"
# Path, and a text in which every YES stands in a comment of that language and every NO in a string or in plain text.
LANGUAGES = [
    ("a.py", "x = 'NO' # YES\ny = \"\"\"\n# NO\n\"\"\" # YES\nz = f'{a} # NO' r'\\' # NO'\n"),
    ("broken.py", "def f(:\n  x = 'unclosed # NO\n  y # YES\n"),
    ("a.js", "x = '// NO' // YES\ny = `\n// NO ${f({a: `// NO`})} // NO\n` /* YES */\n"),
    ("regex.js", "x = /[\"'`/]/g // YES\ny = a / b / c // YES\n"),
    ("a.tsx", "<b>{/* YES */}</b>\nconst a: string = \"/* NO */\" // YES\n"),
    ("a.go", "x := `\n// NO`\ny := \"// NO\" // YES\nz := '\"' /* YES */\n"),
    ("A.java", "String x = \"// NO\"; // YES\nString y = \"\"\"\n  // NO\n  \"\"\"; /* YES\n * YES */\n"),
    ("a.kt", "val x = \"\"\"// NO\"\"\" // YES\n/* /* */ YES */\n"),
    ("a.rs", "fn f<'a>(x: &'a str) { let c = '\"'; } // YES\nlet x = r#\"\n// NO \" NO\"#; /* /* */ YES */\n"),
    ("a.c", "char *x = \"// NO\"; // YES\nchar c = '\"'; /* YES */\n"),
    ("a.cpp", "auto x = R\"x(\n// NO )\" NO)x\"; // YES\nint n = 1'000; // YES\n"),
    ("a.cs", "var x = @\"\n\\\"; // YES\nvar y = \"// NO\"; // YES\n"),
    ("a.swift", "let x = #\"// NO \" // NO\"# // YES\n/* /* */ YES */\n"),
    ("a.dart", "var x = '''\n// NO\n'''; // YES\n"),
    ("a.groovy", "def x = '''\n// NO'''\ndef y = '// NO' // YES\n"),
    ("a.rb", "x = '# NO' # YES\ny = <<~EOS\n  # NO\nEOS\n=begin\nYES\n=end\nz = \"#{a} # NO\" # YES\n"),
    ("a.php", "<p>Don't NO</p>\n<?php $x = '# NO'; # YES\n$y = <<<EOT\n# NO\nEOT;\n/* YES */ ?>\n<!-- YES -->\n"),
    ("a.sh", "x='# NO' # YES\ncat <<EOF # YES\n# NO\nEOF\necho $# a#NO \"\n# NO\" # YES\n"),
    ("script", "#!/usr/bin/env bash\nx='# NO' # YES\n// NO\n"),
    ("a.pl", "my $x = '# NO'; # YES\n=pod\nYES\n=cut\n$#a; # YES\n"),
    ("a.yaml", "a: '# NO' # YES\nb: it's # YES\nc: |\n  # NO\n  x\nd: x#NO\ne: \"a\n  # NO\" # YES\nf: # YES\n"),
    ("ci.yml", "steps:\n  - run: |\n      a # YES\n      echo '# NO'\n    name: x # YES\n  - |\n    b # YES\n"),
    ("a.toml", "x = '# NO' # YES\ny = \"\"\"\n# NO\n\"\"\" # YES\n"),
    ("a.ini", "# YES\n; YES\nx = a#NO\ny = b # YES\nz = \"# NO\"\n"),
    ("home/.aws/credentials", "[default]\n# YES\nx = a # YES\n"),
    ("home/.aws/config", "[default]\n; YES\nx = '# NO'\n"),
    ("a.properties", "# YES\n  ! YES\nx = a # NO\n"),
    (".env", "A='# NO' # YES\nB=a#NO\nC=don't # YES\n# YES\n"),
    (".env.local", "A=\"# NO\" # YES\n"),
    ("prod.env", "A=b # YES\n"),
    ("Dockerfile", "# YES\nENV A=b # NO\n"),
    ("Dockerfile.dev", "  # YES\nRUN a # NO\n"),
    ("Makefile", "a: b # YES\n\techo '# NO' \\# NO\n"),
    ("CMakeLists.txt", "set(A \"# NO\") # YES\n#[[ \nYES ]]\n"),
    ("main.tf", "a = \"# NO\" # YES\nb = <<-EOT // YES\n  # NO\n  EOT\nc = 1 /* YES */\n"),
    ("a.tfvars", "a = \"// NO\" // YES\n"),
    ("a.sql", "select '-- NO', \"-- NO\" -- YES\nx = 'it''s -- NO' /* YES */\n$$ -- NO $$ -- YES\n"),
    ("a.html", "<a title=\"<!-- NO -->\"> NO <!-- YES -->\n<script>let a = '// NO' // YES\n</script>\n// NO\n"),
    ("a.vue", "<script lang=\"ts\">\nconst a = '// NO' // YES\n</script>\n<style>/* YES */</style>\n"),
    ("a.html.erb", "<%# YES %>\n<!-- YES -->\n"),
    ("a.jinja", "{# YES #} 'NO'\n"),
    ("a.xml", "<a b=\"<!-- NO -->\"><![CDATA[<!-- NO -->]]><!-- YES --></a>\n"),
    ("a.css", "a { b: \"/* NO */\"; /* YES */ }\n// NO\n"),
    ("a.scss", "a { b: url(http://NO); } // YES\n"),
    ("a.lua", "x = '-- NO' -- YES\ny = [==[\n-- NO ]] NO]==] --[[\nYES ]]\n"),
    ("A.hs", "x = \"-- NO\" -- YES\ny = a --> NO\n{- {- -} YES -} z' = '\"' -- YES\n"),
    ("a.ps1", "$x = '# NO' # YES\n$y = @\"\n# NO\n\"@ # YES\n<# YES #> \"`\" # NO\"\n"),
    ("a.bat", "REM YES\n  @rem YES\n:: YES\nset A=b # NO\necho a & rem YES\n"),
    ("a.vim", "\" YES\nlet x = '\" NO' \" YES\nlet y = \"NO\" \" YES\n"),
    ("a.tex", "a \\% NO % YES\n"),
    ("a.m4", "dnl YES\na # YES\n"),
    ("a.clj", "(def x \"; NO\") ; YES\n#| YES |#\n"),
    ("a.erl", "X = \"% NO\". % YES\n"),
    ("a.vb", "x = \"' NO\" ' YES\n"),
    ("a.ml", "let x = \"(* NO *)\" (* (* *) YES *)\n"),
    ("a.r", "x <- '# NO' # YES\n"),
    ("a.jl", "x = \"# NO\" # YES\n#= YES =#\n"),
    ("a.ex", "x = \"# NO\" # YES\n"),
    ("a.nix", "x = ''\n# NO\n''; # YES\n"),
    ("a.graphql", "x(a: \"# NO\") # YES\n"),
    ("a.f90", "x = '! NO' ! YES\n"),
    ("a.pas", "x := '{ NO }'; { YES } // YES\n"),
    ("nginx.conf", "a \"# NO\" # YES\n"),
    ("a.jsonc", "{\"a\": \"// NO\"} // YES\n/* YES */\n"),
    ("a.json", "{\"a\": \"// NO\"} // NO\n/* NO */\n# NO\n"),
    ("a.ipynb", "{\"source\": [\"x # NO\"]}\n"),
    ("a.csv", "a,b # NO\n"),
    ("README.md", "# NO\n<!-- YES -->\n```bash\nx='# NO' # YES\n```\n```json\n// NO\n```\n    // NO\n"),
    ("settings.py.example", "x = '# NO' # YES\n"),
    ("a.unheard-of", "it's # YES\n\"a # NO\" http://NO x#NO ; YES\n-- YES\n/* NO */\n"),
    ("notes.txt", "don't, // YES\nNO\n"),
]  # fmt: skip


def lines_with(word: str, text: str) -> list[int]:
    """The line of each place where the word stands."""
    return [number for number, line in enumerate(text.split("\n"), 1) for _ in range(line.count(word))]


@pytest.mark.parametrize(("path", "text"), LANGUAGES, ids=[path for path, _ in LANGUAGES])
def test_comments_and_strings(path: str, text: str) -> None:
    filled = text.replace("YES", OURS).replace("NO", "gitleaks:allow")
    found = find_markers(filled.encode(), path)
    assert [m.line for m in found if m.tool == "credguard"] == lines_with("YES", text)
    assert [m.line for m in found if m.tool == "gitleaks"] == []
    assert not [m.problem for m in found if m.problem]


@pytest.mark.parametrize(("path", "text"), LANGUAGES, ids=[path for path, _ in LANGUAGES])
def test_carriage_returns_change_nothing(path: str, text: str) -> None:
    filled = text.replace("YES", OURS).replace("NO", "gitleaks:allow").replace("\n", "\r\n")
    assert [m.line for m in find_markers(filled.encode(), path)] == lines_with("YES", text)


def one(text: str, path: str = "a.py", known: frozenset[str] = frozenset({"CG101", "CG103"})) -> Marker:
    """The only marker of a text."""
    (found,) = find_markers(text.encode(), path, known=known)
    return found


@pytest.mark.parametrize(
    ("text", "rules", "reason"),
    [
        ("k # credguard: allow CG101 -- test key", ("CG101",), "test key"),
        ("k # credguard:allow cg101,CG103 -- a -- b", ("CG101", "CG103"), "a -- b"),
        ("k # old credguard: allow CG101 , CG103 - why", ("CG101", "CG103"), "why"),
        ("k # credguard: allow CG101 — because", ("CG101",), "because"),
        ("k # credguard: allow CG101 -- by\x1b[31m me\t!", ("CG101",), "by [31m me !"),
    ],
)
def test_ours(text: str, rules: tuple[str, ...], reason: str) -> None:
    found = one(text)
    assert (found.rules, found.reason, found.problem, found.target_line) == (rules, reason, "", 1)


def test_a_reason_shows_no_key() -> None:
    key = "Ab1" + "cD2/" * 9 + "x"
    assert one(f"k # credguard: allow CG101 -- was {key} before").reason == f"was {key[:4]}**** before"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("credguard: allow", "names no rule"),
        ("credguard: allow -- reason", "names no rule"),
        ("credguard: allow * -- reason", "names no rule"),
        ("credguard: allow CG101x -- reason", "names no rule"),
        ("credguard: allow CG101, -- reason", "names no rule"),
        ("credguard: allow CG101", "no reason"),
        ("credguard: allow CG101 because", "no reason"),
        ("credguard: allow CG101 -- ", "no reason"),
        ("credguard: allow CG101 -- ...", "no reason"),
        ("credguard: allow CG101,CG777 -- reason", "no rule CG777"),
        ("credguard: allow CG001 -- reason", "cannot be suppressed"),
    ],
)
def test_what_is_wrong(said: str, problem: str) -> None:
    found = one(f"k # {said}")
    assert problem in found.problem
    assert find_marker([found], "CG101", 1, 1) is None


@pytest.mark.parametrize(
    ("text", "path", "target"),
    [
        ("# credguard: allow CG101 -- x\nk", "a.py", 2),
        ("k # credguard: allow CG101 -- x\nk", "a.py", 1),
        ("# k credguard: allow CG101 -- x\nk", "a.py", 1),
        ("/* credguard: allow CG101 -- x */ k\nk", "a.c", 1),
        ("  /* credguard: allow CG101 -- x */  \nk", "a.c", 2),
        ("/*\n * credguard: allow CG101 -- x\n */\nk", "a.c", 3),
        ("{/* credguard: allow CG101 -- x */}\nk", "a.jsx", 2),
        ("} // credguard: allow CG101 -- x\nk", "a.js", 1),
        ("<!-- credguard: allow CG101 -- x -->\nk", "a.xml", 2),
        ("k # gitleaks:allow\nk", "a.py", 1),
        ("# gitleaks:allow\nk", "a.py", 1),
        ("# trufflehog:ignore\nk", "a.py", 1),
        ("# kingfisher:ignore\nk", "a.py", 2),
        ("# pragma: allowlist secret\nk", "a.py", 1),
        ("# pragma: allowlist nextline secret\nk", "a.py", 2),
    ],
)
def test_the_line_it_is_about(text: str, path: str, target: int) -> None:
    assert one(text, path).target_line == target


def test_comments_below_each_other_are_about_the_line_below_the_last() -> None:
    text = f"# {OURS}\n# credguard: allow CG103 -- b\nk\n# {OURS}\nk"
    assert [m.target_line for m in find_markers(text.encode(), "a.py")] == [3, 3, 5]


def test_a_nextline_pragma_stands_alone() -> None:
    assert find_markers(b"x = 1 # pragma: allowlist nextline secret\nk", "a.py") == []


@pytest.mark.parametrize(
    "said",
    ["gitleaks:allow", "betterleaks:allow", "kingfisher:ignore", "trufflehog:ignore", "pragma: allowlist secret",
     "pragma: whitelist secret", "pragma: allowlist-secret"],
)  # fmt: skip
def test_the_markers_of_others(said: str) -> None:
    found = one(f"k # {said}")
    assert (found.rules, found.reason, found.problem) == ((), said, "")
    assert find_marker([found], "CG105", 1, 1) == found
    assert find_marker([found], "CG201", 1, 1) is None
    assert find_markers(f"k # {said}".encode(), "a.py", foreign=False) == []


@pytest.mark.parametrize("said", ["gitleaks:allowed", "xgitleaks:allow", "gitleaks: allow", "pragma: no cover"])
def test_other_words(said: str) -> None:
    assert find_markers(f"k # {said}".encode(), "a.py") == []


def test_for_that_rule_and_that_line_only() -> None:
    found = one(f"a\nk # {OURS}\nb")
    assert find_marker([found], "CG101", 2, 2) == find_marker([found], "CG101", 1, 4) == found
    assert find_marker([found], "CG103", 2, 2) is None
    assert find_marker([found], "CG101", 1, 1) is None
    assert find_marker([found], "CG101", 3, 3) is None


def pair(first: int, second: int, path: str = "a.py") -> Finding:
    """A key pair with its ID and its secret on two lines."""
    places = (Location("a.py", first, end_line=first), Location(path, second, end_line=second))
    return Finding("CG103", "aws-key-pair", Severity.CRITICAL, Confidence.HIGH, "", "f" * 32, places)


def test_a_pair_needs_foreign_markers_on_all_its_lines() -> None:
    both = find_markers(b"k # gitleaks:allow\nk # trufflehog:ignore", "a.py")
    assert find_suppressing_marker(both, pair(1, 2), "a.py") == both[0]
    assert find_suppressing_marker(both[:1], pair(1, 2), "a.py") is None
    assert find_suppressing_marker(both, pair(1, 3), "a.py") is None
    assert find_suppressing_marker(both, pair(1, 2, "other.py"), "a.py") is None


@pytest.mark.parametrize("line", [1, 2])
def test_a_pair_is_suppressed_by_our_marker_at_either_half(line: int) -> None:
    texts = ["k", "k"]
    texts[line - 1] += " # credguard: allow CG103 -- reason"
    found = find_markers("\n".join(texts).encode(), "a.py")
    assert find_suppressing_marker(found, pair(1, 2), "a.py") == found[0]


def test_markers_for_the_halves_do_not_cover_the_pair() -> None:
    found = find_markers(f"k # {OURS}\nk # credguard: allow CG102 -- x".encode(), "a.py")
    assert find_suppressing_marker(found, pair(1, 2), "a.py") is None


def test_utf_16() -> None:
    assert find_markers(f"a\nk # {OURS}".encode("utf-16"), "a.ps1")[0].line == 2


def test_columns_count_characters() -> None:
    assert one(f"x = 'é' # {OURS}").column == 11


@given(st.binary(max_size=200), st.sampled_from([path for path, _ in LANGUAGES]))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read(data: bytes, path: str) -> None:
    for marker in find_markers(data + b"\n# gitleaks:allow\n// " + OURS.encode() + data, path):
        assert marker.target_line >= marker.line >= 1


PIECES = [b'"', b"'", b"`", b"\\", b"/*", b"*/", b"{-", b"<<A\n", b"<<B", b"${", b"{", b"}", b"#", b"\n", b"a: |\n"]
PIECES += [b"=/[", b'R"x(', b"[==[", b"```\n", b"<script>", b"<!--", b"='", b'="', b"<?php", b"$a$", b'r##"', b'"""']
PIECES += [b"- '", b' "', b"{#", b"(*", b"#|", b"'\\", b"EOF\n", b"<<EOF EOF EOF "]


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path, _ in LANGUAGES])
def test_hostile_files_cost_linear_time(path: str) -> None:
    for piece in PIECES:
        data = piece * (20_000 // len(piece)) + b"\n# gitleaks:allow\n"
        start = time.process_time()
        find_markers(data, path)
        assert time.process_time() - start < 0.2 * PACE, piece
