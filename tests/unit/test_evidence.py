"""Which practices a file is about, and which of them one that could not be read leaves open."""

from __future__ import annotations

import pytest

from credguard.model.findings import OF_ACCOUNT, OF_CONTENTS, OF_EVERYTHING, OF_HISTORY, Blob, Skip
from credguard.scanning.evidence import add_blob_material, list_concerned, list_material
from credguard.sources.file_roles import is_message, is_settings, is_source


@pytest.mark.parametrize(
    ("path", "source", "settings", "message"),
    [
        ("a.py", True, False, False), ("Makefile", True, False, False), ("deploy", True, False, False),
        ("a.unknown", True, False, False), ("web/index.html", True, False, False), ("main.tf", True, True, False),
        ("config.ini", False, True, False), ("a/.env.local", False, True, False), ("x.tfstate", False, True, False),
        (".npmrc", False, True, False), ("a.zip!conf/app.yml", False, True, False), ("a.zip!c.py", True, False, False),
        ("README.md", False, False, False), ("LICENSE", False, False, False), ("LICENSE-MIT", False, False, False),
        ("a.png", False, False, False), ("x.csv", False, False, False), (".gitignore", False, False, False),
        (".credguard-baseline", False, False, False), ("commit 0123456789ab", False, False, True),
        ("<stdin>", False, False, True), ("mail/in.mbox", False, False, True),
        ("general/2024-01-31.json", False, False, True), ("data.json", False, True, False),
    ],
)  # fmt: skip
def test_the_role_of_a_file(path: str, source: bool, settings: bool, message: bool) -> None:
    assert (is_source(path), is_settings(path), is_message(path)) == (source, settings, message)


@pytest.mark.parametrize(
    ("skip", "concerned", "material"),
    [
        (Skip("a.png", "x"), "P01", "P01"),
        (Skip("a.py", "x"), "P01 P03 P06 P09 P12", "P01 P03"),
        (Skip("main.tf", "x"), "P01 P03 P06 P09 P12 P16", "P01 P03 P06 P09 P12 P16"),
        (Skip("one/a.py", "x"), "P01 P03 P06 P09 P12", "P01 P03"),
        (Skip("one/.github/workflows/a.yml", "x"), "P01 P06 P09 P12 P13 P16", "P01 P06 P09 P12 P13 P16"),
        (Skip("x.zip", "x"), "P01 P03 P16", "P01 P03 P16"),
        (Skip(".env", "x"), "P01 P02 P16 P18", "P01 P02 P16 P18"),
        (Skip("Dockerfile", "x"), "P01 P02 P03 P06 P09 P12", "P01 P02 P03"),
        (Skip("keys.csv", "x"), "P01 P15", "P01 P15"),
        (Skip(".", "x", OF_HISTORY), "P01 P02 P15", ""),
        (Skip(".", "x", OF_CONTENTS), "P01 P15", ""),
        (Skip("r.csv", "x", OF_ACCOUNT), "P04 P07 P08 P11", ""),
        (Skip("a.py", "x", "CG405"), "P03 P12", ""),
        (Skip("a.py", "x", "TEAM1"), "P01 P10 P16 P19", ""),
    ],
)  # fmt: skip
def test_what_was_not_read_leaves_open_what_it_could_concern(skip: Skip, concerned: str, material: str) -> None:
    assert sorted(list_concerned(skip, ["", "one/"])) == concerned.split()
    assert sorted(list_material(skip, ["", "one/"])) == material.split()


@pytest.mark.parametrize("skip", [Skip(".", "x"), Skip("one/", "x"), Skip("gone", "x", OF_EVERYTHING)])
def test_what_may_have_been_anything_leaves_everything_open(skip: Skip) -> None:
    assert len(list_concerned(skip, ["", "one/"])) == len(list_material(skip, ["", "one/"])) == 20


@pytest.mark.parametrize(
    ("path", "text", "seen"),
    [
        ("p.json", '{"Effect": "Allow", "Action": "s3:GetObject"}', "P06"),
        ("p.md", '{"Effect": "Allow", "Action": "s3:GetObject"}', ""),
        ("main.tf", 'resource "aws_lambda_function" "f" {}', "P12"),
        ("main.tf", 'resource "aws_cloudtrail" "t" {}', "P09"),
        ("Dockerfile", "FROM x\nENV AWS_REGION=eu-west-1\n", "P12"), ("Dockerfile", "FROM x\n", ""),
        ("a.py", "from java import PreparedStatement\n", ""), ("use.js", "useEffect(() => {})", ""),
    ],
)  # fmt: skip
def test_what_a_file_shows_that_there_is_something_to_check(path: str, text: str, seen: str) -> None:
    found: set[str] = set()
    add_blob_material(Blob(text.encode(), path), found)
    assert found == set(seen.split())
