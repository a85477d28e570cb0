"""The report as a reader meets it: where, how bad, what, the line itself, once for each credential, and what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests import processes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.keys import Filler
    from tests.repos import Repository

PAIR = "[default]\naws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n"


def scan(folder: Path, *words: str) -> str:
    done = processes.run_text(["scan", "--no-progress", *words], cwd=folder)
    assert done.returncode == 1, done.stderr
    return done.stdout


def findings(folder: Path) -> list[str]:
    return [str(finding["rule_id"]) for finding in reported(folder)]


def reported(folder: Path) -> list[dict[str, object]]:
    found = json.loads(scan(folder, "--format", "json"))["findings"]
    return [finding for finding in found if finding["outcome"] == "report"]


def test_a_finding_is_a_clickable_place_what_it_is_and_its_line(repo: Repository, filler: Filler) -> None:
    repo.write({"app/s.py": filler.fill('x = 1\nclient("s3", key="{{GITHUB}}")\n')})
    first, line, carets, hint, *_ = scan(repo.folder).split("\n")
    assert first == "app/s.py:2:19: high CG160 github-token: GitHub token ghp_****"
    assert line == '  2 | client("s3", key="ghp_****")'
    assert carets == "    |                   ^^^^^^^^"
    assert hint.startswith("  hint: revoke it")
    assert line[carets.index("^") :].startswith("ghp_****")


def test_the_same_value_in_twenty_places_is_shown_once(repo: Repository, filler: Filler) -> None:
    repo.write({f"svc/{n:02}/app.txt": filler.fill(PAIR) for n in range(20)})
    text = scan(repo.folder)
    assert text.count("CG103 aws-key-pair") == 1 and text.count("What to do about AKIA") == 1
    assert "  the same in 19 other places: svc/01/app.txt:2:21, svc/02/app.txt:2:21, " in text and "and 15 more" in text
    assert "20 findings block (1 different): 20 critical" in text
    assert all(f"svc/{n:02}/app.txt:2:21" in scan(repo.folder, "-v") for n in (7, 19))
    assert scan(repo.folder, "--format", "concise").count("CG103") == 20


def test_what_to_do_names_each_credential_once(repo: Repository, filler: Filler) -> None:
    repo.write({f"{n}.txt": filler.fill(PAIR.replace("}}", f".{n}}}}}")) for n in range(3)})
    text = scan(repo.folder)
    ids = sorted(re.findall(r"AWS access key ID (AKIA\w{16})", text))
    steps = text[text.index("What to do about") :]
    assert len(ids) == 3 and all(steps.count(key_id) == 1 for key_id in ids)
    assert (
        "(AKID in the steps)" in steps and steps.count("update-access-key --user-name USER --access-key-id AKID") == 1
    )


def test_many_keys_make_a_short_report_that_names_the_command_for_the_rest(repo: Repository, filler: Filler) -> None:
    for part in range(5):
        lines = (filler.fill(f"id = {{{{AKID.{part * 300 + n}}}}}\n") for n in range(300))
        repo.write({f"{part}.txt": "".join(lines)})
    repo.write({".gitignore": ".env\n.env.*\n"})
    text = scan(repo.folder)
    assert len(text.splitlines()) < 300
    assert "and 1,475 more (1,475 high): `credguard scan` with --format concise lists all, one a line" in text
    assert len(scan(repo.folder, "--format", "concise").splitlines()) == 1500


def test_counts_have_the_right_number(repo: Repository, filler: Filler) -> None:
    repo.write({"a.txt": filler.fill("id = {{AKID}}\n"), "b.txt": ""})
    assert "Scanned 2 files, 26 bytes.\n1 finding blocks: 1 high" in scan(repo.folder)
    assert "Scanned 1 file, 26 bytes." in scan(repo.folder, "a.txt")


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("url.txt", 'u = "https://{{AKID}}:{{SECRET|percent}}@bucket.s3.amazonaws.com/x"\n', "CG103"),
        (".env.example", "AWS_ACCESS_KEY_ID={{AKID}}\nAWS_SECRET_ACCESS_KEY={{SECRET}}\n", "CG103"),
        ("ada_accessKeys.csv", "Access key ID,Secret access key\n{{AKID}},{{SECRET}}\n", "CG103"),
        ("rootkey.csv", "AWSAccessKeyId={{AKID}}\nAWSSecretKey={{SECRET}}\n", "CG301"),
    ],
)
def test_one_mistake_is_one_finding(repo: Repository, filler: Filler, path: str, text: str, rule: str) -> None:
    repo.write({path: filler.fill(text), ".gitignore": ".env\n.env.*\n!.env.example\n"})
    repo.add(path, ".gitignore")
    (finding,) = reported(repo.folder)
    assert finding["rule_id"] == rule
    assert finding["attributes"]["also"]  # type: ignore[index]


def test_a_finding_that_another_stands_for_is_still_there_for_exceptions(repo: Repository, filler: Filler) -> None:
    repo.write({"ada_accessKeys.csv": filler.fill("Access key ID,Secret access key\n{{AKID}},{{SECRET}}\n")})
    repo.add()
    mark = str(reported(repo.folder)[0]["fingerprint"])
    assert "also CG203 credential-file-tracked: git rm --cached ada_accessKeys.csv" in scan(repo.folder)
    done = processes.run_text(["allow", mark, "--reason", "planted"], cwd=repo.folder)
    assert done.returncode == 0, done.stderr
    assert findings(repo.folder) == ["CG203"]  # the exception was for the value, not for the file


def test_a_stored_key_of_several_jobs_is_one_finding(repo: Repository) -> None:
    key = "AWS_ACCESS_KEY_ID: ${{ secrets.KEY }}\n      AWS_SECRET_ACCESS_KEY: ${{ secrets.SECRET }}\n"
    job = f"  {{}}:\n    runs-on: x\n    env:\n      {key}    steps:\n    - run: aws s3 ls\n"
    jobs = "".join(job.replace("{}", name, 1) for name in "abc")
    repo.write({".github/workflows/x.yml": f"on: push\njobs:\n{jobs}"})
    repo.add()
    (finding,) = reported(repo.folder)
    assert finding["rule_id"] == "CG403" and len(finding["locations"]) == 3  # type: ignore[arg-type]
    assert "the same in 2 more places of the file" in str(finding["message"])


def test_what_only_a_commit_has_is_named_with_commit_author_and_day(repo: Repository, filler: Filler) -> None:
    repo.commit("begin", {".gitignore": ".env\n.env.*\n"})
    leaked = repo.commit("leak", {"a.txt": filler.fill(PAIR), ".env": "AWS_SECRET_ACCESS_KEY=\n"})[:12]
    repo.git("rm", "-q", "a.txt", ".env")
    repo.commit("remove")
    where = f"in commit {leaked} by Ada <ada@example.com>, 2026-01-02; no longer in the files"
    for words in (("--range", "HEAD~2..HEAD"), ("--history", ".")):
        text = scan(repo.folder, *words)
        assert f"{leaked}:a.txt:2:21: critical CG103" in text and f"  {where}\n" in text
    for name in ("concise", "github", "junit", "gitlab", "sarif", "markdown"):
        told = scan(repo.folder, "--range", "HEAD~2..HEAD", "--format", name)
        assert leaked in told and "2026-01-02" in told and "no longer in the files" in told, name
    assert "file=" not in scan(repo.folder, "--range", "HEAD~2..HEAD", "--format", "github")


def test_what_the_files_still_have_is_named_as_a_file(repo: Repository, filler: Filler) -> None:
    repo.commit("begin", {"README.md": "hello\n"})
    repo.commit("leak", {"a.txt": filler.fill(PAIR)})
    repo.commit("more", {"b.txt": "x\n"})
    text = scan(repo.folder, "--range", "HEAD~2..HEAD")
    assert text.startswith("a.txt:2:21: critical CG103") and "no longer" not in text and "by Ada" in text
    assert "::error file=a.txt,line=2," in scan(repo.folder, "--range", "HEAD~2..HEAD", "--format", "github")
