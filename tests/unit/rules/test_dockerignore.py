"""Docker's ignore patterns; most rows are those of moby/patternmatcher's own tests."""

from __future__ import annotations

import pytest

from credguard.parsers.dockerignore import find_deciding_pattern, is_excluded, parse_dockerignore

ALONE = [
    ("**", "file", True),
    ("**/", "file", True),
    ("**", "dir/file", True),
    ("**/", "dir/file", True),
    ("**/**", "dir/file", True),
    ("dir/**", "dir/file", True),
    ("dir/**", "dir/dir2/file", True),
    ("**/dir", "dir", True),
    ("**/dir", "dir/file", True),
    ("**/dir2/*", "dir/dir2/file", True),
    ("**/dir2/**", "dir/dir2/dir3/file", True),
    ("**file", "file", True),
    ("**file", "dir/file", True),
    ("**/file", "dir/file", True),
    ("**file", "dir/dir/file", True),
    ("**/file", "dir/dir/file", True),
    ("**/file*", "dir/dir/file", True),
    ("**/file*", "dir/dir/file.txt", True),
    ("**/file*txt", "dir/dir/file.txt", True),
    ("**/file*.txt", "dir/dir/file.txt", True),
    ("**/file*.txt*", "dir/dir/file.txt", True),
    ("**/**/*.txt", "dir/dir/file.txt", True),
    ("**/**/*.txt2", "dir/dir/file.txt", False),
    ("**/*.txt", "file.txt", True),
    ("**/**/*.txt", "file.txt", True),
    ("a**/*.txt", "a/file.txt", True),
    ("a**/*.txt", "a/dir/file.txt", True),
    ("a**/*.txt", "a/dir/dir/file.txt", True),
    ("a**/*.txt", "afile.txt", True),
    ("a**/b", "axb", False),
    ("a/*.txt", "a/dir/file.txt", False),
    ("a/*.txt", "a/file.txt", True),
    ("a/*.txt**", "a/file.txt", True),
    ("a[b-d]e", "ae", False),
    ("a[b-d]e", "ace", True),
    ("a[b-d]e", "aae", False),
    ("a[^b-d]e", "aze", True),
    (".*", ".foo", True),
    (".*", "foo", False),
    ("abc.def", "abcdef", False),
    ("abc.def", "abc.def", True),
    ("abc.def", "abcZdef", False),
    ("abc?def", "abcZdef", True),
    ("abc?def", "abcdef", False),
    ("a\\\\", "a\\", True),
    ("**/foo/bar", "foo/bar", True),
    ("**/foo/bar", "dir/foo/bar", True),
    ("**/foo/bar", "dir/dir2/foo/bar", True),
    ("abc/**", "abc", False),
    ("abc/**", "abc/def", True),
    ("abc/**", "abc/def/ghi", True),
    ("**/.foo", ".foo", True),
    ("**/.foo", "bar.foo", False),
    ("a(b)c/def", "a(b)c/def", True),
    ("a(b)c/def", "a(b)c/xyz", False),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
    ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", True),
    ("a\\*b", "a*b", True),
    ("a\\*b", "ab", False),
    ("a?b", "a☺b", True),
    ("a[^a]b", "a☺b", True),
    ("a???b", "a☺b", False),
    ("[a-ζ]*", "α", True),
    ("*[a-ζ]", "A", False),
    ("a?b", "a/b", False),
    ("a*b", "a/b", False),
    ("[\\]a]", "]", True),
    ("[\\-]", "-", True),
    ("[x\\-]", "z", False),
    ("[]a]", "]", False),
    ("[", "[", False),
    ("[a", "a", False),
    ("[a-]", "a", False),
    ("*x", "xxx", True),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/f", True),
    ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", False),
    ("a*b?c*x", "abxbbxdbxebxczzx", True),
    ("a*b?c*x", "abxbbxdbxebxczzy", False),
    # What people write about .env files.
    (".env", ".env", True),
    (".env", "app/.env", False),
    ("/.env", ".env", True),
    ("./.env", ".env", True),
    ("*.env", ".env", True),
    ("*/.env", "app/.env", True),
    ("*/.env", ".env", False),
    ("**/.env", "a/b/.env", True),
    ("**/.env*", "a/b/.env.local", True),
    ("**/*.env", ".env", True),
    (".env*", ".env.local", True),
    (".env.*", ".env", False),
    (".ENV", ".env", False),
    ("app", "app/.env", True),
    ("app/", "app/sub/.env", True),
    ("app/../.env", ".env", True),
    (".env # secrets", ".env", False),
    ("'.env'", ".env", False),
]
TOGETHER = [
    ("docs\n!docs/README.md\n", "docs/README.md", False),
    ("docs/\n!docs/README.md\n", "docs/README.md", False),
    ("docs/*\n!docs/README.md\n", "docs/README.md", False),
    ("!fileutils.go\n*.go\n", "fileutils.go", True),
    ("*.go\n!fileutils.go\n", "fileutils.go", False),
    ("**\n!util/docker/web\n", "util/docker/web/foo", False),
    ("**\n!util/docker/web\nutil/docker/web/foo\n", "util/docker/web/foo", True),
    ("**\n!dist/*.whl\n", "dist/a+b.whl", False),
    ("*\n!src\n!package.json\n", ".env", True),
    ("*\n!src\n!package.json\n", "src/.env", False),
    ("*\n!src\n**/.env\n", "src/.env", True),
    ("**/.env*\n!**/.env.example\n", ".env.example", False),
    ("**/.env*\n!**/.env.example\n", "a/.env", True),
    (".env\n!.env\n.env\n", ".env", True),
    ("# .env\n", ".env", False),
    (" # .env\n", ".env", False),
    ("  .env  \r\n", ".env", True),
    ("\ufeff.env\n", ".env", True),
    ("! .env\n*\n", ".env", True),
    ("*\n! .env\n", ".env", False),
    ("*\n!/.env\n", ".env", False),
    ("!\n", ".env", False),
    ("\n\n", ".env", False),
    ("", ".env", False),
]


@pytest.mark.parametrize(("pattern", "path", "excluded"), ALONE)
def test_one_pattern(pattern: str, path: str, excluded: bool) -> None:
    assert is_excluded(parse_dockerignore(pattern.encode()), path) is excluded


@pytest.mark.parametrize(("text", "path", "excluded"), TOGETHER)
def test_the_last_pattern_that_changes_the_verdict_wins(text: str, path: str, excluded: bool) -> None:
    assert is_excluded(parse_dockerignore(text.encode()), path) is excluded


def test_the_deciding_line_is_named() -> None:
    verdict = find_deciding_pattern(parse_dockerignore(b"# c\n*\n\n!.env\n"), ".env")
    assert verdict is not None
    assert (verdict.line, verdict.exception) == (4, True)


@pytest.mark.parametrize("text", ["**/" * 40 + "x", "*a" * 200, "[" * 500, "[a-z]*" * 100 + "!", "\\" * 99])
def test_hostile_patterns_end(text: str) -> None:
    assert not is_excluded(parse_dockerignore(text.encode()), "/".join(["aa"] * 60) + "/.env")


def test_no_bytes_raise() -> None:
    assert not is_excluded(parse_dockerignore(bytes(range(256)) * 4), ".env")
    assert not is_excluded(parse_dockerignore(".env\n".encode("utf-16")), ".env")
