"""The scorecard of repositories in known states: a practice passes only where what it is about was scanned."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tests.auditing import PAIR
from tests.keys import Filler
from tests.repos import Repository, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.auditing import Audit

IGNORE = {"README.md": "A tool.\n", ".gitignore": ".env\n.env.*\n!.env.example\n"}
BARE = {
    "pass": "P01 P02", "fail": "P20", "partial": "P10", "not-checked": "P04 P05 P07 P08 P09 P11 P14",
    "nothing-to-check": "P03 P06 P12 P13 P15 P16 P17 P18 P19",
}  # fmt: skip
"""What a repository with a README and a .gitignore gives; each state says what is different."""
LITERAL = 'KEY = "{{AKID}}"\nSECRET = "{{SECRET}}"\nimport boto3\nboto3.client("s3", KEY, SECRET)\n'
OIDC = (
    "on: push\njobs:\n  a:\n    permissions: {id-token: write}\n    steps:\n"
    "    - uses: aws-actions/configure-aws-credentials@v5\n      with: {role-to-assume: 'arn:aws:iam::1:role/x'}\n"
)
STORED = OIDC.replace(
    "{role-to-assume: 'arn:aws:iam::1:role/x'}",
    "{aws-access-key-id: '${{ secrets.KEY }}', aws-secret-access-key: '${{ secrets.SECRET }}'}",
)
ROLE = (
    'resource "aws_lambda_function" "f" {\n  role = aws_iam_role.r.arn\n}\n'
    'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [{ Effect = "Allow", '
    'Action = ["s3:GetObject"], Resource = "arn:aws:s3:::bucket/data/*" }] })\n}\n'
)


@dataclass(frozen=True)
class State:
    """A repository (files of its one commit), what else is done to it, how it is audited, and what differs in its
    scorecard from that of one with a README; `reasons` are words of a practice's reason."""

    files: dict[str, str] = field(default_factory=dict)
    then: Callable[[Repository, Audit], object] = lambda _repo, _audit: None
    words: tuple[object, ...] = ()
    card: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def then(*steps: Callable[[Repository, Audit], object]) -> Callable[[Repository, Audit], object]:
    """All of the steps, one after the other."""

    def run(repo: Repository, audit: Audit) -> None:
        for step in steps:
            step(repo, audit)

    return run


def baseline(repo: Repository, audit: Audit, *words: str) -> None:
    """Takes all that is found into a baseline, and commits that."""
    from credguard.cli import main

    main(["baseline", "create", *words])
    audit.discard()
    repo.commit("baseline")


def lose_an_old_object(repo: Repository, _audit: Audit) -> None:
    """A file of the past is gone from git's store."""
    repo.commit("more", {"notes.md": "old\n"})
    oid = repo.git("rev-parse", "HEAD:notes.md").strip()
    repo.git("rm", "-q", "notes.md")
    repo.commit("less")
    (repo.folder / ".git" / "objects" / oid[:2] / oid[2:]).unlink()


def remove(path: str) -> Callable[[Repository, Audit], object]:
    """Takes a file out again, in a commit of its own."""

    def act(repo: Repository, _audit: Audit) -> None:
        repo.git("rm", "-q", path)
        repo.commit("remove")

    return act


def allow(repo: Repository, audit: Audit) -> None:
    """Records an exception of somebody, for a while."""
    (finding,) = (one for one in audit("audit")["findings"] if one["rule_id"] == "CG103")
    entry = f"fingerprint: {finding['fingerprint']}, reason: closed, expires: 2099-01-31, by: ada"
    repo.commit("allow", {".credguard.yaml": f"allow: [{{{entry}}}]\n"})


LEAK = {"fail": "P01 P03 P07 P19"}
"""What a key in a program fails; the commit is some months old."""
ACCEPTED = {"accepted": "P01 P03 P07 P19"}
EXCEPTED = {"accepted": "P01 P03 P19", "fail": "P07 P20"}
STATES = {
    "a README alone": State({".gitignore": ""}, card={"fail": "P02"}, reasons={"P03": "no source files"}),
    "a README and ignored env files": State(),
    "a program": State({"a.py": "x = 1\n"}, card={"pass": "P03"}),
    "a tracked .env with no secret": State({".env": "PORT=3000\n"}, card={"fail": "P02", "pass": "P16"}),
    "the same in a folder": State({"web/.env.production": "PORT=3000\n"}, card={"fail": "P02", "pass": "P16"}),
    "the same where only critical findings block": State(
        {".env": "PORT=3000\n", ".credguard.yaml": "fail-on: critical\n"}, card={"fail": "P02", "pass": "P16"}
    ),
    "the same under the strict policy": State(
        {".env": "PORT=3000\n", ".credguard.yaml": "extends: strict\n"}, card={"fail": "P02", "pass": "P16"}
    ),
    "an .env not ignored, by the usual policy": State(
        {".gitignore": "", ".credguard.yaml": "extends: recommended\n"}, card={"fail": "P02", "pass": "P16"}
    ),
    "an .env not ignored, by the strict policy": State(
        {".gitignore": "", ".credguard.yaml": "extends: strict\n"}, card={"fail": "P02", "pass": "P16"}
    ),
    "an .env that was tracked once": State(
        {".env": "PORT=3000\n"}, remove(".env"), card={"fail": "P02"}
    ),
    "a key in a program": State({"a.py": LITERAL}, card=LEAK, reasons={"P16": "no state or settings files"}),
    "a key in settings": State(
        {"config.ini": PAIR}, card={"fail": "P01 P07 P16 P19"}, reasons={"P03": "no source files"}
    ),
    "a key in a README": State({"README.md": PAIR}, card={"fail": "P01 P07 P19"}),
    "a trap in a program": State({"a.py": LITERAL.replace("AKID", "CANARY")}, card={"pass": "P03"}),
    "temporary credentials that have ended": State(
        {"a.py": LITERAL.replace("AKID", "ASIA") + 'TOKEN = "{{TOKEN}}"\n'}, card={"fail": "P01 P03"},
    ),
    "a key of the past": State(
        {"a.py": LITERAL}, remove("a.py"), card={"fail": "P01 P03 P07", "partial": "P19"},
        reasons={"P19": "only AWS can tell"},
    ),
    "a key in a commit message": State(
        {}, lambda repo, _: repo.commit(Filler("message").fill(PAIR), {"b.md": "x\n"}),
        card={"fail": "P01 P07 P10", "partial": "P19"},
    ),
    "a key in the baseline": State(
        {"a.py": LITERAL}, baseline, card=ACCEPTED, reasons={"P01": "1 in the baseline, without end"}
    ),
    "a key in the baseline for a while": State(
        {"a.py": LITERAL}, lambda repo, audit: baseline(repo, audit, "--expires", "2099-01-31"), card=ACCEPTED,
        reasons={"P19": "1 in the baseline, until 2099-01-31"},
    ),
    "a key in the baseline and another one": State(
        {"a.py": LITERAL},
        then(baseline, lambda repo, _: repo.commit("b", {"b.py": Filler("b").fill(LITERAL)})),
        card=LEAK, reasons={"P01": "also accepted: 1 in the baseline"},
    ),
    "a key that the policy allows": State(
        {"a.py": LITERAL}, allow, card=EXCEPTED | {"pass": "P16"},
        reasons={"P03": "1 by ada in the policy, until 2099-01-31"},
    ),
    "a key with a comment beside it": State(
        {"a.py": LITERAL.replace('"\n', '"  # credguard: allow CG103 -- closed account\n', 1)}, card=EXCEPTED,
        reasons={"P03": "1 by a comment in the file, without end"},
    ),
    "a rule switched off": State(
        {".credguard.yaml": "rules: {CG202: off}\n"}, card={"partial": "P02", "pass": "P16"},
        reasons={"P02": "CG202: switched off"},
    ),
    "an object of the past that is lost": State(
        {"a.py": "x = 1\n"}, lose_an_old_object, card={"partial": "P01 P02", "pass": "P03"},
        reasons={"P01": "1 input could not be read"},
    ),
    "a program over the limit of size": State(
        {"a.py": "x = 1\n" * 400, "b.py": "x = 1\n"}, words=("--max-file-size", "1K"), card={"partial": "P01 P03"},
        reasons={"P03": "1 input could not be read"},
    ),
    "infrastructure over the limit of size": State(
        {"main.tf": "# x\n" * 400}, words=("--max-file-size", "1K"), card={"partial": "P01 P03 P06 P09 P12 P16"},
    ),
    "a picture over the limit of size": State(
        {"a.png": "x" * 2000}, words=("--max-file-size", "1K"), card={"partial": "P01"},
    ),
    "a content that git LFS keeps elsewhere": State(
        {"a.bin": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"},
        card={"partial": "P01"}, reasons={"P01": "git LFS"},
    ),
    "an example without values": State({".env.example": "AWS_SECRET_ACCESS_KEY=\n"}, card={"pass": "P16 P17"}),
    "an example with a real value": State(
        {".env.example": "AWS_ACCESS_KEY_ID={{AKID}}\nAWS_SECRET_ACCESS_KEY={{SECRET}}\n"},
        card={"fail": "P01 P07 P16 P17 P19"},
    ),
    "CI with a role": State({".github/workflows/a.yml": OIDC}, card={"pass": "P13 P16"}),
    "CI with stored keys": State({".github/workflows/a.yml": STORED}, card={"fail": "P13", "pass": "P16"}),
    "a guide that attaches an administrator's policy": State(
        {"setup.md": "Attach the `AdministratorAccess` policy to your user.\n"}, card={"partial": "P06"}
    ),
    "a function with a role of its own": State({"main.tf": ROLE}, card={"pass": "P03 P06 P12 P16"}),
    "a function with an administrator's role": State(
        {"main.tf": ROLE.replace('["s3:GetObject"]', '"*"').replace("arn:aws:s3:::bucket/data/*", "*")},
        card={"fail": "P06", "pass": "P03 P12 P16"},
    ),
    "an image with keys": State(
        {"Dockerfile": "FROM x\nENV AWS_ACCESS_KEY_ID={{AKID}} AWS_SECRET_ACCESS_KEY={{SECRET}}\n"},
        card={"fail": "P01 P03 P07 P12 P19"},
    ),
    "a table of numbers": State({"data.csv": "a,b\n1,2\n"}, card={"pass": "P15"}),
    "the console's table of a key": State(
        {"x.csv": "Access key ID,Secret access key\n{{AKID}},{{SECRET}}\n"}, card={"fail": "P01 P07 P14 P15 P19"}
    ),
    "an npm token": State(
        {".npmrc": "//registry.npmjs.org/:_authToken={{NPM}}\n"}, card={"fail": "P01 P14 P16 P19"}
    ),
    "AWS variables on disk, ignored": State(
        {}, lambda repo, _: write(repo.folder, {".env": Filler("e").fill("AWS_ACCESS_KEY_ID={{AKID}}\n")}),
        card={"pass": "P18"},
    ),
}  # fmt: skip


def read_card(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The scorecard by practice."""
    return {one["id"]: one for one in report["practices"]}


def expect(changes: dict[str, str]) -> dict[str, str]:
    """The status of every practice: that of a README alone, and what differs."""
    return {one: status for card in (BARE, changes) for status, some in card.items() for one in some.split()}


@pytest.mark.parametrize("name", STATES)
def test_scorecard(repo: Repository, audit: Audit, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    state = STATES[name]
    monkeypatch.chdir(repo.folder)
    repo.commit("one", {path: Filler(name).fill(text) for path, text in (IGNORE | state.files).items()})
    state.then(repo, audit)
    card = read_card(audit("audit", *state.words))
    assert {one: standing["status"] for one, standing in card.items()} == expect(state.card)
    for one, words in state.reasons.items():
        assert words in card[one]["reason"], one
    for standing in card.values():
        assert bool(standing["findings"]) <= (standing["status"] == "fail")
        assert bool(standing["accepted"]) == (standing["status"] == "accepted" or "also accepted" in standing["reason"])
        assert standing["reason"] or standing["status"] in ("pass", "fail")


NOW = datetime.now(timezone.utc)
COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "mfa_active", "access_key_1_active",
    "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_2_active", "access_key_2_last_rotated",
    "access_key_2_last_used_date",
)  # fmt: skip
FRESH, QUIET, OLD = ((NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (5, 60, 200))
ROOT = f"<root_account>,arn:aws:iam::123456789012:root,{OLD},true,true,false,N/A,N/A,false,N/A,N/A"
USER = f"ci,arn:aws:iam::123456789012:user/ci,{OLD},false,false,true,{FRESH},{FRESH},false,N/A,N/A"
KEYLESS = USER.replace(f"true,{FRESH},{FRESH}", "false,N/A,N/A")


def make_report(*rows: str, without: str = "") -> str:
    """A credential report, of which one column may be cut out."""
    lines = [COLUMNS, *(tuple(row.split(",")) for row in rows)]
    kept = [number for number, column in enumerate(COLUMNS) if column != without]
    return "".join(",".join(line[number] for number in kept) + "\n" for line in lines)


@pytest.mark.parametrize(
    ("text", "days", "card", "words"),
    [
        (make_report(ROOT, USER), 0, {"pass": "P04 P07 P08 P11"}, ""),
        (make_report(USER), 0, {"partial": "P04 P08", "pass": "P07 P11"}, "no row of the root user"),
        (make_report(ROOT, KEYLESS), 0, {"pass": "P04 P08", "nothing-to-check": "P07 P11"}, ""),
        (make_report(ROOT), 0, {"pass": "P04 P08", "nothing-to-check": "P07 P11"}, ""),
        (make_report(ROOT, USER, without="access_key_2_last_used_date"), 0,
         {"pass": "P04 P07 P08", "not-checked": "P11"}, "no column access_key_2_last_used_date"),
        (make_report(ROOT, USER, without="mfa_active"), 0, {"pass": "P04 P07 P11", "not-checked": "P08"}, "mfa_active"),
        (make_report(ROOT, USER.replace(FRESH, QUIET)), 40, {"partial": "P04 P07 P08 P11"}, "is 40 days old"),
        (make_report(ROOT, USER, USER.replace("123456789012", "210987654321")), 0,
         {"partial": "P04 P08", "pass": "P07 P11"}, "no row of the root user"),
        (make_report(ROOT.replace("true,true,false,N/A", f"true,true,true,{FRESH}"), USER), 0,
         {"fail": "P04", "pass": "P07 P08 P11"}, ""),
        (make_report(ROOT, USER.replace(FRESH, OLD, 1)), 0, {"fail": "P07", "pass": "P04 P08 P11"}, ""),
    ],
)  # fmt: skip
def test_a_credential_report_answers_what_it_holds(
    repo: Repository, audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, days: int,
    card: dict[str, str], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(repo.folder)
    repo.commit("one", IGNORE)
    path = tmp_path / "report.csv"
    path.write_text(text)
    made = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (made, made))
    found = read_card(audit("audit", "--credential-report", path))
    expected = {one: status for one, status in expect(card).items() if one in ("P04", "P07", "P08", "P11")}
    assert {one: found[one]["status"] for one in expected} == expected
    assert any(words in found[one]["reason"] for one in expected)


def test_several_repositories(tmp_path: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        Repository(tmp_path / name).commit("one", IGNORE)
    assert read_card(audit("audit", "a", "b"))["P05"]["status"] == "nothing-to-check"
    for name in ("a", "b"):
        Repository(tmp_path / name).commit("key", {"a.py": Filler("shared").fill(LITERAL)})
    assert read_card(audit("audit", "a", "b"))["P05"]["status"] == "fail"
    assert read_card(audit("audit", "a", "c"))["P05"]["status"] == "pass"
    lost = read_card(audit("audit", "c", "d"))
    assert {one["status"] for one in lost.values()} <= {"fail", "partial", "not-checked"}


def test_a_kept_part_keeps_its_standings(tmp_path: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repository(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    repo.commit("one", {path: Filler("kept").fill(text) for path, text in (IGNORE | {"a.py": LITERAL}).items()})
    monkeypatch.chdir(repo.folder)
    baseline(repo, audit, "--expires", "2099-01-31")
    monkeypatch.chdir(tmp_path)
    first, second = (read_card(audit("audit", "a", "--resume", "state")) for _ in range(2))
    assert first == second
    assert "until 2099-01-31" in second["P01"]["reason"]


def test_a_folder_without_git(tmp_path: Path, audit: Audit) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    card = {one: standing["status"] for one, standing in read_card(audit("audit", tmp_path)).items()}
    assert (card["P01"], card["P02"], card["P03"], card["P20"]) == ("partial", "not-checked", "pass", "not-checked")


def test_only_a_change_passes_nothing(repo: Repository, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.folder)
    repo.commit("one", IGNORE)
    repo.commit("two", {"a.py": "x = 1\n"})
    assert {one["status"] for one in audit("scan", "--range", "HEAD~1..HEAD")["practices"]} == {"not-checked"}


def test_text_says_what_was_not_read_and_what_there_is_nothing_for(
    repo: Repository, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from credguard.cli import main

    monkeypatch.chdir(repo.folder)
    repo.commit("one", IGNORE | {"a.png": "x" * 2000})
    main(["audit", "--max-file-size", "1K", "--no-progress"])
    text = capfd.readouterr().out
    (count,) = (line for line in text.splitlines() if line.startswith("Practices"))
    assert "nothing to check" in count and "0 " not in count.split(":")[1].replace("10 ", "")
    lines = text.splitlines()
    assert "could not be read" in lines[lines.index(count) + 1].lower() and "a.png" in lines[lines.index(count) + 1]
    (idle,) = (line for line in lines if line.startswith("  Nothing to check: "))
    assert "P03 (no source files)" in idle
    assert not [line for line in lines if line.startswith("  P03")]
